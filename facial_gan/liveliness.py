"""Implicit attributes that a short clip cannot teach a network: when to blink, and how a head is never still.

FACIAL regresses both from sound. From seconds of one person's footage that gives the mean: lids that droop instead of
closing and a head that hardly moves. So the network keeps its say, and what it lacks is drawn from processes with the
person's own statistics: blinks are whole events, pose is the network's plus a slow random motion that brings its
spread up to the person's. Both are seeded, and go frame by frame with a small state, so that pieces of a stream join
without a seam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from face_model.tracks import AU45_MAX, POSE_SIZE
from foundation.easing import smoothstep

HUMAN_BLINKS_A_MIN = 17.0  # in conversation; Bentivoglio et al. 1997 measure 26 speaking, 17 at rest
RATE_LIMITS_A_MIN = (10.0, 28.0)
MIN_INTERVAL_S = 0.7
TRIGGER_INTERVAL_S, TRIGGER_LEVEL = 2.0, 0.5 * AU45_MAX
INTERVAL_SHAPE = 3.0  # of the gamma distribution of intervals: irregular, yet seldom twice at once


@dataclass(frozen=True)
class BlinkHabit:
    """How a person blinks. rate_a_min: blinks a minute. duration_s: of a blink, at half its height. peak, open_level:
    AU45 0-5.
    """

    rate_a_min: float = HUMAN_BLINKS_A_MIN
    duration_s: float = 0.2
    peak: float = 4.8
    open_level: float = 0.1

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def find_blinks(blink: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames and durations (s, at half height) of whole blinks in AU45 `[T]`."""
    from scipy.signal import find_peaks, peak_widths  # half a second to load, and only training needs it

    curve = np.concatenate([[0.0], np.asarray(blink, np.float64), [0.0]])
    peaks, _ = find_peaks(curve, height=0.5 * AU45_MAX, prominence=0.4 * AU45_MAX, distance=max(1, round(0.2 * fps)))
    return peaks - 1, peak_widths(curve, peaks, rel_height=0.5)[0] / fps


def measure_blinks(curves: Sequence[np.ndarray], fps: float) -> BlinkHabit:
    """A person's habit from AU45 curves `[T]`; what too few blinks do not tell stays as people in general do."""
    found = [find_blinks(curve, fps) for curve in curves]
    peaks = np.concatenate([curve[frames] for curve, (frames, _) in zip(curves, found, strict=True)])
    durations = np.concatenate([duration for _, duration in found])
    minutes = sum(map(len, curves)) / fps / 60
    general = BlinkHabit()
    # The footage counts for as many minutes as it has, people in general for one.
    rate = (len(peaks) + general.rate_a_min) / (minutes + 1.0)
    level = float(np.clip(np.median(np.concatenate(list(curves))), 0.0, 1.0))
    if len(peaks) < 3:
        return BlinkHabit(float(np.clip(rate, *RATE_LIMITS_A_MIN)), open_level=level)
    return BlinkHabit(
        rate_a_min=float(np.clip(rate, *RATE_LIMITS_A_MIN)),
        duration_s=float(np.clip(np.median(durations), 0.12, 0.4)),
        peak=float(np.clip(np.median(peaks), 4.6, AU45_MAX)),
        open_level=level,
    )


class BlinkProcess:
    """AU45 with whole blinks: at intervals drawn from the habit, or when the network's own AU45 asks for one.

    Args:
        habit: the person's.
        fps: frames a second.
        seed: of the intervals.
    """

    def __init__(self, habit: BlinkHabit, fps: float, seed: int) -> None:
        self._habit, self._fps = habit, fps
        self._random = np.random.default_rng([seed, 3])
        self._shape = _blink_shape(habit, fps)
        self._since, self._playing = round(MIN_INTERVAL_S * fps), len(self._shape)
        self._next = round(self._draw() * self._random.random())  # as if the clip were cut out of a longer one

    def _draw(self) -> float:
        mean_s = 60.0 / self._habit.rate_a_min - MIN_INTERVAL_S
        return (MIN_INTERVAL_S + self._random.gamma(INTERVAL_SHAPE, mean_s / INTERVAL_SHAPE)) * self._fps

    def __call__(self, network: np.ndarray) -> np.ndarray:
        """The next frames' AU45 `[T]`, 0-5, given the network's `[T]`."""
        out = np.empty(len(network), np.float32)
        for index, wanted in enumerate(network):
            asked = wanted > TRIGGER_LEVEL and self._since >= TRIGGER_INTERVAL_S * self._fps
            if self._playing >= len(self._shape) and (self._since >= self._next or asked):
                self._since, self._playing, self._next = 0, 0, round(self._draw())
            closed = self._shape[self._playing] if self._playing < len(self._shape) else 0.0
            level = np.clip(0.5 * (wanted + self._habit.open_level), 0.0, 1.0)  # open lids move a little with speech
            out[index] = level + closed * (self._habit.peak - level)
            self._playing, self._since = self._playing + 1, self._since + 1
        return np.clip(out, 0.0, AU45_MAX)


def _blink_shape(habit: BlinkHabit, fps: float) -> np.ndarray:
    """How far a blink has closed the lids, 0-1, frame by frame: down in a third of the time, up in two."""
    whole_s = 2 * habit.duration_s
    time_s = np.arange(1, max(4, round(whole_s * fps)) + 1) / fps
    peak_s = round(whole_s / 3 * fps) / fps or 1 / fps
    share = np.where(time_s <= peak_s, time_s / peak_s, 1 - (time_s - peak_s) / (whole_s - peak_s + 1 / fps))
    return smoothstep(np.clip(share, 0, 1))


class PoseProcess:
    """A slow random motion of the head: twice low-passed noise, correlated between the pose numbers as the person's
    are.

    Args:
        deviation: `[6]`, of the motion, in the person's deviations.
        factor: `[6, 6]`, see `MotionStatistics.pose_factor`.
        memory_s: time in which it forgets half of itself.
        fps: frames a second.
        seed: of the noise.
    """

    def __init__(self, deviation: np.ndarray, factor: np.ndarray, memory_s: float, fps: float, seed: int) -> None:
        # Two equal low-passes of time constant t have autocorrelation (1 + x) exp(-x), x = lag / t: one half at x =
        # 1.68.
        self._keep = float(np.exp(-1.68 / max(memory_s * fps, 1.0)))
        # The impulse response is (n + 1) keep^n; the sum of its squares:
        power = (1 + self._keep**2) / (1 - self._keep**2) ** 3
        self._gain = 1.0 / float(np.sqrt(power))
        self._mix = deviation[:, None] * factor
        self._random = np.random.default_rng([seed, 4])
        self._state = np.zeros((2, POSE_SIZE))
        self(round(20 * memory_s * fps))  # let the start be like any other moment

    def __call__(self, frames: int) -> np.ndarray:
        """The next frames `[frames, 6]`."""
        noise = self._random.standard_normal((frames, POSE_SIZE)) * self._gain
        filtered = np.empty_like(noise)
        first, second = self._state
        for index, impulse in enumerate(noise):
            first = self._keep * first + impulse
            second = self._keep * second + first
            filtered[index] = second
        self._state = np.stack((first, second))
        return filtered @ self._mix.T


def within_range(pose: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Poses `[T, 6]` pressed softly into +-limit `[6]`; what lies within three quarters of it is not touched."""
    knee = 0.75 * limit
    beyond = np.maximum(np.abs(pose) - knee, 0.0)
    return np.where(beyond > 0, np.sign(pose) * (knee + (limit - knee) * np.tanh(beyond / (limit - knee))), pose)
