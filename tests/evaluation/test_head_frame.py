"""Planted pose, scale and lips come back exactly, whatever the other does."""

import numpy as np
import pytest

from evaluation.head_frame import head_frame
from evaluation.metrics.theval import at_rate
from evaluation.mouth import lip_gap, lip_opening, lip_width
from foundation.errors import InputError
from tests.evaluation.synthetic import EYE_PX, landmarks

FPS = 25.0
TIME_S = np.arange(100) / FPS


def _moving_head() -> dict[str, np.ndarray]:
    rotation = np.stack([0.2 * np.sin(TIME_S), 0.4 * np.sin(1.3 * TIME_S), 0.15 * np.cos(TIME_S)], axis=1)
    position = np.stack([200 + 30 * np.sin(TIME_S), -180 + 10 * np.cos(TIME_S)], axis=1)
    return {"rotation": rotation, "position": position, "eye_px": EYE_PX * (1 + 0.2 * np.sin(TIME_S))}


def test_lip_curves_survive_pose_position_and_scale():
    gap = 0.2 * np.abs(np.sin(5 * TIME_S))
    width = 0.1 * np.sin(3 * TIME_S)
    head = head_frame(landmarks(100, gap=gap, width=width, **_moving_head()), FPS)
    np.testing.assert_allclose(lip_gap(head), gap, atol=1e-4)
    np.testing.assert_allclose(lip_opening(head), gap, atol=1e-4)
    measured = lip_width(head)
    np.testing.assert_allclose(measured - measured.mean(), width - width.mean(), atol=1e-3)


def test_pose_comes_back():
    planted = _moving_head()
    head = head_frame(landmarks(100, gap=0.1, **planted), FPS)
    np.testing.assert_allclose(head.rotation, planted["rotation"], atol=1e-4)
    np.testing.assert_allclose(head.scale_px, planted["eye_px"], rtol=1e-4)
    np.testing.assert_allclose(head.position * np.median(head.scale_px), planted["position"], atol=0.05)


def test_frames_without_a_face_do_not_bend_the_rest():
    gap = 0.2 * np.abs(np.sin(5 * TIME_S))
    points = landmarks(100, gap=gap, **_moving_head())
    valid = np.ones(100, bool)
    valid[10:20] = False
    points[10:20] = np.random.default_rng(0).normal(200, 50, (10, 478, 3))
    head = head_frame(points, FPS, valid)
    np.testing.assert_allclose(lip_gap(head)[valid], gap[valid], atol=1e-4)


def test_resampling_keeps_the_curve():
    head = at_rate(head_frame(landmarks(60, gap=0.1 + 0.05 * np.sin(np.arange(60) / 30)), 30.0), 25.0)
    assert len(head) == 50
    np.testing.assert_allclose(lip_gap(head), 0.1 + 0.05 * np.sin(np.arange(50) / 25), atol=1e-4)


@pytest.mark.parametrize("shape", [(0, 478, 3), (5, 68, 3), (5, 478, 2)])
def test_other_topologies_are_refused(shape):
    with pytest.raises(InputError):
        head_frame(np.zeros(shape, np.float32), FPS)


def test_a_track_without_a_face_is_refused():
    with pytest.raises(InputError, match="without a face"):
        head_frame(landmarks(5), FPS, np.zeros(5, bool))
