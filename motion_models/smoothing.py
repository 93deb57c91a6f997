"""Curves made smooth."""

from __future__ import annotations

import numpy as np


def smoothed(curves: np.ndarray, deviation_frames: float) -> np.ndarray:
    """Curves `[T, C]` under a Gaussian cut at four deviations, their ends held.

    To the bit what SciPy's `gaussian_filter1d` makes of them, whose package takes a tenth of a second to load before
    the first frame.
    """
    reach = int(4 * deviation_frames + 0.5)
    weights = np.exp(-0.5 / deviation_frames**2 * np.arange(-reach, reach + 1) ** 2)
    weights /= weights.sum()
    held = np.pad(curves.astype(np.float64), ((reach, reach), (0, 0)), mode="edge")
    count = len(curves)
    total = held[reach : reach + count] * weights[reach]
    for away in range(reach, 0, -1):
        pair = held[reach - away : reach - away + count] + held[reach + away : reach + away + count]
        total += pair * weights[reach - away]
    return total.astype(curves.dtype)
