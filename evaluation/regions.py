"""Regions of a picture from its landmarks: face, mouth, still background."""

from __future__ import annotations

import cv2
import numpy as np

from evaluation.mouth import LIPS
from face_model.mp478 import EYE_CORNERS

FACE_POINTS = 468
_MOUTH_MARGIN = 0.25  # interocular distances around the lips
_HAIR_MARGIN = 1.2  # interocular distances around the face that hair and neck may fill
_SMALLEST_BACKGROUND = 0.02  # of the picture; less says nothing


def eye_distance_px(landmarks_px: np.ndarray) -> np.ndarray:
    """Interocular distance `[...]` in pixels of landmarks `[..., 478, 3]`, in three dimensions."""
    corners = landmarks_px[..., EYE_CORNERS, :]
    return np.linalg.norm(
        (corners[..., 0, :] + corners[..., 1, :] - corners[..., 2, :] - corners[..., 3, :]) / 2, axis=-1
    )


def face_mask(landmarks_px: np.ndarray, height: int, width: int) -> np.ndarray:
    """`[H, W]` bool: inside the convex hull of the face points of one frame's landmarks `[478, 3]`."""
    return _hull(landmarks_px[:FACE_POINTS], height, width)


def mouth_mask(landmarks_px: np.ndarray, height: int, width: int) -> np.ndarray:
    """`[H, W]` bool: the lips' convex hull and a quarter of the interocular distance around it."""
    return _grow(_hull(landmarks_px[LIPS], height, width), _MOUTH_MARGIN * float(eye_distance_px(landmarks_px)))


def background_mask(landmarks_px: np.ndarray, valid: np.ndarray, height: int, width: int) -> np.ndarray | None:
    """`[H, W]` bool: what should stand still: above the chin, and away from the face in every frame of the clip `[T,
    478, 3]`.

    The hair is given 1.2 interocular distances around the face. None when less than 2% of the picture is left (a tight
    crop).
    """
    seen = landmarks_px[valid]
    if len(seen) == 0:
        return None
    points = seen[:, :FACE_POINTS, :2].reshape(-1, 2)
    margin = _HAIR_MARGIN * float(np.median(eye_distance_px(seen)))
    left, top = points.min(0) - margin
    right, chin = points[:, 0].max() + margin, points[:, 1].max()
    mask = np.zeros((height, width), bool)
    mask[: max(0, int(chin))] = True
    mask[max(0, int(top)) :, max(0, int(left)) : max(0, int(right))] = False
    return mask if mask.mean() >= _SMALLEST_BACKGROUND else None


def _hull(points_px: np.ndarray, height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    hull = cv2.convexHull(np.ascontiguousarray(points_px[:, :2], np.float32))
    cv2.fillConvexPoly(mask, np.round(hull).astype(np.int32), 1)
    return mask.astype(bool)


def _grow(mask: np.ndarray, margin_px: float) -> np.ndarray:
    """The mask and all within `margin_px` of it; only the box that can change is looked at."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    grown = mask.copy()
    if len(rows) == 0:
        return grown
    reach = int(np.ceil(margin_px)) + 1
    box = np.s_[max(0, rows[0] - reach) : rows[-1] + reach + 1, max(0, columns[0] - reach) : columns[-1] + reach + 1]
    grown[box] = cv2.distanceTransform((~mask[box]).astype(np.uint8), cv2.DIST_L2, 5) <= margin_px
    return grown
