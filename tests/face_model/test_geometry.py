"""Rotations, cameras and alignment against closed forms and scipy."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from face_model.alignment import similarity
from face_model.cameras import PinholeCamera, WeakPerspectiveCamera, camera_from_json
from face_model.rotations import geodesic_degrees, rotation_angles, rotation_matrix


def test_rotation_matrix_is_rz_ry_rx():
    angles = np.random.default_rng(0).uniform(-0.7, 0.7, (20, 3))
    truth = Rotation.from_euler("xyz", angles).as_matrix()  # extrinsic x, then y, then z: Rz Ry Rx
    assert np.abs(rotation_matrix(torch.from_numpy(angles)).numpy() - truth).max() < 1e-12


def test_rotation_angles_invert_the_matrix():
    angles = torch.from_numpy(np.random.default_rng(1).uniform(-1.2, 1.2, (50, 3)))
    assert (rotation_angles(rotation_matrix(angles)) - angles).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("axis", "point", "moves_to"),
    [(0, (0, 1, 0), (0, 0, 1)), (1, (0, 0, 1), (1, 0, 0)), (2, (1, 0, 0), (0, 1, 0))],
)
def test_signs_are_those_of_the_conventions(axis, point, moves_to):
    """+ pitch brings the crown towards the viewer, + yaw turns the nose to the viewer's right, + roll lifts the
    right side.
    """
    rotation = torch.zeros(3, dtype=torch.float64)
    rotation[axis] = np.pi / 2
    moved = rotation_matrix(rotation) @ torch.tensor(point, dtype=torch.float64)
    assert torch.allclose(moved, torch.tensor(moves_to, dtype=torch.float64), atol=1e-12)


def test_geodesic_is_the_angle_between():
    first = np.array([[0.1, 0.2, -0.3], [0, 0, 0]])
    second = np.array([[-0.2, 0.1, 0.4], [0, np.deg2rad(2.0), 0]])
    truth = (Rotation.from_euler("xyz", first).inv() * Rotation.from_euler("xyz", second)).magnitude()
    assert np.allclose(geodesic_degrees(first, second), np.rad2deg(truth), atol=1e-6)


def test_both_cameras_put_the_head_origin_at_the_same_pixel():
    translation = torch.tensor([30.0, -20.0, -1000.0])
    for kind in (WeakPerspectiveCamera, PinholeCamera):
        camera = kind(2000.0, 320.0, 240.0, 640, 480)
        pixels, depth = camera.project(torch.zeros(1, 3), translation)
        assert pixels[0].tolist() == pytest.approx([320 + 60, 240 + 40])
        assert depth[0] == -1000.0


def test_pinhole_enlarges_what_is_near_and_weak_perspective_does_not():
    points, translation = torch.tensor([[10.0, 0.0, 100.0]]), torch.tensor([0.0, 0.0, -1000.0])
    near, _ = PinholeCamera(1000.0, 0.0, 0.0, 1, 1).project(points, translation)
    weak, _ = WeakPerspectiveCamera(1000.0, 0.0, 0.0, 1, 1).project(points, translation)
    assert near[0, 0].item() == pytest.approx(1000 * 10 / 900)
    assert weak[0, 0].item() == pytest.approx(10.0)


def test_crop_camera_sees_what_the_resized_crop_shows():
    camera = WeakPerspectiveCamera.for_size(640, 480)
    points, translation = torch.randn(5, 3) * 50, torch.tensor([10.0, 5.0, -1500.0])
    full, _ = camera.project(points, translation)
    cut, _ = camera.crop(100, 50, 300, 256).project(points, translation)
    assert torch.allclose(cut, (full - torch.tensor([100.0, 50.0])) * 256 / 300, atol=1e-3)


def test_camera_survives_json():
    camera = PinholeCamera(900.0, 1.0, 2.0, 3, 4)
    assert camera_from_json(camera.to_json()) == camera


def test_similarity_recovers_a_planted_one_despite_unweighted_outliers():
    rng = np.random.default_rng(2)
    source = rng.normal(size=(6, 40, 3))
    turn = Rotation.from_euler("xyz", rng.uniform(-1, 1, (6, 3))).as_matrix()
    scale, shift = rng.uniform(0.5, 3, 6), rng.normal(size=(6, 3))
    target = scale[:, None, None] * np.einsum("tab,tvb->tva", turn, source) + shift[:, None]
    weights = np.ones(40)
    weights[:5] = 0
    target[:, :5] += 100.0
    found = similarity(source, target, weights)
    for value, truth in zip(found, (scale, turn, shift), strict=True):
        assert np.abs(value - truth).max() < 1e-9


def test_similarity_never_mirrors():
    source = np.random.default_rng(3).normal(size=(30, 3))
    _, turn, _ = similarity(source, source * (-1, 1, 1), np.ones(30))
    assert np.linalg.det(turn) == pytest.approx(1.0)


def test_a_known_rotation_gives_its_best_scale_and_shift() -> None:
    dice = np.random.default_rng(0)
    source, weights = dice.standard_normal((40, 3)), dice.uniform(0.1, 1.0, 40)
    turned = Rotation.from_euler("xyz", (0.2, -0.1, 0.3)).as_matrix()
    target = 3.0 * source @ turned.T + (5.0, -2.0, 1.0) + 0.1 * dice.standard_normal((40, 3))
    known = Rotation.from_euler("xyz", (0.25, -0.1, 0.3)).as_matrix()
    scale, rotation, shift = similarity(source, target, weights, known)
    assert rotation is known

    def squares(values: np.ndarray) -> float:
        return float((weights * ((values[0] * source @ known.T + values[1:] - target) ** 2).sum(1)).sum())

    best = minimize(squares, np.array([1.0, 0, 0, 0]), tol=1e-12).x
    np.testing.assert_allclose([scale, *shift], best, atol=1e-4)
    free = similarity(source, target, weights)
    np.testing.assert_allclose(free[1], turned, atol=0.05)
    np.testing.assert_allclose(similarity(source, target, weights, free[1])[0], free[0], rtol=1e-12)
