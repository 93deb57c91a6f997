"""What light a photo was taken in and how sharp it is, so that what is painted into it looks as if it were there."""

from __future__ import annotations

import cv2
import numpy as np

from render2video.photo.warp import EYES, PhotoGeometry

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
CHEEKS = [50, 280, 205, 425, 101, 330]
# Teeth measured against the white of the eyes and the cheeks, in seven people's footage: about as bright as the
# former, a little warmer; never as far from the latter as a badly seen eye may be.
ENAMEL_OF_WHITE = np.array([1.10, 1.08, 1.05])
PALER = np.array([1.0, 1.2, 1.4])  # than skin, its red being the same: eyes that are no paler are badly seen
PALEST = np.array([1.0, 0.9, 0.84])  # what such eyes may be taken for
LEAST_OF_SKIN, MOST_OF_SKIN = 0.92, 1.35
MOST_BLUE = 0.97  # of the green: enamel is never bluer
WHITE_QUANTILES = 0.82, 0.98  # of an eye's brightness: the sclera is above the iris and the lids, below glints
STRONG_SHARE = 0.02  # of a face's pixels: the edges that tell how sharp it is
SHARPEST_PX, SOFTEST_PX = 0.75, 4.0
DIFFERENCE_PX2 = 1 / 3  # variance of the blur that differences between pixels two apart add


def cheek_colour(photo: np.ndarray, geometry: PhotoGeometry) -> np.ndarray:
    """Colour `[3]` of lit skin in a photo `[H, W, 3]` uint8, without blemish and glint."""
    reach = max(1, round(0.01 * np.ptp(geometry.landmarks_px[:, 1])))
    patches = []
    for place in np.rint(geometry.landmarks_px[CHEEKS]).astype(int):
        low = (place - reach).clip(0, len(photo) - 2 * reach - 1)
        patches.append(photo[low[1] : low[1] + 2 * reach + 1, low[0] : low[0] + 2 * reach + 1].reshape(-1, 3).mean(0))
    colour: np.ndarray = np.median(patches, axis=0)
    return colour


def enamel_colour(photo: np.ndarray, geometry: PhotoGeometry) -> np.ndarray:
    """Colour `[3]` that the front of a tooth has in a photo `[H, W, 3]` uint8: nothing else in a face is as white as
    the white of the eyes, and both are lit alike.
    """
    whites = []
    for ring in EYES:
        mask = np.zeros(photo.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.rint(geometry.landmarks_px[ring]).astype(np.int32)], 1)
        seen = photo[mask > 0].astype(np.float32)
        light = seen @ LUMA
        low, high = np.quantile(light, WHITE_QUANTILES)
        whites.append(seen[(light >= low) & (light <= high)].mean(0))
    cheek = np.maximum(cheek_colour(photo, geometry), 1)
    enamel = ENAMEL_OF_WHITE * np.maximum(np.mean(whites, axis=0), 1)
    enamel = enamel[0] * np.maximum(enamel / enamel[0], np.minimum(PALER * cheek / cheek[0], PALEST))
    enamel[2] = min(enamel[2], MOST_BLUE * enamel[1])
    share = float(enamel @ LUMA) / float(cheek @ LUMA)
    enamel *= np.clip(share, LEAST_OF_SKIN, MOST_OF_SKIN) / share
    return np.clip(enamel, 0, 250)


def blur_px(photo: np.ndarray, geometry: PhotoGeometry) -> float:
    """Deviation of the blur that a face's sharpest edges have in a photo `[H, W, 3]` uint8: how much another blur
    weakens their gradient tells it (Zhuo and Sim 2011, section 3).
    """
    low = np.floor(geometry.landmarks_px.min(0)).astype(int).clip(0)
    high = np.ceil(geometry.landmarks_px.max(0)).astype(int)
    grey = photo[low[1] : high[1], low[0] : high[0]].astype(np.float32) @ LUMA

    def gradient(picture: np.ndarray) -> np.ndarray:
        rows, columns = np.gradient(picture)
        return np.hypot(rows, columns)

    own, again = gradient(grey), gradient(cv2.GaussianBlur(grey, (0, 0), 1.0))
    strong = own >= np.quantile(own, 1 - STRONG_SHARE)
    ratio = float(np.median(own[strong] / np.maximum(again[strong], 1e-3)))
    variance = 1 / max(ratio**2 - 1, 1e-6) - DIFFERENCE_PX2
    return float(np.sqrt(np.clip(variance, SHARPEST_PX**2, SOFTEST_PX**2)))
