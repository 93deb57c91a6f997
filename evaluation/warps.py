"""Bending pictures by moved landmarks, to build controls from real video."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator

_STEP_PX = 6  # grid on which displacement is interpolated; the picture between is linear
_BORDER_POINTS = 9  # fixed points along each side


def warp_by_landmarks(picture: np.ndarray, from_px: np.ndarray, to_px: np.ndarray) -> np.ndarray:
    """The picture `[H, W, 3]` bent so that points `[N, 2]` move from `from_px` to `to_px`; its border stays.

    Piecewise linear between the points (Delaunay triangles of the goal), sampled backwards.
    """
    height, width = picture.shape[:2]
    fixed = _border(height, width)
    goal, source = np.concatenate([to_px, fixed]), np.concatenate([from_px, fixed])
    field = LinearNDInterpolator(goal, source - goal, fill_value=0.0)
    columns = np.append(np.arange(0, width - 1, _STEP_PX), width - 1).astype(np.float32)
    rows = np.append(np.arange(0, height - 1, _STEP_PX), height - 1).astype(np.float32)
    coarse = field(*np.meshgrid(columns, rows)).astype(np.float32)
    at_x = np.interp(np.arange(width), columns, np.arange(len(columns))).astype(np.float32)
    at_y = np.interp(np.arange(height), rows, np.arange(len(rows))).astype(np.float32)
    grid_x, grid_y = np.meshgrid(at_x, at_y)
    moved = cv2.remap(coarse, grid_x, grid_y, cv2.INTER_LINEAR)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(picture, x + moved[..., 0], y + moved[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _border(height: int, width: int) -> np.ndarray:
    x, y = np.linspace(0, width - 1, _BORDER_POINTS), np.linspace(0, height - 1, _BORDER_POINTS)
    top, bottom = (np.stack([x, np.full_like(x, row)], axis=1) for row in (0, height - 1))
    left, right = (np.stack([np.full_like(y, column), y], axis=1)[1:-1] for column in (0, width - 1))
    return np.concatenate([top, bottom, left, right])
