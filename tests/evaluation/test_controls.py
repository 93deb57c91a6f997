"""Planted faults are what they say, and nothing else changes."""

from itertools import islice

import cv2
import numpy as np
import pytest

from evaluation import controls
from evaluation.clips import Clip, Pair
from evaluation.metrics import head, lips
from evaluation.metrics.video import repeated_share
from evaluation.mouth import lip_gap
from evaluation.network_registry import METRICS
from evaluation.self_test import SelfTest
from evaluation.warps import warp_by_landmarks
from face_model.tracks import Sound
from tests.evaluation.synthetic import SMALL, landmarks, syllables, tone

FPS, FRAMES, SIDE = 25.0, 100, 160


@pytest.fixture(scope="module")
def clip() -> Clip:
    envelope = syllables(FRAMES, FPS)
    turning = np.stack([0 * envelope, 0.2 * np.sin(np.arange(FRAMES) / 12), 0 * envelope], axis=1)
    coarse = np.random.default_rng(0).integers(0, 255, (50, 50, 3), dtype=np.uint8)
    still = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return Clip(
        "clip", FPS, landmarks(FRAMES, gap=0.2 * envelope, rotation=turning, **SMALL), np.ones(FRAMES, bool),
        np.zeros(FRAMES), tone(envelope, FPS), lambda: (np.roll(still, k, axis=1) for k in range(FRAMES)),
    )


def _click(at_s: float) -> Sound:
    samples = np.zeros(64_000, np.float32)
    samples[round(at_s * 16_000)] = 1
    return Sound(samples)


@pytest.mark.parametrize("name", ["sound_late_40ms", "sound_early_40ms", "sound_late_400ms", "sound_early_400ms"])
def test_the_sound_moves_by_what_the_name_says(clip, name):
    fault = controls.FAULTS[name]
    moved = fault.change(Clip("", FPS, clip.landmarks_px, clip.valid, clip.blink, _click(2.0)))
    assert np.argmax(moved.sound.samples) / 16_000 == pytest.approx(2.0 + controls.shift_s(name))
    assert len(moved.sound.samples) == 64_000


def test_frozen_lips_stand_still_and_the_head_goes_on(clip):
    frozen = controls.FAULTS["lips_frozen"].change(clip)
    assert np.std(lip_gap(frozen.head)) < 0.02 * np.std(lip_gap(clip.head))
    assert lip_gap(frozen.head).mean() < 0.02  # held nearly shut
    assert head.rotation_error_deg(frozen.head, clip.head) < 0.1


def test_a_frozen_head_stands_still_and_the_lips_go_on(clip):
    frozen = controls.FAULTS["pose_frozen"].change(clip)
    assert head.pose_spread_deg(frozen.head) < 0.01
    assert lips.gap_correlation(frozen.head, clip.head).at_zero == pytest.approx(1, abs=1e-3)


def test_late_and_slowed_pictures(clip):
    late = controls.FAULTS["picture_late"].change(clip)
    assert lips.gap_correlation(late.head, clip.head).lag_s == pytest.approx(0.12, abs=0.01)
    own, shown = list(clip.frames()), list(late.frames())
    assert len(shown) == FRAMES and all(np.array_equal(shown[k], own[max(0, k - 3)]) for k in (0, 2, 3, 50, 99))
    slow = list(controls.FAULTS["slowed"].change(clip).frames())
    assert len(slow) == FRAMES and np.array_equal(slow[41], own[20])


def test_dropped_frames_are_counted(clip):
    faulty = controls.FAULTS["dropped"].change(clip)
    assert repeated_share(faulty.picture_curves["change"]) == pytest.approx(0.2, abs=0.01)
    assert repeated_share(clip.picture_curves["change"]) == 0


@pytest.mark.parametrize("name", [name for name, fault in controls.FAULTS.items() if not fault.of_sound])
def test_every_fault_of_the_picture_keeps_count_and_size_and_can_be_made_twice(clip, name):
    cut = (clip.landmarks_px[:6], clip.valid[:6], clip.blink[:6])
    short = Clip("", FPS, *cut, clip.sound, lambda: islice(clip.frames(), 6))
    faulty = controls.FAULTS[name].change(short)
    first, again = list(faulty.frames()), list(faulty.frames())
    assert [f.shape for f in first] == [(SIDE, SIDE, 3)] * 6 and all(f.dtype == np.uint8 for f in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    if name not in ("eyes_frozen", "brows_frozen"):  # they do not move in this clip
        assert not all(np.array_equal(a, b) for a, b in zip(first, short.frames(), strict=True))


def test_warp_moves_points_and_keeps_the_border():
    picture = np.zeros((120, 160, 3), np.uint8)
    cv2.circle(picture, (60, 50), 4, (255, 255, 255), -1)
    picture[0] = 200
    points = np.array([[60.0, 50], [40, 40], [100, 40], [40, 90], [100, 90]])
    goal = points + [[9, 6], [0, 0], [0, 0], [0, 0], [0, 0]]
    moved = warp_by_landmarks(picture, points, goal)
    bright = np.argwhere(moved[5:, :, 0] > 128) + [5, 0]
    np.testing.assert_allclose(bright.mean(0)[::-1], [69, 56], atol=1.5)
    assert (moved[0] == 200).all()


def test_every_default_metric_but_the_driven_names_known_faults():
    for metric in METRICS.values():
        assert set(metric.faults) <= set(controls.FAULTS)
        assert metric.faults or not metric.default or {"driving", "phones"} & set(metric.needs), metric.name


def test_telling_needs_more_than_noise():
    answers = {"gap_correlation": {"truth": 1.0, "recompressed": 0.95, "recompressed_more": 0.9, "lips_frozen": 0.84}}
    assert SelfTest("", 0.0, answers).told("gap_correlation", "lips_frozen")
    answers["gap_correlation"]["lips_frozen"] = 0.86
    verdict = SelfTest("", 0.0, answers)
    assert verdict.failures("gap_correlation") == ("lips_frozen",)
    assert "~~0.86~~" in verdict.table()


def test_metrics_that_cannot_be_asked_are_not(clip):
    bare = Clip("", FPS, clip.landmarks_px, clip.valid, clip.blink)
    asked = {name for name, metric in METRICS.items() if metric.possible(Pair(bare))}
    assert "pose_spread" in asked and not asked & {"sync_offset", "psnr_face", "sharpness_face", "gap_correlation"}
