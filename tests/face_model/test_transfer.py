"""Transfer between face models: exact where they share geometry, bounded, steady, and seen in the same place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear

from face_model import flame, ict, mp478
from face_model.cameras import Camera, PinholeCamera, WeakPerspectiveCamera
from face_model.correspondence import MEANING, correspond, nearest_on_triangles
from face_model.morphable_model import MorphableModel, rotate
from face_model.rotations import rotation_matrix
from face_model.tracks import FaceMotion
from face_model.transfer import (
    ExpressionSpace,
    TransferSettings,
    bounded_least_squares,
    expression_space,
    flame_space,
    kit_space,
    transfer,
)
from foundation.errors import InputError

EXACT = TransferSettings(noise_mm=1e-3, cutoff_hz=None)
TURN = rotation_matrix(torch.tensor([0.1, -0.05, 0.03]))
SHIFT_MM, SCALE = torch.tensor([4.0, -20.0, 35.0]), 1.1


def other_mesh(expressions: int = 20, landmarks: bool = True) -> tuple[MorphableModel, np.ndarray]:
    """`mp478` with every triangle cut in four, turned, moved and enlarged, its expressions mixed: `[K, 64]`."""
    model = mp478.load()
    edges = torch.cat([model.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]).sort(dim=1).values
    pairs, where = edges.unique(dim=0, return_inverse=True)
    ab, bc, ca = (where + len(model.mean_mm)).chunk(3)
    a, b, c = model.triangles.T
    cut = torch.cat([torch.stack(t, 1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])

    def finer(values: torch.Tensor) -> torch.Tensor:
        return torch.cat((values, values[..., pairs, :].mean(-2)), dim=-2) @ TURN.T * SCALE

    mixing = np.random.default_rng(3).normal(0, 0.3, (expressions, 64))
    mixed = torch.einsum("kj,jvc->kvc", torch.from_numpy(mixing).float(), model.expression_mm)
    known = torch.zeros(68, dtype=torch.long)
    known[list(MEANING)] = torch.tensor(list(MEANING.values()))
    mean = finer(model.mean_mm)
    return replace(
        model, id="other", mean_mm=mean + SHIFT_MM, expression_mm=finer(mixed),
        blink_mm=torch.zeros_like(mean), triangles=cut, triangle_region=model.triangle_region.repeat(4),
        identity_mm=torch.zeros(0, *mean.shape), index_sets={"landmarks68": known} if landmarks else {},
    ), mixing  # fmt: skip


def talk(size: int, frames: int = 40, face_model: str = "other", seed: int = 0) -> FaceMotion:
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / 30
    expression = np.sin(2 * np.pi * time * rng.uniform(0.3, 2, size) + rng.uniform(0, 6, size))
    rotation = 0.2 * np.sin(time * np.array([2.0, 3.0, 1.0]))
    place = np.array([10.0, -20.0, -1500.0]) + 5 * np.sin(time * np.array([1.0, 2.0, 3.0]))
    parts = (expression, rotation, place, 2 + 2 * np.sin(4 * time[:, 0]))
    return FaceMotion(30.0, *(np.asarray(part, np.float32) for part in parts), face_model)


def test_models_of_the_same_geometry_exchange_expressions_exactly() -> None:
    model, mixing = other_mesh()
    source, target = expression_space(model), expression_space(mp478.load())
    motion = talk(20)
    there = transfer(motion, source, target, EXACT)
    np.testing.assert_allclose(there.motion.expression - target.rest, motion.expression @ mixing, atol=2e-3)
    assert there.lost_share < 1e-3 and there.motion.face_model == mp478.ID
    np.testing.assert_array_equal(there.motion.blink, motion.blink)
    back = transfer(there.motion, target, source, EXACT)
    np.testing.assert_allclose(back.motion.pack(), motion.pack(), atol=5e-3)


@pytest.mark.parametrize("landmarks", [True, False])
def test_points_are_found_on_a_mesh_of_another_topology(landmarks: bool) -> None:
    model, _ = other_mesh(landmarks=landmarks)
    found = correspond(model)
    truth = model.mean_mm.numpy()[:468]
    error = np.linalg.norm(found.of(model.mean_mm.numpy()) - truth, axis=1)
    assert found.valid.all() and error.max() < (1e-3 if landmarks else 2.0)
    assert found.scale == pytest.approx(1 / SCALE, rel=1e-2)


def test_nearest_points_of_triangles_are_the_nearest_of_many() -> None:
    rng = np.random.default_rng(0)
    corners, points = rng.normal(0, 1, (30, 3, 3)), rng.normal(0, 2, (30, 3))
    weights, distance = nearest_on_triangles(points, corners)
    grid = np.array([(a, b, 100 - a - b) for a in range(101) for b in range(101 - a)]) / 100
    tried = np.linalg.norm(np.einsum("gk,nkc->ngc", grid, corners) - points[:, None], axis=-1).min(1)
    assert (weights >= -1e-12).all() and np.allclose(weights.sum(1), 1)
    assert (distance <= tried + 1e-9).all() and (distance > tried - 0.05).all()
    landed = np.einsum("nk,nkc->nc", weights, corners)
    np.testing.assert_allclose(np.linalg.norm(landed - points, axis=1), distance, atol=1e-9)


def second_differences(frames: int) -> np.ndarray:
    mirrored = np.eye(frames)[[0, *range(frames), frames - 1]]
    return np.diff(mirrored, n=2, axis=0)


def test_the_bounded_solution_is_scipys() -> None:
    rng = np.random.default_rng(1)
    frames, size = 7, 5
    basis, wanted = rng.normal(0, 1, (12, size)), rng.normal(0, 3, (frames, 12))
    lower, upper = np.array([-0.5, 0, 0, -9, 0]), np.array([0.5, 1, 0.2, 9, 1])
    for smoothness in (0.0, 8.0):
        gram = basis.T @ basis + 1e-2 * np.eye(size)
        got = bounded_least_squares(gram, wanted @ basis, lower, upper, smoothness, tolerance=1e-8)
        root = np.linalg.cholesky(gram).T
        rough = np.sqrt(smoothness) * np.kron(second_differences(frames), root)
        stacked = np.concatenate([np.kron(np.eye(frames), basis), 0.1 * np.eye(frames * size), rough])
        right = np.concatenate([wanted.ravel(), np.zeros(len(stacked) - wanted.size)])
        truth = lsq_linear(stacked, right, (np.tile(lower, frames), np.tile(upper, frames)), tol=1e-14).x
        np.testing.assert_allclose(got, truth.reshape(frames, size), atol=1e-5)
        assert ((got >= lower) & (got <= upper)).all() and (got == upper).any(), "a case in which the bounds bite"


def test_what_a_model_cannot_do_is_told_as_residual() -> None:
    model, _ = other_mesh()
    source = expression_space(model)
    stiff = replace(expression_space(mp478.load()), lower=np.full(64, -0.3), upper=np.full(64, 0.3), rest=np.zeros(64))
    tight = transfer(talk(20), source, stiff, EXACT)
    assert np.abs(tight.motion.expression).max() <= 0.3 and 0.2 < tight.lost_share < 1
    dead = replace(stiff, offsets_mm=np.zeros_like(stiff.offsets_mm))
    still = transfer(talk(20), source, dead)
    assert still.lost_share == pytest.approx(1) and np.abs(still.motion.expression).max() < 1e-9
    np.testing.assert_allclose(still.residual_mm, still.moved_mm)


def test_the_temporal_term_takes_the_tremble_and_leaves_the_speech() -> None:
    model, mixing = other_mesh()
    source, target = expression_space(model), expression_space(mp478.load())
    calm = talk(20, frames=120)
    noise = np.random.default_rng(5).normal(0, 0.2, calm.expression.shape).astype(np.float32)
    trembling = replace(calm, expression=calm.expression + noise)

    def error(settings: TransferSettings) -> tuple[float, float]:
        got = transfer(trembling, source, target, settings).motion.expression - target.rest
        truth = calm.expression @ mixing
        return float(np.diff(got, n=2, axis=0).std()), float((got - truth).std() / truth.std())

    (rough, off), (smooth, nearer) = (error(replace(EXACT, cutoff_hz=hz)) for hz in (None, 6.0))
    assert smooth < 0.3 * rough and nearer < 0.7 * off, (rough, smooth, off, nearer)


@pytest.mark.parametrize("kind", [WeakPerspectiveCamera, PinholeCamera])
def test_the_other_head_is_seen_where_the_first_was(kind: type[Camera]) -> None:
    model, _ = other_mesh()
    source, target = expression_space(model), expression_space(mp478.load())
    motion = talk(20)
    moved = transfer(motion, source, target, EXACT).motion
    camera = kind.for_size(512, 512)
    seen = []
    for motion_, points in ((motion, model.mean_mm[:468]), (moved, mp478.load().mean_mm[:468])):
        turned = rotate(points, torch.from_numpy(motion_.rotation))
        seen.append(camera.project(turned, torch.from_numpy(motion_.translation))[0].numpy())
    tolerance_px = 0.02 if kind is WeakPerspectiveCamera else 8.0  # the origin has another depth in the head
    np.testing.assert_allclose(seen[0], seen[1], atol=tolerance_px)


def test_motions_of_other_models_are_refused() -> None:
    model, _ = other_mesh()
    source, target = expression_space(model), expression_space(mp478.load())
    with pytest.raises(InputError, match="face model 'mp478'; expected 'other'"):
        transfer(talk(20, face_model="mp478"), source, target)
    with pytest.raises(InputError, match="7 coefficients"):
        transfer(talk(7), source, target)


def flame_of(model: MorphableModel) -> flame.FlameModel:
    """A head with a jaw, in FLAME's layout, over a mesh: the lower face hangs on the jaw, the rest on the neck."""
    points = model.mean_mm
    count = len(points)
    regressor = torch.full((5, count), 1 / count)
    weights = torch.zeros(count, 5)
    below = ((-30 - points[:, 1]) / 25).clamp(0, 1)
    weights[:, 2], weights[:, 1] = below, 1 - below
    return flame.FlameModel(
        template_mm=points, shape_mm=torch.zeros(4, count, 3), expression_mm=model.expression_mm,
        correctives_mm=torch.zeros(36, count, 3), joint_regressor=regressor, weights=weights,
        parents=(-1, 0, 1, 1, 1), triangles=model.triangles,
    )  # fmt: skip


def test_a_turned_jaw_is_transferred_and_comes_back() -> None:
    head = flame_of(replace(mp478.load(), expression_mm=mp478.load().expression_mm[:8]))
    space = flame_space(head)
    linear = head.morphable()
    opened = torch.zeros(1, 11)
    opened[0, 8] = 0.25
    exact = head.with_jaw(torch.zeros(4), opened)
    straight = linear.vertices(linear.mean_mm, opened, torch.zeros(1))
    torch.testing.assert_close(exact, straight, atol=1e-3, rtol=0)
    opened[0, 8] = 0.4
    arc = (head.with_jaw(torch.zeros(4), opened) - linear.vertices(linear.mean_mm, opened, torch.zeros(1))).norm(dim=-1)
    assert 0.1 < float(arc.max()) < 5, "off the arc, by little"
    motion = talk(11, face_model=flame.ID)
    motion.expression[:, 8:] = 0.2 + 0.2 * motion.expression[:, 8:] * (1, 0, 0)
    other = replace(mp478.load(), id="other", expression_mm=linear.expression_mm[list(range(10, -1, -1))])
    there = transfer(motion, space, expression_space(other), EXACT)
    np.testing.assert_allclose(there.motion.expression[:, ::-1], motion.expression, atol=2e-3)
    back = transfer(there.motion, expression_space(other), space, EXACT)
    assert (back.motion.expression[:, 9:] <= 0.2 + 1e-6).all(), "a jaw goes only so far aside"
    np.testing.assert_allclose(back.motion.expression, motion.expression, atol=2e-3)


@pytest.fixture(scope="module")
def real_space(data_dir: Path) -> tuple[ict.IctModel, ExpressionSpace]:
    if not (data_dir / "ict_facekit/generic_neutral_mesh.obj").is_file():
        pytest.skip(f"no ICT-FaceKit under {data_dir}")
    kit = ict.load(data_dir / "ict_facekit")
    return kit, kit_space(kit)


def lip_gap_mm(expression: np.ndarray) -> np.ndarray:
    model = mp478.load()
    points = model.vertices(model.mean_mm, torch.from_numpy(expression), torch.zeros(len(expression)))
    return (points[:, 13] - points[:, 14]).norm(dim=-1).numpy()


def test_landmarks_of_the_real_kit_lie_where_mp478_says(real_space: tuple[ict.IctModel, ExpressionSpace]) -> None:
    """A nearest point found without the landmarks is no worse than a lip's width from one found with them."""
    kit, space = real_space
    head = kit.morphable()
    points = space.place.of(head.mean_mm.numpy())
    assert kit.landmarks68 is not None
    known = head.mean_mm[kit.landmarks68].numpy()
    off = np.linalg.norm(known[list(MEANING)] - points[list(MEANING.values())], axis=1)
    assert off.max() < 1.0 and space.valid.all()
    alone = correspond(replace(head, index_sets={})).of(head.mean_mm.numpy())
    assert np.median(np.linalg.norm(alone - points, axis=1)) < 3
    assert abs(space.place.scale - 1) < 0.05


def test_a_mouth_of_the_real_kit_opens_that_of_mp478_and_back(
    real_space: tuple[ict.IctModel, ExpressionSpace],
) -> None:
    kit, space = real_space
    target = expression_space(mp478.load())
    names = list(kit.expression_names)
    motion = talk(len(names), frames=60, face_model=ict.ID)
    motion.expression[:] = 0
    jaw = 0.3 + 0.3 * np.sin(np.arange(60) / 4)
    motion.expression[:, names.index("jawOpen")] = jaw
    there = transfer(motion, space, target)
    gap = lip_gap_mm(there.motion.expression)
    assert np.corrcoef(gap, jaw)[0, 1] > 0.98 and gap.min() < 3 and gap.max() > 10
    back = transfer(there.motion, target, space)
    assert np.corrcoef(back.motion.expression[:, names.index("jawOpen")], jaw)[0, 1] > 0.98
    assert there.lost_share < 0.5 and back.lost_share < 0.5
    assert back.motion.expression.min() >= 0 and back.motion.expression.max() <= 1
