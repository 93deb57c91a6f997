"""What a synthetic speaker does besides articulating: blinks as people do, a head that goes with the speech."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from face_model.tracks import AU45_MAX, MOTION_FPS, POSE, Sound
from motion_models.liveliness import BlinkHabit, BlinkProcess, PoseProcess, within_range
from motion_models.statistics import MotionStatistics

BLINKS_A_MIN = (20.0, 5.0)  # mean and deviation over people; Bentivoglio et al. 1997: 26 speaking, 17 at rest
BLINK_S = (0.2, 0.03)  # at half height
PAUSE_BLINK_SHARE = 0.6  # of the pauses begin with a blink: people blink between phrases
SHORTEST_PAUSE_S = 0.25
NOD_SHARE, NOD_S = 0.4, 0.35  # of the loudness peaks get a nod; its duration
NOD_DEVIATION = 0.8  # height of a nod, in deviations of the person's pitch
SWAY_SHARE = 0.85  # of the head's deviation that is slow and free


def loudness(sound: Sound, frames: int) -> np.ndarray:
    """Smooth loudness `[frames]` at 30 fps, 0-1."""
    step = sound.rate_hz / MOTION_FPS
    edges = (np.arange(frames + 1) * step).astype(int)
    sums = np.concatenate([[0.0], np.cumsum(sound.samples.astype(np.float64) ** 2)])
    power = np.diff(sums[np.minimum(edges, len(sound.samples))]) / step
    loud = gaussian_filter1d(np.maximum(power, 0) ** 0.3, 2.0)
    return loud / max(float(loud.max()), 1e-9)


def blinks(silent: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """AU45 `[T]` at 30 fps for who is silent in the frames `[T]`: whole blinks, some at the start of pauses."""
    habit = BlinkHabit(
        rate_a_min=float(np.clip(dice.normal(*BLINKS_A_MIN), 10, 28)),
        duration_s=float(np.clip(dice.normal(*BLINK_S), 0.12, 0.35)), open_level=float(dice.uniform(0.0, 0.4)),
    )
    asked = np.zeros(len(silent))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], silent.astype(int), [0]])))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if (end - start) / MOTION_FPS >= SHORTEST_PAUSE_S and dice.random() < PAUSE_BLINK_SHARE:
            asked[start : start + 6] = AU45_MAX
    return BlinkProcess(habit, MOTION_FPS, int(dice.integers(2**31)))(asked)


def head(sound: Sound, frames: int, person: MotionStatistics, dice: np.random.Generator) -> np.ndarray:
    """Rotation and translation `[frames, 6]`: a slow sway as a real person's, and nods where it is loud."""
    sway = PoseProcess(
        np.full(6, SWAY_SHARE), person.pose_factor, person.pose_memory_s, MOTION_FPS, int(dice.integers(2**31))
    )(frames)
    peaks, _ = find_peaks(loudness(sound, frames), height=0.4, prominence=0.2)
    half = round(NOD_S * MOTION_FPS / 2)
    shape = 0.5 + 0.5 * np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))
    for peak in peaks[dice.random(len(peaks)) < NOD_SHARE]:
        low, high = max(0, peak - half), min(frames, peak + half + 1)
        sway[low:high, 0] += NOD_DEVIATION * dice.uniform(0.4, 1.6) * shape[low - peak + half : high - peak + half]
    pose = within_range(sway, person.pose_limit, person.pose_centre)
    return (pose * person.scale[POSE] + person.mean[POSE]).astype(np.float32)
