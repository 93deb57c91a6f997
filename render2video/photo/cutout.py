"""The person of a photo alone, frame by frame, to be put before another background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from face_model.tracks import FaceMotion
from render2video.crop import Compositor
from render2video.painter import Painter
from render2video.photo.layers import person_layers
from render2video.photo.renderer import PhotoRenderer


def cutout_frames(painter: Painter, motion: FaceMotion) -> Iterator[np.ndarray]:
    """Full frames `[H, W, 4]` uint8, colour and coverage of a person known from a photo, one a frame of the motion."""
    assert isinstance(painter, PhotoRenderer), "no layer is known"
    compositor = Compositor(_around(painter), painter.compositor.crop)
    for drawn in painter.drawn([motion]):
        levels = painter.bent.levels(drawn.points_px.astype(np.float64), drawn.blink, before_wall=False)
        yield compositor(np.rint(levels.clip(0, 255)).astype(np.uint8))


def _around(renderer: PhotoRenderer) -> np.ndarray:
    """The person `[H, W, 4]` uint8 in the whole photo, for where it goes on outside of the square that is painted."""
    photo, crop = renderer.compositor.plate, renderer.compositor.crop
    height_px, width_px = photo.shape[:2]
    side = max(height_px, width_px)
    whole = np.zeros((height_px, width_px, 4), np.uint8)
    if min(height_px, width_px) == side == crop.side_px:
        return whole
    geometry, zoom = renderer.layers.geometry, crop.side_px / len(renderer.layers.person)
    placed = {
        name: getattr(geometry, name) * zoom + (crop.left_px, crop.top_px) for name in ("landmarks_px", "fitted_px")
    }
    square = cv2.copyMakeBorder(photo, 0, side - height_px, 0, side - width_px, cv2.BORDER_REPLICATE)
    whole[:] = person_layers(square, replace(geometry, **placed))[0][:height_px, :width_px]
    return whole
