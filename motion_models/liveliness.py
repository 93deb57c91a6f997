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

from face_model.blinks import find_blinks
from face_model.tracks import AU45_MAX, POSE_SIZE
from foundation.easing import smoothstep

HUMAN_BLINKS_A_MIN = 20.0  # Bentivoglio et al. 1997 measure 26 speaking, 17 at rest
RATE_LIMITS_A_MIN = (6.0, 40.0)  # what is made; beyond them people ask what is the matter with the person
# People differ from one another by 11 blinks a minute or so, hence the minutes of footage that people in general count
# for: the mean over the variance.
GENERAL_MIN = HUMAN_BLINKS_A_MIN / 11.0**2
DURATION_LIMITS_S = (0.12, 0.4)
FIRST_BLINK_S = 1.0  # no film begins with one
CLOSED_S = 1 / 15  # lids stay shut: as long as a film of 15 frames a second needs to show it
MIN_INTERVAL_S = 0.7
TRIGGER_INTERVAL_S, TRIGGER_LEVEL = 2.0, 0.5 * AU45_MAX
HALF_AT = 1.68  # (1 + x) exp(-x) is one half there
INTERVAL_SHAPE = 3.0  # of the gamma distribution of intervals: irregular, yet seldom twice at once


@dataclass(frozen=True)
class BlinkHabit:
    """How a person blinks. rate_a_min: blinks a minute. duration_s: of a blink, at half its height. open_level: AU45
    0-5. Blinks close the eye: what tracking tells of half ones is mostly a frame that missed the moment.
    """

    rate_a_min: float = HUMAN_BLINKS_A_MIN
    duration_s: float = 0.2
    open_level: float = 0.1

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    @staticmethod
    def from_json(content: dict[str, float]) -> BlinkHabit:
        """The inverse of `to_json`; files of earlier versions also tell a peak."""
        return BlinkHabit(**{name: value for name, value in content.items() if name != "peak"})


def measure_blinks(curves: Sequence[np.ndarray], fps: float) -> BlinkHabit:
    """A person's habit from AU45 curves `[T]`; what too few blinks do not tell stays as people in general do."""
    found = [blink for curve in curves for blink in find_blinks(curve, fps)]
    minutes = sum(map(len, curves)) / fps / 60
    general = BlinkHabit()
    rate = (len(found) + GENERAL_MIN * general.rate_a_min) / (minutes + GENERAL_MIN)
    lasting = general.duration_s if len(found) < 3 else float(np.median([blink.half_s for blink in found]))
    return BlinkHabit(
        rate_a_min=float(np.clip(rate, *RATE_LIMITS_A_MIN)),
        duration_s=float(np.clip(lasting, *DURATION_LIMITS_S)),
        open_level=float(np.clip(np.median(np.concatenate(list(curves))), 0.0, 1.0)),
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
        self._since, self._playing = 0, len(self._shape)
        # As if what follows the first second were cut out of a longer clip.
        self._next = round(FIRST_BLINK_S * fps + 1 + self._draw() * self._random.random())

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
            out[index] = level + closed * (AU45_MAX - level)
            self._playing, self._since = self._playing + 1, self._since + 1
        return np.clip(out, 0.0, AU45_MAX)


def _blink_shape(habit: BlinkHabit, fps: float) -> np.ndarray:
    """How far a blink has closed the lids, 0-1, frame by frame: down in half the time that up takes, shut between."""
    moving_s = (habit.duration_s - CLOSED_S) / 0.75  # up; half of it down: at half height there are 0.75 of it
    time_s = np.arange(1, round((1.5 * moving_s + CLOSED_S) * fps) + 1) / fps
    shut_s = max(1, round(0.5 * moving_s * fps)) / fps
    down, up = time_s / shut_s, 1 - (time_s - shut_s - CLOSED_S) / moving_s
    return smoothstep(np.clip(np.minimum(down, up), 0, 1))


class PoseProcess:
    """A slow random motion of the head: noise, correlated between the pose numbers as the person's are, twice
    low-passed, each number as slowly as the person moves in it.

    Args:
        deviation: `[6]`, of the motion, in the person's deviations.
        factor: `[6, 6]`, see `MotionStatistics.pose_factor`.
        memory_s: `[6]`, or one for all: time in which it forgets half of itself.
        fps: frames a second.
        seed: of the noise.
    """

    def __init__(
        self, deviation: np.ndarray, factor: np.ndarray, memory_s: np.ndarray | float, fps: float, seed: int
    ) -> None:
        # Two equal low-passes of time constant t have autocorrelation (1 + x) exp(-x), x = lag / t.
        memory = np.broadcast_to(np.asarray(memory_s, np.float64), (POSE_SIZE,))
        self._keep = np.exp(-HALF_AT / np.maximum(memory * fps, 1.0))
        # The impulse response is (n + 1) keep^n; the sum of its squares:
        power = (1 + self._keep**2) / (1 - self._keep**2) ** 3
        self._mix = (deviation / np.sqrt(power))[:, None] * factor
        self._random = np.random.default_rng([seed, 4])
        self._state = np.zeros((2, POSE_SIZE))
        self(round(20 * float(memory.max()) * fps))  # let the start be like any other moment

    def __call__(self, frames: int) -> np.ndarray:
        """The next frames `[frames, 6]`."""
        noise = self._random.standard_normal((frames, POSE_SIZE)) @ self._mix.T
        filtered = np.empty_like(noise)
        first, second = self._state
        for index, impulse in enumerate(noise):
            first = self._keep * first + impulse
            second = self._keep * second + first
            filtered[index] = second
        self._state = np.stack((first, second))
        return filtered


def within_range(pose: np.ndarray, limit: np.ndarray, centre: np.ndarray | float = 0.0) -> np.ndarray:
    """Poses `[T, 6]` pressed softly into centre +-limit, `[6]`; what lies within three quarters of it is not
    touched.
    """
    away, knee = pose - centre, 0.75 * limit
    beyond = np.maximum(np.abs(away) - knee, 0.0)
    pressed = np.sign(away) * (knee + (limit - knee) * np.tanh(beyond / (limit - knee)))
    return np.where(beyond > 0, centre + pressed, pose)
