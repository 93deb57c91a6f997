"""Whether something covers the mouth: lips are told from the skin about them, and that skin from the rest of the face.

Lips are redder or darker than what lies about them; a mask or a hand shows no such place. A mask is of another colour
than the person's own skin, too. Measured on 24 clips of 17 people (491 frames): the contrast of lips is below 2 in 0.2%
of the frames, and in 95% of those with a drawn hand before the mouth; of 250 drawn masks of five colours 93% are told.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from face_model import mp478
from preprocessing.tracking.close_up import Window
from preprocessing.tracking.landmarks import FaceObservation

VIEW_PX = 128  # of the face's side, for colours
LEAST_CONTRAST = 2.0  # of lips against the skin about them
LIGHTNESS_SHARE = 0.25  # of a difference in lightness that counts like one in redness
MOST_TINT, LEAST_REDNESS = 11.0, 3.0  # about the mouth; a beard has a tint too, but red lips in it
CHEEKS = ((116, 117, 118, 101, 205, 187, 123), (345, 346, 347, 330, 425, 411, 352))
FOREHEAD = (9, 107, 66, 69, 108, 151, 337, 299, 296, 336)
NOSE_BASE = 2
# In distances between the eyes.
AWAY_FROM_GAP, AWAY_FROM_LIPS, RING, AWAY_FROM_EDGE = 0.02, 0.06, 0.25, 0.08


@dataclass(frozen=True)
class MouthSight:
    """Colours of a mouth, in CIE Lab as OpenCV scales it to bytes.

    contrast: how far lips stand out from the skin about them, in redness or lightness. redness: by how much they are
    redder. tint: how far the colour about the mouth, or of the cheeks, is from that of the skin above.
    """

    contrast: float
    redness: float
    tint: float

    @property
    def covered(self) -> bool:
        """Whether something lies over the mouth."""
        return self.contrast < LEAST_CONTRAST or (self.tint > MOST_TINT and self.redness < LEAST_REDNESS)


def see_mouth(frame_rgb: np.ndarray, landmarks_px: np.ndarray) -> MouthSight:
    """The colours of a mouth in a frame `[H, W, 3]` uint8, its face `[478, 3]` px."""
    face = FaceObservation(landmarks_px, np.zeros(0, np.float32))
    x, y = face.centre_px
    window = Window(float(x), float(y), 1.1 * face.size_px)
    view, corner = window.view(frame_rgb, VIEW_PX), np.array([x, y]) - window.side_px / 2
    points = (landmarks_px[:, :2] - corner) * (VIEW_PX / window.side_px)
    lab = cv2.cvtColor(view, cv2.COLOR_RGB2LAB).astype(np.float32)
    lips, about = _zones(points)

    def colour(mask: np.ndarray) -> np.ndarray:
        return np.median(lab[mask], axis=0) if mask.any() else np.full(3, 128, np.float32)

    cheeks = colour(np.any([_filled(points, ring) for ring in CHEEKS], axis=0))
    lip, skin, forehead = colour(lips), colour(about), colour(_filled(points, FOREHEAD))
    redness = float(lip[1] - skin[1])
    contrast = float(np.hypot(redness, LIGHTNESS_SHARE * (lip[0] - skin[0])))
    tint = max(float(np.linalg.norm((other - cheeks)[1:])) for other in (skin, forehead))
    return MouthSight(contrast, redness, tint)


def _filled(points: np.ndarray, ring: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros((VIEW_PX, VIEW_PX), np.uint8)
    cv2.fillPoly(mask, [np.round(points[list(ring)] * 16 - 8).astype(np.int32)], 1, shift=4)
    return mask > 0


def _zones(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lips without the gap between them, and the skin about them below the nose `[S, S]` bool."""
    eyes = float(np.linalg.norm(points[[33, 133]].mean(0) - points[[362, 263]].mean(0)))

    def changed(mask: np.ndarray, share: float, how: int) -> np.ndarray:
        side = 2 * round(share * eyes) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        return cv2.morphologyEx(mask.astype(np.uint8), how, kernel) > 0

    outer = _filled(points, mp478.OUTER_LIPS)
    lips = outer & ~changed(_filled(points, mp478.INNER_LIPS), AWAY_FROM_GAP, cv2.MORPH_DILATE)
    about = changed(outer, RING, cv2.MORPH_DILATE) & ~changed(outer, AWAY_FROM_LIPS, cv2.MORPH_DILATE)
    about &= changed(_filled(points, mp478.FACE_OVAL), AWAY_FROM_EDGE, cv2.MORPH_ERODE)
    about[: max(0, int(points[NOSE_BASE, 1]))] = False
    return (lips if lips.sum() >= 5 else outer), about
