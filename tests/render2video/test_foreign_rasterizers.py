"""pytorch3d and nvdiffrast behind `Rasterizer`, against the plain torch backend.

`real` runs the library itself and skips where it is absent; `plain` runs the adapter over a stand-in that follows the
library's documented conventions.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from render2video.rasterizer import Fragments, create_rasterizer, interpolate
from tests.render2video.plain_libraries import distance_to_edges_px, install
from tests.render2video.test_rasterizer import random_mesh

HEIGHT, WIDTH = 24, 34
NEAR_EDGE_PX, SAME_DEPTH_MM = 1e-3, 0.02
OPTIONS = [{}, {"cull_backfaces": True}, {"perspective_correct": True}]


@pytest.fixture(params=["pytorch3d plain", "nvdiffrast plain", "pytorch3d real", "nvdiffrast real"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A backend's name and the device that it draws on."""
    name, kind = request.param.split()
    if kind == "plain":
        install(monkeypatch, name)
        return name, "cpu"
    pytest.importorskip("pytorch3d._C" if name == "pytorch3d" else "nvdiffrast.torch", reason=f"{name} not installed")
    if name == "nvdiffrast" and not torch.cuda.is_available():
        pytest.skip("nvdiffrast needs CUDA")
    return name, "cuda" if torch.cuda.is_available() else "cpu"


def draw(library: tuple[str, str], mesh: tuple, **options: bool) -> Fragments[torch.Tensor]:  # type: ignore[type-arg]
    name, device = library
    xy, z, triangles = (torch.as_tensor(np.asarray(part), device=device) for part in mesh)
    got = create_rasterizer(name, **options)(xy, z, triangles, HEIGHT, WIDTH)
    return Fragments(got.triangle_index.cpu(), got.barycentric.cpu(), got.depth_mm.cpu())


@pytest.mark.parametrize("options", OPTIONS)
def test_agrees_with_ours(library: tuple[str, str], options: dict[str, bool]) -> None:
    """Coverage and order are ours, but for centres on an edge and surfaces that cross; so are weights and depths."""
    compared = 0
    for seed in range(4):
        xy, z, triangles = random_mesh(seed, count=14)
        triangles = triangles[np.unique(np.sort(triangles, axis=1), axis=0, return_index=True)[1]]  # twins always tie
        theirs, ours = (draw(each, (xy, z, triangles), **options) for each in (library, ("torch", "cpu")))
        same = (theirs.triangle_index == ours.triangle_index).numpy()
        sure = distance_to_edges_px(xy, triangles, HEIGHT, WIDTH) > NEAR_EDGE_PX
        with np.errstate(invalid="ignore"):  # nothing is as far as nothing
            tied = np.abs(theirs.depth_mm.numpy() - ours.depth_mm.numpy()) < SAME_DEPTH_MM
        assert (same | ~sure | tied).all()
        assert same.mean() > 0.98
        seen = same & ours.mask.numpy()
        compared += int(seen.sum())
        np.testing.assert_allclose(theirs.barycentric.numpy()[seen], ours.barycentric.numpy()[seen], atol=2e-4)
        np.testing.assert_allclose(theirs.depth_mm.numpy()[seen], ours.depth_mm.numpy()[seen], atol=SAME_DEPTH_MM)
    assert compared > 800


def test_leading_axes_and_pictures_of_nothing(library: tuple[str, str]) -> None:
    xy, z, triangles = random_mesh(3, lead=(2, 2), count=12)
    xy[0, 1] = np.nan
    whole = draw(library, (xy, z, triangles))
    assert whole.barycentric.shape == (2, 2, HEIGHT, WIDTH, 3) and not whole.mask[0, 1].any()
    assert (whole.depth_mm[0, 1] == -torch.inf).all() and (whole.barycentric[0, 1] == 0).all()
    one = draw(library, (xy[1, 0], z[1, 0], triangles))
    assert torch.equal(one.triangle_index, whole.triangle_index[1, 0]) and one.mask.any()
    assert not draw(library, (xy[1, 0], z[1, 0], np.zeros((0, 3), int))).mask.any()


def test_what_cannot_be_drawn_is_left_out(library: tuple[str, str]) -> None:
    xy = np.array([[0, 0], [30, 30], [15, 15], [np.nan, 3], [np.inf, 9], [0.2, 31]], np.float32)
    got = draw(library, (xy, np.full(6, -500, np.float32), [[0, 1, 2], [0, 1, 3], [0, 1, 4], [0, 0, 1], [0, 5, 1]]))
    assert set(got.triangle_index.unique().tolist()) == {-1, 4}


def test_attributes_find_their_pixels(library: tuple[str, str]) -> None:
    """Attributes that are the position itself give the pixel's centre, the right way up and round."""
    xy, z, triangles = random_mesh(5, count=20)
    fragments = draw(library, (xy, z, triangles))
    at = interpolate(fragments, torch.from_numpy(triangles), torch.from_numpy(xy))
    centre = torch.from_numpy(np.stack(np.indices((HEIGHT, WIDTH))[::-1], -1) + 0.5).float()
    assert fragments.mask.sum() > 300
    torch.testing.assert_close(at[fragments.mask], centre[fragments.mask], atol=0.01, rtol=0)


def test_gradients_are_ours(library: tuple[str, str]) -> None:
    xy, z, triangles = random_mesh(1, count=9)
    gradients = []
    for name, device in (library, ("torch", "cpu")):
        leaves = [torch.tensor(part, device=device, requires_grad=True) for part in (xy, z)]
        got = create_rasterizer(name)(*leaves, torch.as_tensor(triangles, device=device), HEIGHT, WIDTH)
        inner = got.mask.cpu() & torch.from_numpy(distance_to_edges_px(xy, triangles, HEIGHT, WIDTH) > 0.3)
        (got.barycentric[inner.to(device)][:, 0].sum() + got.depth_mm[inner.to(device)].sum()).backward()
        gradients.append([leaf.grad.cpu() for leaf in leaves if leaf.grad is not None])
    for theirs, ours in zip(*gradients, strict=True):
        torch.testing.assert_close(theirs, ours, rtol=2e-3, atol=2e-2)


@pytest.mark.parametrize("name", ["pytorch3d", "nvdiffrast"])
def test_an_absent_library_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (name, f"{name}.torch", f"{name}._C"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=f"rasteriser '{name}' cannot be loaded.*{name} installed"):
        create_rasterizer(name)
