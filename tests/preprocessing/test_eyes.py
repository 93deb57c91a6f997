"""AU45 on the person's own scale, and blinks at planted and at seen times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import find_peaks
from scipy.spatial.transform import Rotation

from face_model.blinks import find_blinks
from preprocessing.eyes import au45, calibrate_blink, eye_ratio
from preprocessing.tracking import ARKIT_NAMES, LandmarkTrack
from preprocessing.tracking.layouts import MP478

OPEN, CLOSED = 0.3, 0.06


def eyes(ratio: np.ndarray) -> np.ndarray:
    """Points `[T, 478, 3]` in pixels whose lids stand at the given ratio, eyes 30 px wide."""
    points = np.zeros((len(ratio), 478, 3))
    for (outer, inner), lids, x in zip(MP478.eye_corners, MP478.lid_pairs, (100.0, 160.0), strict=True):
        points[:, outer], points[:, inner] = (x, 50, 0), (x + 30, 50, 0)
        for step, (upper, lower) in enumerate(lids, start=1):
            points[:, (upper, lower), 0] = x + 7.5 * step
            points[:, upper, 1], points[:, lower, 1] = 50 - 15 * ratio, 50 + 15 * ratio
    return points


def blinking(times_s: list[float], fps: float = 100, length_s: float = 0.3, duration_s: float = 10) -> np.ndarray:
    """Eye ratios with raised-cosine blinks centred on the times."""
    time_s = np.arange(round(duration_s * fps)) / fps
    shut = np.zeros_like(time_s)
    for t in times_s:
        near = np.abs(time_s - t) < length_s / 2
        shut[near] += 0.5 + 0.5 * np.cos(2 * np.pi * (time_s[near] - t) / length_s)
    return OPEN - (OPEN - CLOSED) * shut


def test_planted_blinks_are_found_to_the_frame() -> None:
    times_s = [1.0, 2.5, 2.9, 7.77]
    points = eyes(blinking(times_s))
    curve = au45(points, calibrate_blink(points))
    events = find_blinks(curve, 100)
    assert np.allclose([(one.start_s + one.end_s) / 2 for one in events], times_s, atol=0.011)
    # A raised cosine is above a quarter for two thirds of its length.
    assert np.allclose([one.end_s - one.start_s for one in events], 0.2, atol=0.021)
    assert all(one.peak > 4.8 for one in events) and curve[50] < 0.1


def test_head_rotation_and_size_do_not_look_like_a_blink() -> None:
    ratio = blinking([1.0, 4.0])
    turn = Rotation.from_euler("yxz", np.random.default_rng(0).uniform(-0.6, 0.6, (len(ratio), 3)))
    turned = np.einsum("tab,tvb->tva", turn.as_matrix(), eyes(ratio)) * 1.7
    assert np.allclose(eye_ratio(turned), ratio, atol=1e-9)


def test_a_clip_without_a_blink_falls_back_on_people() -> None:
    calibration = calibrate_blink(eyes(np.full(50, 0.3) + np.random.default_rng(0).normal(0, 0.005, 50)))
    assert calibration.closed_ratio == pytest.approx(0.2 * calibration.open_ratio)
    assert au45(eyes(np.array([0.3, 0.06])), calibration) == pytest.approx([0, 5], abs=0.15)


def test_one_frame_and_eyes_closed_at_the_ends() -> None:
    assert au45(eyes(np.array([0.3])), calibrate_blink(eyes(np.array([0.3])))).shape == (1,)
    first, last = find_blinks(np.array([5.0, 5, 0, 0, 0, 0, 5]), 10)
    assert (first.start_s, first.end_s, first.peak) == (0.0, pytest.approx(0.175), 5.0)
    assert (last.start_s, last.end_s, last.peak) == (pytest.approx(0.525), 0.6, 5.0)
    assert find_blinks(np.array([0.0]), 25) == [] and find_blinks(np.full(30, 1.5), 25) == []


@pytest.mark.parametrize("hz, low, high", [(3.5, 0.0, 5.0), (5.0, 1.8, 4.2), (1.2, 2.2, 4.8)])
def test_lids_or_trackers_that_flutter_do_not_blink(hz: float, low: float, high: float) -> None:
    """Ten seconds of open eyes with two blinks, and ten of flutter: 42 peaks a minute at the least, but two blinks."""
    time_s = np.arange(250) / 25
    calm = au45(eyes(blinking([3.0, 7.0], 25)), calibrate_blink(eyes(blinking([3.0, 7.0], 25))))
    flutter = low + (high - low) * (0.5 + 0.5 * np.cos(2 * np.pi * hz * time_s))
    assert len(find_blinks(np.concatenate([calm, flutter, np.zeros(25)]), 25)) in (2, 3)
    shut = np.concatenate([calm, np.full(50, 5.0), np.zeros(25)])  # as in laughter, or asleep
    assert len(find_blinks(shut, 25)) == 2


def test_blinks_are_those_that_the_trackers_blink_value_shows(reference_track: LandmarkTrack) -> None:
    """The blendshape network is another one than the landmark network: its peaks are an independent count."""
    columns = [ARKIT_NAMES.index("eyeBlinkLeft"), ARKIT_NAMES.index("eyeBlinkRight")]
    shape = reference_track.arkit[:, columns].mean(axis=1)
    curve = au45(reference_track.landmarks_px, calibrate_blink(reference_track.landmarks_px))
    peaks, _ = find_peaks(shape, height=0.4, prominence=0.2)
    events = find_blinks(curve, reference_track.fps)
    assert len(events) == len(peaks) >= 8
    for one, peak in zip(events, peaks, strict=True):
        assert one.start_s - 0.04 <= peak / reference_track.fps <= one.end_s + 0.04
        assert 0.04 <= one.end_s - one.start_s <= 0.4
    assert np.corrcoef(curve, shape)[0, 1] > 0.95 and np.median(curve) < 0.5 and curve.max() > 4.5


@pytest.mark.slow
def test_each_persons_eyes_are_mostly_open(track_of: Callable[[str], LandmarkTrack], data_dir: Path) -> None:
    for path in [*(data_dir / "grid").glob("*.mpg"), *(data_dir / "clips").glob("*.mp4")]:
        track = track_of(str(path.relative_to(data_dir)))
        curve = au45(track.landmarks_px, calibrate_blink(track.landmarks_px))
        assert np.median(curve) < 0.6, path.name
