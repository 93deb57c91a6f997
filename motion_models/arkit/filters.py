"""Filters for face curves `[T, K]`: less tremble, the same swing.

A filter that only averages makes the mouth small: lips close for a twelfth of a second, and an average over more than
that never sees them closed. So the frequency at which a filter begins to take away matters less than how steeply it
does: what is kept should be kept whole. `benchmarks/arkit_filters.py` measures them all on a model's own curves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, savgol_filter, sosfiltfilt

from foundation.errors import InputError

NONE = "none"
DEFAULT = "twiced"
BUTTERWORTH_HZ, BUTTERWORTH_ORDER = 7.0, 4
WHITTAKER_HZ = 8.0
GAUSSIAN_S, TWICED_S = 0.024, 0.034
SAVGOL_S, SAVGOL_DEGREE = 4 / 15, 3  # whole frames at the usual rates
ONE_EURO_HZ, ONE_EURO_SPEED, ONE_EURO_SPEED_HZ = 1.5, 6.0, 1.0
TRUNCATE = 4.0  # deviations at which a Gaussian ends

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


def twiced(values: np.ndarray, fps: float) -> np.ndarray:
    """A Gaussian mean and, added to it, the Gaussian mean of what it took away (Tukey's twicing, 1977): flat where
    speech moves, steep above, and it ends, so that a stream can be filtered exactly.
    """
    once = gaussian(values, fps, TWICED_S)
    return once + gaussian(values - once, fps, TWICED_S)


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
        CurveFilter("twiced", twiced, 2 * TRUNCATE * TWICED_S),
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
