"""From one real picture to another without a dissolve: each is pulled along the optical flow towards the other."""

from __future__ import annotations

import cv2
import numpy as np

from render2video.footage.bend import pixels

FLOW_SIDE_PX = 320  # the flow is found on pictures of about this longer side


def morph(from_rgb: np.ndarray, to_rgb: np.ndarray, share: float) -> np.ndarray:
    """The picture `share` (0-1) of the way between two pictures `[H, W, 3]` uint8 of the same size."""
    height, width = from_rgb.shape[:2]
    zoom = min(1.0, FLOW_SIDE_PX / max(height, width))
    size = round(width * zoom), round(height * zoom)
    one, two = (cv2.resize(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
                for p in (from_rgb, to_rgb))  # fmt: skip
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    there, back = (finder.calc(a, b, np.zeros((*one.shape, 2), np.float32)) for a, b in ((one, two), (two, one)))
    start = _pulled(from_rgb, back, share / zoom)
    end = _pulled(to_rgb, there, (1 - share) / zoom)
    return cv2.addWeighted(start, 1 - share, end, share, 0)


def _pulled(picture: np.ndarray, flow: np.ndarray, share: float) -> np.ndarray:
    height, width = picture.shape[:2]
    smooth = cv2.GaussianBlur(flow, (0, 0), 2.0)
    places = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(share)
    places = places + pixels(height, width)
    return cv2.remap(picture, places[..., 0], places[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
