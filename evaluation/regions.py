"""Regions of a picture from its landmarks: face, mouth, hair, torso, still background."""

from __future__ import annotations

import cv2
import numpy as np

from evaluation.mouth import LIPS
from face_model.mp478 import EYE_CORNERS, FACE_OVAL, OUTER_LIPS

FACE_POINTS = 468
_MOUTH_MARGIN = 0.25  # interocular distances around the lips
_HAIR_MARGIN = 1.2  # interocular distances around the face that hair and neck may fill
_SMALLEST_BACKGROUND = 0.02  # of the picture; less says nothing
FOREHEAD, CHIN = 10, 152
# Interocular distances: the skin inside the face's outline, the hair around it, and the torso below the chin.
_SKIN_INSET, _HAIR_REACH, _TORSO_BELOW, _TORSO_HALF_WIDTH = 0.11, 0.57, 0.21, 2.3
_CORNER_SHARE = 1 / 6  # of the picture's height and width: each upper corner
# The visible label of generated films, lower left: of the height, its own, and how wide and high it is at least.
LABEL_HEIGHT, LABEL_WIDTH, LABEL_LEAST_PX = 0.07, 0.31, (20, 80)


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


def detail_masks(landmarks_px: np.ndarray, height: int, width: int) -> dict[str, np.ndarray]:
    """`[H, W]` bool of each part of a portrait whose detail is compared, from one frame's landmarks `[478, 3]`.

    face: the skin inside the oval, with eyes and mouth. mouth: between the outer lips. hair: around the oval's upper
    half. torso: below the chin, as wide as shoulders. The place of the visible label is in none.
    """
    eye_px = float(eye_distance_px(landmarks_px))
    oval = _hull(landmarks_px[list(FACE_OVAL)], height, width)
    row, column = np.ogrid[:height, :width]
    middle = (landmarks_px[FOREHEAD, 1] + landmarks_px[CHIN, 1]) / 2
    below = row > landmarks_px[CHIN, 1] + _TORSO_BELOW * eye_px
    masks = {
        "face": ~_grow(~oval, _SKIN_INSET * eye_px), "mouth": _hull(landmarks_px[list(OUTER_LIPS)], height, width),
        "hair": _grow(oval, _HAIR_REACH * eye_px) & ~oval & (row < middle),
        "torso": below & (np.abs(column - landmarks_px[CHIN, 0]) < _TORSO_HALF_WIDTH * eye_px),
    }
    shown = ~label_mask(height, width)
    return {name: mask & shown for name, mask in masks.items()}


def label_mask(height: int, width: int) -> np.ndarray:
    """`[H, W]` bool: the lower left corner, where generated films bear a visible label."""
    high = max(round(LABEL_HEIGHT * height), LABEL_LEAST_PX[0])
    wide = max(round(LABEL_WIDTH * height), LABEL_LEAST_PX[1])
    mask = np.zeros((height, width), bool)
    mask[max(0, height - high) :, :wide] = True
    return mask


def corner_mask(landmarks_px: np.ndarray, valid: np.ndarray, height: int, width: int) -> np.ndarray:
    """`[H, W]` bool: what of both upper corners the head, with its hair, reaches in no frame of the clip `[T, 478, 3]`.

    Empty where it reaches all of them.
    """
    mask = np.zeros((height, width), bool)
    high, wide = int(_CORNER_SHARE * height), int(_CORNER_SHARE * width)
    mask[:high, :wide] = mask[:high, width - wide :] = True
    seen = landmarks_px[valid]
    if len(seen):
        points = seen[:, :FACE_POINTS, :2].reshape(-1, 2)
        margin = _HAIR_REACH * float(np.median(eye_distance_px(seen)))
        (left, top), right = points.min(0) - margin, points[:, 0].max() + margin
        mask[max(0, int(top)) :, max(0, int(left)) : max(0, int(right))] = False
    return mask


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
