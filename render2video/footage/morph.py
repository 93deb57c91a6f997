"""From one real picture to another without a dissolve: each is pulled along the optical flow towards the other."""

from __future__ import annotations

import cv2
import numpy as np

from preprocessing.media.yuv import Planes
from render2video.footage.resampling import SHORT, displaced

FLOW_SIDE_PX = 320  # the flow is found on pictures of about this longer side
# OpenCV's medium preset with fewer steps and patches: two thirds of the time, and morphs that are the same to 50 dB.
PATCH_STRIDE_PX, DESCENTS, REFINEMENTS = 4, 12, 3
SMOOTH_PX = 2.0  # of the flow
MOTIONLESS_PX = 0.02


def morph(start: Planes, end: Planes, share: float) -> Planes:
    """The picture `share` (0-1) of the way between two of the same size."""
    height, width = start.light.shape
    zoom = min(1.0, FLOW_SIDE_PX / max(height, width))
    size = round(width * zoom), round(height * zoom)
    one, two = (cv2.resize(picture.light, size, interpolation=cv2.INTER_AREA) for picture in (start, end))
    pulled = (
        _pulled(start, _flow(two, one), share / zoom, 1 / zoom),
        _pulled(end, _flow(one, two), (1 - share) / zoom, 1 / zoom),
    )  # fmt: skip
    return Planes(
        *(cv2.addWeighted(old, 1 - share, new, share, 0) for old, new in zip(*pulled, strict=True))
    )


def _flow(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """`[h, w, 2]`: where each pixel of the first picture `[h, w]` is in the second one."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    finder.setPatchStride(PATCH_STRIDE_PX)
    finder.setGradientDescentIterations(DESCENTS)
    finder.setVariationalRefinementIterations(REFINEMENTS)
    flow = finder.calc(one, two, np.zeros((*one.shape, 2), np.float32))
    return cv2.GaussianBlur(flow, (0, 0), SMOOTH_PX)


def _pulled(picture: Planes, flow: np.ndarray, share: float, step_px: float) -> list[np.ndarray]:
    """Light, blue and red of a picture, `share` of the way along a flow whose pixels are `step_px` wide."""
    shifts, made = flow * np.float32(share), []
    for plane, part in ((picture.light, 1), (picture.blue, 2), (picture.red, 2)):
        whole = slice(0, plane.shape[0]), slice(0, plane.shape[1])
        made.append(
            displaced(plane, shifts / part, step_px / part, MOTIONLESS_PX / part, *whole, through=SHORT)
        )
    return made
