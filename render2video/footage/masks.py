"""Which pixels are painted: polygons that follow the driven mesh, with soft edges."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import float32

from face_model import mp478
from foundation.compiled import compiled

MOUTH_REACH = 1.4  # the mouth's outline, about its middle: lips and the skin that moves with them
MOUTH_SOFT, EYE_SOFT = 0.035, 0.03  # of the eyes' distance: deviation of the edges' blur
EYE_REACH = 1.25, 2.1  # of an eye's outline, across and upright: both lids and the crease


@dataclass(frozen=True)
class Patch:
    """A rectangle of the frame and how much of each of its pixels is painted.

    rows, columns: of the full frame. weight: `[h, w, 1]` float32 0-1.
    """

    rows: slice
    columns: slice
    weight: np.ndarray

    def paste(self, frame: np.ndarray, painted: np.ndarray) -> None:
        """Put `painted` `[h, w, 3]` into a frame, in place."""
        mix(frame[self.rows, self.columns], painted, self.weight)


def mix(square: np.ndarray, painted: np.ndarray, weight: np.ndarray) -> None:
    """Put as much of `painted` `[h, w, 3]` as `weight` `[h, w, 1]` says on a picture `[h, w, 3]` uint8, in place."""
    _mix(square, np.asarray(painted, np.float32), weight)


@compiled(fastmath=True, error_model="numpy")
def _mix(square, painted, weight):  # type: ignore[no-untyped-def]
    for row in range(len(square)):
        for x in range(square.shape[1]):
            for c in range(3):
                below = float32(square[row, x, c])
                level = below + weight[row, x, 0] * (painted[row, x, c] - below) + float32(0.5)
                square[row, x, c] = np.uint8(min(max(level, float32(0)), float32(255)))


def polygon_patch(outline_px: np.ndarray, soft_px: float, width_px: int, height_px: int) -> Patch | None:
    """The inside of a polygon `[N, 2]` with edges blurred by `soft_px`; None outside of the frame."""
    margin = 3 * soft_px + 1
    low = np.floor(outline_px.min(0) - margin).astype(int).clip(0, (width_px, height_px))
    high = np.ceil(outline_px.max(0) + margin).astype(int).clip(0, (width_px, height_px))
    if (high - low).min() < 2:
        return None
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
    corners = np.rint((outline_px - low - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [cv2.convexHull(corners)], 1.0, cv2.LINE_8, shift=4)
    soft = cv2.GaussianBlur(mask, (0, 0), max(soft_px, 0.5))
    return Patch(slice(low[1], high[1]), slice(low[0], high[0]), soft[..., None])


def mouth_outline(points_px: np.ndarray, reach: float = MOUTH_REACH) -> np.ndarray:
    """`[20, 2]` around the lips of a driven mesh `[V + S, 2]`."""
    lips = points_px[list(mp478.OUTER_LIPS)]
    middle = lips.mean(0)
    # A mouth that is nearly a line must still be covered: what the real frame's own lips did there may be more.
    across = np.linalg.norm(lips[0] - lips[10])
    up = points_px[10] - points_px[152]
    up = up / np.linalg.norm(up)
    away = lips - middle
    upright = away @ up
    stretched = away + np.outer(np.sign(upright) * 0.1 * across, up)
    return middle + stretched * reach


def eye_outlines(points_px: np.ndarray) -> list[np.ndarray]:
    """Around each eye of a driven mesh `[V + S, 2]`."""
    up = points_px[10] - points_px[152]
    up = up / np.linalg.norm(up)
    outlines = []
    for ring in (mp478.RIGHT_EYE, mp478.LEFT_EYE):
        eye = points_px[list(ring)]
        corners = eye[0], eye[8]
        across = float(np.linalg.norm(corners[0] - corners[1]))
        middle = (corners[0] + corners[1]) / 2
        along = (corners[1] - corners[0]) / across
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)[:, None]
        half = EYE_REACH[0] * across / 2, EYE_REACH[1] * across * 0.2
        outlines.append(middle + np.cos(angle) * half[0] * along + (np.sin(angle) * half[1] + 0.04 * across) * up)
    return outlines
