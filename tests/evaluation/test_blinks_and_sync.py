"""Planted blink times and sound offsets are measured to within a frame."""

import numpy as np
import pytest

from evaluation.head_frame import head_frame
from evaluation.metrics import blinks, sync
from evaluation.mouth import lip_gap
from face_model.tracks import Sound
from tests.evaluation.synthetic import landmarks, syllables, tone

FPS = 25.0
STARTS_S = np.array([1.0, 4.0, 9.0, 12.0, 17.0, 26.0])


def _blinking(starts_s: np.ndarray, seconds: float = 30.0, half_s: float = 0.16) -> np.ndarray:
    """Triangular blinks to AU45 5, from start to start + 2 half_s."""
    time_s = np.arange(round(seconds * FPS)) / FPS
    pulses = 1 - np.abs(time_s[:, None] - starts_s - half_s) / half_s
    return 5 * np.clip(pulses, 0, None).max(1)


def test_rate_duration_and_interval_are_the_planted_ones():
    curve = _blinking(STARTS_S)
    assert blinks.rate_per_min(curve, FPS) == pytest.approx(12)
    assert blinks.duration_s(curve, FPS) == pytest.approx(0.32 * 0.75, abs=1 / FPS)  # foot at a quarter of the rise
    assert blinks.interval_s(curve, FPS) == pytest.approx(np.diff(STARTS_S).mean(), abs=1 / FPS)
    assert blinks.within(blinks.rate_per_min(curve, FPS), blinks.HUMAN_RATE_PER_MIN)
    assert not blinks.within(0.0, blinks.HUMAN_RATE_PER_MIN)


def test_eyes_that_never_close_have_no_blink():
    assert blinks.rate_per_min(np.zeros(750), FPS) == 0
    assert np.isnan(blinks.duration_s(np.zeros(750), FPS)) and np.isnan(blinks.interval_s(np.zeros(750), FPS))


def test_driven_blinks_are_counted_one_by_one():
    driven = _blinking(STARTS_S)
    assert blinks.seen_share(driven, driven, FPS) == 1
    assert blinks.seen_share(driven, _blinking(STARTS_S + 0.08), FPS) == 1
    assert blinks.seen_share(driven, _blinking(STARTS_S[:3]), FPS) == 0.5
    assert blinks.seen_share(driven, _blinking(STARTS_S + 1.5), FPS) == 0
    assert np.isnan(blinks.seen_share(np.zeros(750), driven, FPS))


@pytest.fixture(scope="module")
def speaking() -> tuple[np.ndarray, Sound]:
    envelope = syllables(500, FPS)
    return landmarks(500, gap=0.2 * envelope), tone(envelope, FPS)


@pytest.mark.parametrize("late_ms", [-400, -200, -120, -40, 0, 40, 120, 200, 400])
def test_offsets_are_found_within_a_frame(speaking, late_ms):
    points, sound = speaking
    shift = late_ms * 16
    moved = np.roll(sound.samples, shift)
    found = sync.estimate(points, np.ones(500, bool), FPS, Sound(moved))
    assert sync.offset_s(found) == pytest.approx(late_ms / 1000, abs=1 / FPS)
    assert sync.agreement(found) > 0.8


def test_another_sound_does_not_agree(speaking):
    points, sound = speaking
    right = sync.estimate(points, np.ones(500, bool), FPS, sound)
    wrong = sync.estimate(points, np.ones(500, bool), FPS, tone(syllables(500, FPS, seed=7), FPS))
    silent = sync.estimate(points, np.ones(500, bool), FPS, Sound(np.zeros(320_000, np.float32)))
    assert sync.agreement(wrong) < 0.5 * sync.agreement(right)
    assert np.isnan(sync.offset_s(silent))
    assert lip_gap(head_frame(points, FPS)).max() == pytest.approx(0.2, abs=0.01)
