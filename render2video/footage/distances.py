"""How far all frames of the footage are from one that is wanted, in one pass and without copies."""

from __future__ import annotations

import numpy as np
from numba import float32

from foundation.compiled import compiled


def mean_apart(points: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """`[T]` float32: the mean distance of points `[T, N, 2]` from those that are wanted `[N, 2]`."""
    made = np.empty(len(points), np.float32)
    _mean_apart(points, np.ascontiguousarray(wanted, np.float32), made)
    return made


def deviations(points: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """`[T]` float32: the root of the mean square distance of points `[T, N, D]` from those wanted `[N, D]`."""
    flat = np.ascontiguousarray(points, np.float32).reshape(len(points), -1)
    made = np.empty(len(points), np.float32)
    _deviations(flat, np.ascontiguousarray(wanted, np.float32).ravel(), np.float32(points.shape[1]), made)
    return made


@compiled(fastmath=True, error_model="numpy")
def _mean_apart(points, wanted, made):  # type: ignore[no-untyped-def]
    for frame in range(len(points)):
        total = float32(0)
        for k in range(len(wanted)):
            x, y = points[frame, k, 0] - wanted[k, 0], points[frame, k, 1] - wanted[k, 1]
            total += np.sqrt(x * x + y * y)
        made[frame] = total / float32(len(wanted))


@compiled(fastmath=True, error_model="numpy")
def _deviations(flat, wanted, count, made):  # type: ignore[no-untyped-def]
    for frame in range(len(flat)):
        row, total = flat[frame], float32(0)
        for k in range(len(wanted)):
            away = row[k] - wanted[k]
            total += away * away
        made[frame] = np.sqrt(total / count)
