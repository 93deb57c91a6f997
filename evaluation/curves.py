"""Curves over time: correlation with a lag search, runs of true values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MINIMUM_FRAMES = 5  # fewer say nothing about a curve
_FLAT = 1e-6  # a standard deviation below this (in interocular distances or radians) is a frozen curve


class LagCorrelation(NamedTuple):
    """at_zero: Pearson correlation without lag. best: the highest over lags. lag_s: where; positive, the first curve is
    later.
    """

    at_zero: float
    best: float
    lag_s: float


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson correlation of two curves `[T]` over the frames where both are finite.

    A curve that does not move follows nothing: 0, so that frozen lips are told and not excused. NaN for fewer than five
    frames or when the second curve (the truth) does not move.
    """
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < MINIMUM_FRAMES or np.std(second[both]) < _FLAT:
        return float("nan")
    if np.std(first[both]) < _FLAT:
        return 0.0
    return float(np.corrcoef(first[both], second[both])[0, 1])


def lag_correlation(first: np.ndarray, second: np.ndarray, fps: float, max_lag_s: float = 0.4) -> LagCorrelation:
    """Correlation of two curves `[T]` at every lag within +-`max_lag_s`, refined below one frame by a parabola."""
    reach = min(int(round(max_lag_s * fps)), max(0, min(len(first), len(second)) - MINIMUM_FRAMES))
    lags = np.arange(-reach, reach + 1)
    scores = np.array([_shifted_correlation(first, second, int(lag)) for lag in lags])
    if not np.isfinite(scores).any():
        return LagCorrelation(float("nan"), float("nan"), float("nan"))
    best = int(np.nanargmax(scores))
    return LagCorrelation(float(scores[reach]), float(scores[best]), float((lags[best] + parabola(scores, best)) / fps))


def parabola(scores: np.ndarray, peak: int) -> float:
    """Offset of the true maximum from `peak`, -0.5 to 0.5, from the parabola through it and its neighbours."""
    if not 0 < peak < len(scores) - 1:
        return 0.0
    before, at, after = scores[peak - 1 : peak + 2]
    bend = before - 2 * at + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if np.isfinite(bend) and bend < 0 else 0.0


def runs(mask: np.ndarray, minimum: int = 1) -> list[slice]:
    """Stretches of at least `minimum` true values in a `[T]` mask."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= minimum]


def _shifted_correlation(first: np.ndarray, second: np.ndarray, lag: int) -> float:
    """Correlation when the first curve is taken `lag` frames later."""
    late, early = (first[lag:], second) if lag >= 0 else (first, second[-lag:])
    count = min(len(late), len(early))
    return correlation(late[:count], early[:count])
