"""Filters for face curves `[T, K]`: less tremble, the same swing.

A filter that only averages makes the mouth small: lips close for a twelfth of a second, and an average over more than
that never sees them closed. The default gives back what its averaging took of the swing. All but `one_euro`, which can
not, are as strong as it takes to bring the tremble of the shipped model's curves down about four times;
`benchmarks/arkit_filters.py` measures what that costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import butter, savgol_filter, sosfiltfilt

from foundation.errors import InputError

NONE = "none"
DEFAULT = "swing"
BUTTERWORTH_HZ, BUTTERWORTH_ORDER = 3.8, 6
WHITTAKER_HZ = 4.0
GAUSSIAN_S, SWING_S = 0.046, 0.062
AROUND_S, MOST_GAIN = 0.4, 1.5
SAVGOL_S, SAVGOL_DEGREE = 1 / 3, 3  # whole frames at the usual rates
ONE_EURO_HZ, ONE_EURO_SPEED, ONE_EURO_SPEED_HZ = 1.5, 6.0, 1.0
TRUNCATE = 4.0  # deviations at which a Gaussian ends
STILL = 1e-6  # variance below which a curve does not move

Filter = Callable[[np.ndarray, float], np.ndarray]


@dataclass(frozen=True)
class CurveFilter:
    """A filter by name. reach_s: a value depends on no curve further away than this, to a thousandth of its swing.

    causal: it looks only back.
    """

    name: str
    apply: Filter
    reach_s: float
    causal: bool = False

    def __call__(self, values: np.ndarray, fps: float) -> np.ndarray:
        """Filtered curves `[T, K]` of curves `[T, K]` at `fps`."""
        return self.apply(values, fps) if len(values) > 1 else values


def whittaker(values: np.ndarray, fps: float, cutoff_hz: float = WHITTAKER_HZ) -> np.ndarray:
    """Curves `[T, K]` that stay close to `values` and bend little (Whittaker 1923): the least squares of both, which
    delays nothing and halves what swings `cutoff_hz` times a second.
    """
    count = len(values)
    if count < 3 or cutoff_hz >= fps / 2:
        return values
    strength = (2 * np.sin(np.pi * cutoff_hz / fps)) ** -4
    bands = np.zeros((3, count))  # the upper diagonals of 1 + strength D'D, D the second differences
    for offset, stencil in enumerate(((1, 4, 1), (-2, -2), (1,))):
        for shift, weight in enumerate(stencil):
            bands[2 - offset, offset + shift : count - 2 + offset + shift] += strength * weight
    bands[2] += 1
    return solveh_banded(bands, values)


def one_euro(
    values: np.ndarray, fps: float, still_hz: float = ONE_EURO_HZ, speed: float = ONE_EURO_SPEED,
    speed_hz: float = ONE_EURO_SPEED_HZ,
) -> np.ndarray:
    """The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): an exponential mean that follows faster what moves
    faster. It looks only back, so it delays.

    Args:
        still_hz: cut-off of a curve at rest. speed: how much the cut-off rises, Hz per unit a second.
        speed_hz: cut-off of the speed's own smoothing.
    """

    def share(cutoff_hz: np.ndarray | float) -> np.ndarray | float:
        return 1 / (1 + fps / (2 * np.pi * cutoff_hz))

    out = np.array(values, np.float64)
    velocity = np.zeros(out.shape[1:])
    for k in range(1, len(out)):
        velocity = velocity + share(speed_hz) * ((values[k] - out[k - 1]) * fps - velocity)
        out[k] = out[k - 1] + share(still_hz + speed * np.abs(velocity)) * (values[k] - out[k - 1])
    return out


def savitzky_golay(values: np.ndarray, fps: float) -> np.ndarray:
    """A cubic fitted around every frame (Savitzky and Golay 1964)."""
    size = min(2 * round(SAVGOL_S * fps / 2) + 1, len(values) - (len(values) + 1) % 2)
    return savgol_filter(values, size, SAVGOL_DEGREE, axis=0) if size > SAVGOL_DEGREE else values


def gaussian(values: np.ndarray, fps: float, deviation_s: float = GAUSSIAN_S) -> np.ndarray:
    """A Gaussian mean."""
    return gaussian_filter1d(values, deviation_s * fps, axis=0, mode="nearest", truncate=TRUNCATE)


def swing(values: np.ndarray, fps: float) -> np.ndarray:
    """A Gaussian mean whose swing is as wide as before: about its mean over +-0.4 s it is stretched by what the
    averaging took of the deviation there, at most by half. Stretching so slowly brings no tremble back, and the filter
    ends, so that a stream can be filtered exactly.
    """

    def around(curves: np.ndarray) -> np.ndarray:
        return uniform_filter1d(curves, 2 * round(AROUND_S * fps) + 1, axis=0, mode="nearest")

    values = np.asarray(values, np.float64)
    calm = gaussian(values, fps, SWING_S)
    mean, calm_mean = around(values), around(calm)
    before, after = around(values**2) - mean**2, around(calm**2) - calm_mean**2  # variances
    gain = np.sqrt((before.clip(0) + STILL) / (after.clip(0) + STILL)).clip(1, MOST_GAIN)
    return calm_mean + gain * (calm - calm_mean)


def butterworth(values: np.ndarray, fps: float) -> np.ndarray:
    """A Butterworth low-pass there and back, so that nothing is delayed."""
    if fps <= 2 * BUTTERWORTH_HZ:
        return values
    sections = butter(BUTTERWORTH_ORDER, BUTTERWORTH_HZ, fs=fps, output="sos")
    return sosfiltfilt(sections, values, axis=0, padlen=min(len(values) - 1, round(0.5 * fps)))


_FILTERS = {
    kind.name: kind
    for kind in (
        CurveFilter(NONE, lambda values, _: values, 0.0, causal=True),
        CurveFilter("one_euro", one_euro, 1.0, causal=True),
        CurveFilter("savitzky_golay", savitzky_golay, SAVGOL_S / 2),
        CurveFilter("gaussian", gaussian, TRUNCATE * GAUSSIAN_S),
        CurveFilter("whittaker", whittaker, 0.4),
        CurveFilter("butterworth", butterworth, 0.5),
        CurveFilter("swing", swing, AROUND_S + TRUNCATE * SWING_S),
    )
}


def curve_filters() -> tuple[str, ...]:
    """The names that `curve_filter` knows."""
    return tuple(_FILTERS)


def curve_filter(name: str = DEFAULT) -> CurveFilter:
    """The filter of that name.

    Raises:
        InputError: an unknown name.
    """
    if name not in _FILTERS:
        raise InputError(f"curve filter '{name}'", f"one of {', '.join(_FILTERS)}")
    return _FILTERS[name]
