"""The rasterisers against closed forms, against each other, and against finite differences."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from render2video.rasterizer import Fragments, create_rasterizer, interpolate
from render2video.rasterizer.numba_backend import NumbaRasterizer
from render2video.rasterizer.torch_backend import TorchRasterizer

SIZE = 32
ROOT = Path(__file__).resolve().parents[2]


def draw(name: str, xy, z, triangles, height_px: int = SIZE, width_px: int = SIZE, **options) -> Fragments[np.ndarray]:  # type: ignore[no-untyped-def]
    """Fragments of either backend as numpy arrays."""
    xy, z, triangles = np.asarray(xy, np.float32), np.asarray(z, np.float32), np.asarray(triangles, np.int32)
    if name == "numba":
        return create_rasterizer("numba", **options)(xy, z, triangles, height_px, width_px)
    tensors = (torch.from_numpy(v) for v in (xy, z, triangles))
    got = create_rasterizer("torch", **options)(*tensors, height_px, width_px)
    return Fragments(got.triangle_index.numpy(), got.barycentric.numpy(), got.depth_mm.numpy())


def random_mesh(seed: int, count: int = 60, lead: tuple[int, ...] = (), snap: bool = False):  # type: ignore[no-untyped-def]
    """Overlapping triangles, some partly outside the picture; `snap` puts vertices on pixel centres, where ties
    abound."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-8, SIZE + 8, (*lead, count, 2)).astype(np.float32)
    if snap:
        xy = np.floor(xy) + np.float32(0.5)
    return xy, rng.uniform(-700, -500, (*lead, count)).astype(np.float32), rng.integers(0, count, (2 * count, 3))


@pytest.mark.parametrize("name", ["numba", "torch"])
def test_a_known_triangle(name: str) -> None:
    xy, z = [[2, 1], [2, 9], [10, 1]], [-600.0, -500.0, -400.0]
    got = draw(name, xy, z, [[0, 1, 2]], 12, 14)
    row, column = np.indices((12, 14)) + 0.5
    weights = np.stack([1 - (row - 1) / 8 - (column - 2) / 8, (row - 1) / 8, (column - 2) / 8], -1)
    # The centres on the slanted edge (x + y = 11, neither a left nor a top edge) are not covered.
    inside = (weights[..., 1] >= 0) & (weights[..., 2] >= 0) & (weights[..., 0] > 0)
    np.testing.assert_array_equal(got.mask, inside)
    np.testing.assert_allclose(got.barycentric[inside], weights[inside], atol=1e-6)
    np.testing.assert_allclose(got.depth_mm[inside], (weights @ z)[inside], rtol=1e-6)
    assert (got.barycentric[~inside] == 0).all() and (got.depth_mm[~inside] == -np.inf).all()
    assert (got.triangle_index[~inside] == -1).all() and got.triangle_index.shape == (12, 14)


@pytest.mark.parametrize("name", ["numba", "torch"])
def test_nearer_wins_and_ties_go_to_the_lower_index(name: str) -> None:
    corner = np.array([[0, 0], [0, 40], [40, 0]], np.float32)
    xy = np.concatenate([corner] * 4)
    got = draw(name, xy, np.repeat([-600, -500, -500, -700], 3), np.arange(12).reshape(4, 3))
    assert set(np.unique(got.triangle_index)) <= {1, -1} and got.mask.sum() > 400


@pytest.mark.parametrize("name", ["numba", "torch"])
def test_intersecting_triangles_are_split_where_their_depths_cross(name: str) -> None:
    xy = np.array([[0, 0], [0, 64], [64, 0]] * 2, np.float32)
    # Depth rises to the right in the first, to the left in the second; equal at x = 16.
    z = [-600, -600, -600 + 64, -600 + 32, -600 + 32, -600 - 32]
    got = draw(name, xy, z, [[0, 1, 2], [3, 4, 5]])
    assert (got.triangle_index[:, :16] == 1).all() and (got.triangle_index[:, 16:] == 0).all()


@pytest.mark.parametrize("options", [{}, {"cull_backfaces": True}, {"perspective_correct": True}])
@pytest.mark.parametrize("snap", [False, True])
def test_backends_agree(options: dict[str, bool], snap: bool) -> None:
    for seed in range(20):
        mesh = random_mesh(seed, snap=snap)
        numba, reference = draw("numba", *mesh, **options), draw("torch", *mesh, **options)
        np.testing.assert_array_equal(numba.triangle_index, reference.triangle_index)  # coverage and order: exact
        np.testing.assert_allclose(numba.barycentric, reference.barycentric, atol=1e-6)
        np.testing.assert_allclose(numba.depth_mm, reference.depth_mm, rtol=1e-6)


def test_parallel_and_leading_axes_change_nothing() -> None:
    xy, z, triangles = random_mesh(3, lead=(2, 3))
    whole = draw("numba", xy, z, triangles)
    for other in (draw("numba", xy, z, triangles, parallel=True), draw("torch", xy, z, triangles)):
        np.testing.assert_array_equal(other.triangle_index, whole.triangle_index)
    assert whole.barycentric.shape == (2, 3, SIZE, SIZE, 3)
    one = draw("torch", xy[1, 2], z[1, 2], triangles)
    np.testing.assert_array_equal(one.triangle_index, whole.triangle_index[1, 2])


@pytest.mark.parametrize("name", ["numba", "torch"])
@pytest.mark.parametrize("seed", range(4))
def test_a_grid_is_watertight(name: str, seed: int) -> None:
    """Every centre within the grid is covered by one triangle only, also when vertices lie on centres (seeds 0, 1)."""
    rng = np.random.default_rng(seed)
    cells = 7
    row, column = np.indices((cells + 1, cells + 1))
    xy = np.stack((column, row), -1) * 4.0 + 2.5
    inner = xy[1:-1, 1:-1]
    inner += rng.integers(-1, 2, inner.shape) if seed < 2 else rng.uniform(-1, 1, inner.shape)
    first = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    below = first + cells + 1
    upper, lower = np.stack((first, below, first + 1), 1), np.stack((first + 1, below, below + 1), 1)
    triangles = np.concatenate((upper, lower))
    triangles[::2] = triangles[::2, ::-1]  # either winding
    times = np.zeros((SIZE, SIZE), int)
    for triangle in triangles:
        times += draw(name, xy.reshape(-1, 2), np.full(64, -1.0), triangle[None]).mask
    expected = np.zeros_like(times)
    expected[2:30, 2:30] = 1  # centres 2.5 to 29.5 inclusive; the closing edges at 30.5 are right and bottom ones
    np.testing.assert_array_equal(times, expected)


@pytest.mark.parametrize("name", ["numba", "torch"])
def test_rounding_tears_no_shared_edge(name: str) -> None:
    """Diagonals that pass centres at distances that float64 cannot tell from 0 give each to one triangle."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        start, end = rng.uniform(-2e-15, 2e-15, 2), [20.0, 20.0]
        xy = np.array([start, end, [0, 32], [32, 0]], np.float32)
        first, second = (draw(name, xy, [-1] * 4, [triangle]).mask for triangle in ([0, 1, 2], [1, 0, 3]))
        on_edge = np.arange(20)
        np.testing.assert_array_equal((first.astype(int) + second)[on_edge, on_edge], 1)


@pytest.mark.parametrize("name", ["numba", "torch"])
def test_culling_keeps_what_faces_the_viewer(name: str) -> None:
    front = [[4, 20], [20, 20], [4, 4]]  # counter-clockwise as seen
    assert draw(name, front, [-1] * 3, [[0, 1, 2]], cull_backfaces=True).mask.any()
    assert not draw(name, front, [-1] * 3, [[0, 2, 1]], cull_backfaces=True).mask.any()
    assert draw(name, front, [-1] * 3, [[0, 2, 1]]).mask.any()


@pytest.mark.parametrize("name", ["numba", "torch"])
def test_perspective_correct_weights_find_the_point_in_space(name: str) -> None:
    """Points of a slanted plane, projected by a pinhole: interpolated positions must project back to the pixel."""
    focal, corners = 40.0, np.array([[-200.0, 150, -400], [-150, -300, -700], [400, 100, -1200]])
    xy = np.stack((16 + focal * corners[:, 0] / -corners[:, 2], 16 - focal * corners[:, 1] / -corners[:, 2]), -1)
    got = draw(name, xy, corners[:, 2], [[0, 1, 2]], perspective_correct=True)
    point = got.barycentric[got.mask].astype(float) @ corners
    row, column = np.nonzero(got.mask)
    assert len(row) > 100
    np.testing.assert_allclose(16 + focal * point[:, 0] / -point[:, 2], column + 0.5, atol=1e-4)
    np.testing.assert_allclose(16 - focal * point[:, 1] / -point[:, 2], row + 0.5, atol=1e-4)
    np.testing.assert_allclose(got.depth_mm[got.mask], point[:, 2], rtol=1e-5)


@pytest.mark.parametrize("name", ["numba", "torch"])
def test_what_cannot_be_drawn_is_left_out(name: str) -> None:
    xy = np.array([[0, 0], [30, 30], [15, 15], [np.nan, 3], [np.inf, 9], [0, 31], [1e30, -1e30]])
    z = np.full(7, -500.0)
    triangles = [[0, 1, 2], [0, 1, 3], [0, 1, 4], [0, 0, 1], [0, 5, 1]]
    got = draw(name, xy, z, triangles)
    assert set(np.unique(got.triangle_index)) == {-1, 4}
    assert not draw(name, xy, z, np.zeros((0, 3))).mask.any()
    assert draw(name, xy, z, [[0, 5, 6]]).triangle_index.shape == (SIZE, SIZE)  # far outside: clipped, no overflow


@pytest.mark.parametrize("perspective", [False, True])
def test_gradients_reach_the_vertices(perspective: bool) -> None:
    rng = np.random.default_rng(0)
    xy = torch.tensor(rng.uniform(2, 14, (2, 5, 2)), dtype=torch.float64, requires_grad=True)
    z = torch.tensor(rng.uniform(-700, -500, (2, 5)), dtype=torch.float64, requires_grad=True)
    colour = torch.tensor(rng.random((2, 5, 2)), dtype=torch.float64, requires_grad=True)
    triangles = torch.tensor([[0, 1, 2], [2, 3, 4]])
    rasterizer = TorchRasterizer(perspective_correct=perspective)

    def picture(xy: torch.Tensor, z: torch.Tensor, colour: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fragments = rasterizer(xy, z, triangles, 16, 16)
        return interpolate(fragments, triangles, colour), fragments.depth_mm[fragments.mask]

    assert rasterizer(xy, z, triangles, 16, 16).mask.sum() > 30
    assert torch.autograd.gradcheck(picture, (xy, z, colour), eps=1e-6, atol=1e-5, rtol=1e-3)


def test_interpolation_agrees_and_is_linear() -> None:
    xy, z, triangles = random_mesh(5, lead=(3,))
    fragments = draw("numba", xy, z, triangles)
    parts = (fragments.triangle_index, fragments.barycentric, fragments.depth_mm)
    tensors = Fragments(*(torch.from_numpy(v) for v in parts))
    # Attributes that are the position itself must give the pixel's centre.
    at = interpolate(fragments, triangles, xy)
    centre = np.stack(np.indices((SIZE, SIZE))[::-1], -1) + 0.5
    np.testing.assert_allclose(at[fragments.mask], np.broadcast_to(centre, at.shape)[fragments.mask], atol=2e-4)
    for attributes in (xy, np.random.default_rng(0).random((60, 4), np.float32)):
        mine = interpolate(fragments, triangles, attributes, background=-2.0)
        other = interpolate(tensors, torch.from_numpy(triangles), torch.from_numpy(attributes), background=-2.0)
        np.testing.assert_allclose(mine, other.numpy(), atol=1e-4)
        assert (mine[~fragments.mask] == -2.0).all()


def test_a_memory_bound_does_not_change_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = random_mesh(1, snap=True)
    whole = draw("torch", *mesh)
    monkeypatch.setattr("render2video.rasterizer.torch_backend._MAX_CANDIDATES", 500)
    np.testing.assert_array_equal(draw("torch", *mesh).triangle_index, whole.triangle_index)


def test_names() -> None:
    assert isinstance(create_rasterizer(), NumbaRasterizer)
    with pytest.raises(InputError, match="numba, torch"):
        create_rasterizer("opengl")


def test_wrong_indices_are_an_assertion_and_not_foreign_memory() -> None:
    with pytest.raises(AssertionError):
        draw("numba", np.zeros((3, 2)), np.zeros(3), [[0, 1, 3]])


def test_where_nothing_can_be_kept_it_compiles_anew() -> None:
    code = (
        "import numpy as np, numba.core.caching as caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "from render2video.rasterizer.numba_backend import NumbaRasterizer, compiled_folder\n"
        "xy = np.array([[[0, 0], [9, 0], [0, 9]]], np.float32)\n"
        "drawn = NumbaRasterizer(cull_backfaces=False)(xy, np.zeros((1, 3), np.float32), np.array([[0, 1, 2]]), 8, 8)\n"
        "print(compiled_folder(), (drawn.triangle_index == 0).sum())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept, covered = done.stdout.split()
    assert kept == "None" and int(covered) > 20
