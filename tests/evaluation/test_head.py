"""Sine poses have closed-form spread, speed and jitter; beats are found where they were planted."""

import numpy as np
import pytest

from evaluation.head_frame import HeadFrame, head_frame
from evaluation.metrics import head as metrics
from evaluation.metrics import identity
from evaluation.prosody import beats
from tests.evaluation.synthetic import EYE_PX, landmarks, tone

FPS = 50.0
FRAMES = 500  # ten seconds: whole periods of every sine below
TIME_S = np.arange(FRAMES) / FPS


def _yawing(amplitude: float, hz: float) -> HeadFrame:
    yaw = amplitude * np.sin(2 * np.pi * hz * TIME_S)
    return head_frame(landmarks(FRAMES, rotation=np.stack([0 * yaw, yaw, 0 * yaw], axis=1)), FPS)


def test_spread_and_speed_of_a_sine():
    head = _yawing(0.2, 0.5)
    assert metrics.pose_spread_deg(head) == pytest.approx(np.rad2deg(0.2 / np.sqrt(2)) / 3, rel=1e-3)
    assert metrics.pose_speed_deg_s(head) == pytest.approx(np.rad2deg(4 * 0.2 * 0.5), rel=5e-3)  # 4 amplitudes a period


def test_jitter_of_a_sine():
    head = _yawing(0.2, 2.0)
    step = 2 * np.pi * 2.0 / FPS
    expected = np.rad2deg(0.2 / np.sqrt(2) * (2 * np.sin(step / 2)) ** 2) / np.sqrt(3)
    assert metrics.pose_jitter_deg(head) == pytest.approx(expected, rel=1e-2)


def test_position_jitter_of_alternating_frames():
    position = np.tile([200.0, -180.0], (FRAMES, 1))
    position[::2, 0] += 4.0
    head = head_frame(landmarks(FRAMES, position=position), FPS)
    assert metrics.position_jitter(head) == pytest.approx(2 * 4.0 / EYE_PX / np.sqrt(2), rel=1e-3)


def test_rotation_error_is_the_planted_angle():
    still, turned = (head_frame(landmarks(10, rotation=np.tile([0.0, yaw, 0.0], (10, 1))), FPS) for yaw in (0.0, 0.1))
    assert metrics.rotation_error_deg(turned, still) == pytest.approx(np.rad2deg(0.1), rel=1e-3)


def test_a_still_head_has_no_motion():
    head = head_frame(landmarks(FRAMES), FPS)
    assert metrics.pose_spread_deg(head) == pytest.approx(0, abs=1e-3)
    assert len(metrics.motion_beats_s(head)) <= 1


def test_beats_of_speech_are_the_planted_ones():
    planted = np.array([0.8, 1.5, 2.6, 3.3, 4.4, 5.7, 6.5, 7.9, 8.8])
    envelope = 0.1 + np.exp(-((TIME_S[:, None] - planted) ** 2) / (2 * 0.08**2)).sum(1)
    found = beats(tone(envelope, FPS), FPS, FRAMES)
    assert all(np.abs(found - at).min() <= 1 / FPS for at in planted)
    assert len(found) == len(planted)


def test_beat_alignment_tells_aligned_from_shifted():
    """A head that turns at each beat, against the same head half a beat later."""
    random = np.random.default_rng(1)
    planted = np.cumsum(random.uniform(0.5, 1.1, 11)) + 0.2
    planted = planted[planted < 9.6]
    envelope = 0.1 + np.exp(-((TIME_S[:, None] - planted) ** 2) / (2 * 0.06**2)).sum(1)
    pitch = 0.1 * np.cos(np.pi * np.interp(TIME_S, planted, np.arange(len(planted))))
    aligned, shifted = (np.stack([p, 0 * p, 0 * p], axis=1) for p in (pitch, np.roll(pitch, int(0.33 * FPS))))
    sound = tone(envelope, FPS)
    good = metrics.beat_alignment(head_frame(landmarks(FRAMES, rotation=aligned), FPS), sound)
    bad = metrics.beat_alignment(head_frame(landmarks(FRAMES, rotation=shifted), FPS), sound)
    assert good > 2 > bad
    assert good > bad + 2


def test_identity_of_a_stretching_face():
    """A face that widens by 10% in its second half: every horizontal bone is 5% off the clip's mean."""
    points = landmarks(FRAMES)
    steady = head_frame(points, FPS)
    wide = points.copy()
    wide[FRAMES // 2 :, :, 1] = 180 + 1.1 * (points[FRAMES // 2 :, :, 1] - 180)
    drifting = head_frame(wide, FPS)
    assert identity.identity_drift(steady) == pytest.approx(0, abs=1e-5)
    assert 0.01 < identity.identity_drift(drifting) < 0.06
    assert identity.identity_error(steady, steady) == 0
    assert identity.identity_error(drifting, steady) > 0.01
    turned = landmarks(FRAMES, rotation=np.tile([0.1, 0.4, 0.1], (FRAMES, 1)), eye_px=60.0)
    assert identity.identity_error(head_frame(turned, FPS), steady) == pytest.approx(0, abs=1e-4)
