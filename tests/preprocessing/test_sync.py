"""Sound offset: planted in synthetic clips, planted in real footage, and that of real footage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from face_model.tracks import Sound
from preprocessing.media import read_sound
from preprocessing.sync import LIP_LEAD_S, NOTHING, TRUSTED, aligned_sound, estimate_offset
from preprocessing.tracking import LandmarkTrack
from preprocessing.tracking.layouts import MP478
from tests.preprocessing.conftest import REFERENCE


def talker(offset_s: float, fps: float = 25, duration_s: float = 12, seed: int = 0) -> tuple[LandmarkTrack, Sound]:
    """Lips that open with the loudness of a hiss whose sound is late by `offset_s`."""
    rng, rate_hz = np.random.default_rng(seed), 16_000
    fine = gaussian_filter1d(rng.normal(size=round((duration_s + 2) * 1000)), 60)
    fine = np.maximum(fine / fine.std(), 0)  # 0 at -1 s
    at = lambda time_s: np.interp((time_s + 1) * 1000, np.arange(len(fine)), fine)  # noqa: E731
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    samples = 0.05 * at(time_s - offset_s) ** (1 / 0.6) * rng.normal(size=len(time_s))
    gap = at(np.arange(round(duration_s * fps)) / fps)
    points = np.zeros((len(gap), 478, 3), np.float32)
    points[:, MP478.eye_corners[0], 0], points[:, MP478.eye_corners[1], 0] = 40, 100
    for upper, lower in MP478.lip_pairs:
        points[:, upper, 1], points[:, lower, 1] = 80 - 4 * gap, 80 + 4 * gap
    every = np.ones(len(gap))
    track = LandmarkTrack(fps, 200, 200, points, np.zeros((len(gap), 52)), every, every > 0, every, 0 * every)
    return track, Sound(samples.astype(np.float32))


@pytest.mark.parametrize("offset_s", [-0.4, -0.123, 0.0, 0.07, 0.31])
@pytest.mark.parametrize("fps", [25, 29.97])
def test_synthetic_offset_is_found_to_a_fraction_of_a_frame(offset_s: float, fps: float) -> None:
    found = estimate_offset(*talker(offset_s, fps))
    assert found.offset_s == pytest.approx(offset_s - LIP_LEAD_S, abs=0.006) and found.confidence > 0.95


def test_clips_are_pooled() -> None:
    clips = [talker(0.2, duration_s=1.6, seed=seed) for seed in range(6)]
    single = [estimate_offset(*clip) for clip in clips]
    pooled = estimate_offset(*(list(part) for part in zip(*clips, strict=True)))
    assert pooled.offset_s == pytest.approx(0.2 - LIP_LEAD_S, abs=0.01)
    assert pooled.confidence > max(estimate.confidence for estimate in single) - 1e-6


def test_nothing_to_tell() -> None:
    track, sound = talker(0.1)
    assert estimate_offset(track, Sound(np.zeros(16_000, np.float32))) == NOTHING
    assert estimate_offset(replace(track, valid=np.zeros(len(track), bool)), sound) == NOTHING
    assert estimate_offset(track[:10], sound) == NOTHING and estimate_offset([], []) == NOTHING
    frozen = replace(track, landmarks_px=np.repeat(track.landmarks_px[:1], len(track), axis=0))
    assert estimate_offset(frozen, sound).confidence < 0.05


def test_interpolated_frames_do_not_count() -> None:
    track, sound = talker(0.1, duration_s=20)
    points, valid = track.landmarks_px.copy(), track.valid.copy()
    points[100:300], valid[100:300] = points[0], False
    found = estimate_offset(replace(track, landmarks_px=points, valid=valid), sound)
    assert found.offset_s == pytest.approx(0.1 - LIP_LEAD_S, abs=0.01)


def test_sound_is_moved_and_keeps_its_length() -> None:
    sound = Sound(np.arange(1, 11, dtype=np.float32), 10)
    assert aligned_sound(sound, 0.3).samples.tolist() == [4, 5, 6, 7, 8, 9, 10, 0, 0, 0]
    assert aligned_sound(sound, -0.2).samples.tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert not aligned_sound(sound, 9).samples.any() and aligned_sound(sound, 0).samples.tolist() == list(range(1, 11))


def test_the_reference_video_is_late_and_can_be_corrected(reference_track: LandmarkTrack, data_dir: Path) -> None:
    sound = read_sound(data_dir / REFERENCE)
    found = estimate_offset(reference_track, sound)
    # Each fifth of it, a ridge regression from log-mel to lip opening that was learned on other clips, and the energy
    # that follows the end of short lip closures all put it at 0.22-0.26 s.
    assert 0.2 < found.offset_s < 0.26 and found.confidence > 0.95
    corrected = estimate_offset(reference_track, aligned_sound(sound, found.offset_s))
    assert abs(corrected.offset_s) < 0.04


@pytest.mark.parametrize("shift_s", [-0.4, -0.2, -0.08, 0.04, 0.12, 0.4])
def test_shifts_planted_in_a_film(film_track: LandmarkTrack, footage: Path, shift_s: float) -> None:
    sound = read_sound(footage)
    before = estimate_offset(film_track, sound)
    after = estimate_offset(film_track, aligned_sound(sound, -shift_s)).offset_s
    assert abs(before.offset_s) < 0.04 and before.confidence > 0.9, "it was made in step"
    assert after - before.offset_s == pytest.approx(shift_s, abs=0.02)


def test_another_sound_is_not_believed(film_track: LandmarkTrack, footage: Path) -> None:
    sound = read_sound(footage)
    for turn_s in (2, 3, 4):
        wrong = Sound(np.roll(sound.samples, turn_s * 16_000))
        assert estimate_offset(film_track, wrong).confidence < TRUSTED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "low_s", "high_s"), [("clips/*.mp4", 0.04, 0.10), ("grid/*.mpg", -0.03, 0.03)],
)
def test_pooled_offset_of_short_clips(
    track_of: Callable[[str], LandmarkTrack], data_dir: Path, pattern: str, low_s: float, high_s: float
) -> None:
    """The eight sentences are known to be about 67 ms late; the GRID corpus is taken to be in step."""
    names = sorted(str(path.relative_to(data_dir)) for path in data_dir.glob(pattern))
    tracks, sounds = [track_of(name) for name in names], [read_sound(data_dir / name) for name in names]
    found = estimate_offset(tracks, sounds)
    assert low_s < found.offset_s < high_s and found.confidence > 0.95
    again = estimate_offset(tracks, [aligned_sound(sound, found.offset_s) for sound in sounds])
    assert abs(again.offset_s) < 0.01
