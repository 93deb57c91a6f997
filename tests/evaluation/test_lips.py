"""Planted lip curves are measured exactly."""

import numpy as np
import pytest

from evaluation.curves import correlation, lag_correlation, runs
from evaluation.head_frame import HeadFrame, head_frame
from evaluation.metrics import lips
from evaluation.metrics.lips import Phone
from tests.evaluation.synthetic import landmarks, syllables

FPS = 25.0
FRAMES = 200


def _head(gap=0.0, width=0.0, **pose) -> HeadFrame:
    return head_frame(landmarks(FRAMES, gap=gap, width=width, **pose), FPS)


@pytest.fixture(scope="module")
def gap() -> np.ndarray:
    return 0.2 * syllables(FRAMES, FPS)


def test_amplitude_ratio_is_the_planted_factor(gap):
    assert lips.gap_amplitude_ratio(_head(0.6 * gap), _head(gap)) == pytest.approx(0.6, abs=1e-3)
    assert lips.width_amplitude_ratio(_head(width=0.7 * gap), _head(width=gap)) == pytest.approx(0.7, abs=1e-3)


@pytest.mark.parametrize("lag", [-10, -3, 0, 1, 7, 10])
def test_lag_is_the_planted_one(gap, lag):
    later = np.roll(gap, lag)
    found = lips.gap_correlation(_head(later), _head(gap))
    assert found.lag_s == pytest.approx(lag / FPS, abs=0.5 / FPS)
    assert found.best > 0.97
    assert lips.width_correlation(_head(width=later), _head(width=gap)).lag_s == pytest.approx(lag / FPS, abs=0.5 / FPS)


def test_correlation_ignores_size_and_pose_but_not_sign(gap):
    turned = np.stack(
        [0.1 * np.sin(np.arange(FRAMES) / 9), 0.4 * np.sin(np.arange(FRAMES) / 11), np.zeros(FRAMES)], axis=1
    )
    assert lips.gap_correlation(_head(0.5 * gap, rotation=turned), _head(gap)).at_zero == pytest.approx(1, abs=1e-3)
    assert lips.gap_correlation(_head(0.3 - gap), _head(gap)).at_zero == pytest.approx(-1, abs=1e-3)


def test_frozen_lips_follow_nothing(gap):
    assert lips.gap_correlation(_head(0.1), _head(gap)).at_zero == 0.0
    assert lips.gap_amplitude_ratio(_head(0.1), _head(gap)) == pytest.approx(0, abs=1e-3)
    assert np.isnan(lips.gap_correlation(_head(gap), _head(0.1)).at_zero)  # a still truth says nothing


def test_landmark_distance_is_the_planted_offset():
    """The inner rings (18 of 40 lip points) each move by half the gap; the face counts 468 points."""
    assert lips.mouth_lmd(_head(0.1), _head(0.0)) == pytest.approx(0.05 * 18 / 40, rel=1e-3)
    assert lips.face_lmd(_head(0.1), _head(0.0)) == pytest.approx(0.05 * 18 / 468, rel=1e-2)
    assert lips.mouth_lmd(_head(0.1), _head(0.1)) == 0


def test_bilabials_close_or_do_not():
    gap = np.full(FRAMES, 0.2)
    gap[50:54] = 0.0  # 2.0 - 2.16 s
    phones = [Phone(2.0, 2.15, "P"), Phone(4.0, 4.1, "m"), Phone(5.0, 5.1, "AA1")]
    assert lips.bilabial_closure(_head(gap), phones) == 0.5
    assert lips.bilabial_closure(_head(0.2), phones) == 0.0
    assert np.isnan(lips.bilabial_closure(_head(gap), [Phone(5.0, 5.1, "AA1")]))
    assert lips.is_bilabial("bː") and lips.is_bilabial("M") and not lips.is_bilabial("v")


def test_frames_without_a_face_are_left_out(gap):
    points = landmarks(FRAMES, gap=gap)
    valid = np.ones(FRAMES, bool)
    valid[30:40] = False
    points[30:40] = landmarks(10, gap=0.5)
    broken = head_frame(points, FPS, valid)
    assert lips.gap_correlation(broken, _head(gap)).at_zero == pytest.approx(1, abs=1e-4)
    assert lips.mouth_lmd(broken, _head(gap)) == pytest.approx(0, abs=1e-4)


def test_curves_of_different_length_and_short_curves():
    assert np.isnan(correlation(np.zeros(3), np.arange(3.0)))
    assert np.isnan(lag_correlation(np.zeros(1), np.zeros(1), FPS).best)
    assert [(r.start, r.stop) for r in runs(np.array([1, 1, 0, 1, 0, 1, 1, 1], bool), 2)] == [(0, 2), (5, 8)]
