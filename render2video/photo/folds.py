"""What a smile leaves in the photo that no bending takes away, since it is shading: the folds from the nose's wings
past the mouth's corners, which look like a smile that stays, and glints on tight lips, which look like teeth when they
relax.
"""

from __future__ import annotations

import cv2
import numpy as np

from foundation.easing import smoothstep
from render2video.photo.warp import LIP_OUTER, LIP_RING, PhotoGeometry

# From the nose's wing around the corner of the mouth, right and left.
FOLDS = (129, 203, 206, 216, 212), (358, 423, 426, 436, 432)
NOSE = (
    168, 193, 245, 188, 174, 217, 209, 49, 129, 64, 98, 97, 2, 326, 327, 294, 358, 279, 429, 437, 399, 412, 465, 417,
)  # fmt: skip
CORNERS = (61, 291)
STILL_MM, SMILE_MM = 2.5, 6.0  # a corner that is so far from its rest is no smile yet; is a broad one
NEAR_MM, FAR_MM = 8.0, 17.0  # from the fold's line: softened wholly; not at all
LIP_MM = 1.5, 4.0  # from the lips: not softened; wholly
NOSE_MM = 0.5, 2.5
# Deviations: finer is the skin's texture, and stays; coarser is the face's shape, and stays.
SKIN_MM, FOLD_MM = 0.5, 7.0
DARK_SHARE, LIGHT_SHARE = 0.9, 0.6  # of the shading in between that goes, of valleys and of ridges
GLINT_MM, GLINT_SHARE, GLINT_EDGE_MM = (0.0, 3.0), 0.8, 0.4  # deviations as above, on lips; how much goes; soft edge


def smile_of(geometry: PhotoGeometry, resting_px: np.ndarray, scale_px_mm: float) -> float:
    """How broadly the photo smiles, 0-1: how far the mouth's corners are from their rest, `[V, 2]` in its pose."""
    away = geometry.landmarks_px[list(CORNERS)] - resting_px[list(CORNERS)]
    away_mm = float(np.linalg.norm(away, axis=1).mean()) / scale_px_mm
    return float(np.clip((away_mm - STILL_MM) / (SMILE_MM - STILL_MM), 0, 1))


def without_smile(photo: np.ndarray, geometry: PhotoGeometry, smile: float, scale_px_mm: float) -> np.ndarray:
    """The photo `[S, S, 3]` uint8 with the shading of folds and lips reduced as far as it smiles."""
    if smile == 0:
        return photo
    light = np.log(photo.astype(np.float32) + 4)
    share, skin = _where(len(photo), geometry, scale_px_mm)
    shading = _shading(light, skin, SKIN_MM * scale_px_mm, FOLD_MM * scale_px_mm)
    gone = np.where(shading < 0, DARK_SHARE, LIGHT_SHARE) * shading * (share * skin)[..., None]
    lips = _lips(len(photo), geometry)
    glints = np.maximum(_shading(light, lips, GLINT_MM[0] * scale_px_mm, GLINT_MM[1] * scale_px_mm), 0)
    soft = cv2.GaussianBlur(lips.astype(np.float32), (0, 0), GLINT_EDGE_MM * scale_px_mm)
    gone += GLINT_SHARE * glints * np.clip(2 * soft - 1, 0, 1)[..., None]  # none at the edge, which may be skin
    return np.rint(np.clip(np.exp(light - smile * gone) - 4, 0, 255)).astype(np.uint8)


def _shading(light: np.ndarray, where: np.ndarray, fine_px: float, coarse_px: float) -> np.ndarray:
    """What of an image `[S, S, 3]` lies between two deviations, told from the pixels `[S, S]` bool alone."""
    have = where.astype(np.float32)

    def mean(sigma: float) -> np.ndarray:
        weight = cv2.GaussianBlur(have, (0, 0), sigma)[..., None]
        return cv2.GaussianBlur(light * have[..., None], (0, 0), sigma) / np.maximum(weight, 1e-3)

    shading: np.ndarray = (mean(fine_px) if fine_px > 0 else light) - mean(coarse_px)
    return shading


def _lips(size: int, geometry: PhotoGeometry) -> np.ndarray:
    """`[S, S]` bool: the lips' red, without what shows between them."""
    mask = np.zeros((size, size), np.uint8)
    for ring, value in ((LIP_OUTER, 1), (LIP_RING, 0)):
        cv2.fillPoly(mask, [np.rint(geometry.landmarks_px[ring]).astype(np.int32)], value)
    return mask > 0


def _where(size: int, geometry: PhotoGeometry, scale_px_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """How much each pixel is of the folds `[S, S]` float32 0-1, and where skin is `[S, S]` bool."""
    points = np.rint(geometry.landmarks_px).astype(np.int32)

    def away_mm(draw: str, *paths: tuple[int, ...]) -> np.ndarray:
        mask = np.ones((size, size), np.uint8)
        for path in paths:
            if draw == "line":
                cv2.polylines(mask, [points[list(path)]], False, 0, 1)
            else:
                cv2.fillPoly(mask, [points[list(path)]], 0)
        return cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / scale_px_mm

    lips, nose = away_mm("area", tuple(LIP_OUTER)), away_mm("area", NOSE)
    fold = fall(away_mm("line", *FOLDS), FAR_MM, NEAR_MM)
    face = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(points[: geometry.vertices]), 1)
    skin = (face > 0) & (lips > LIP_MM[0]) & (nose > NOSE_MM[0])
    return fold * fall(lips, *LIP_MM) * fall(nose, *NOSE_MM), skin


def fall(values: np.ndarray, none_at: float | np.ndarray, whole_at: float | np.ndarray) -> np.ndarray:
    """0 where values are at `none_at` or beyond, 1 where at `whole_at` or beyond, smooth between."""
    share = np.clip((values - none_at) / (whole_at - none_at), 0, 1)
    return smoothstep(share).astype(np.float32)
