"""The square of the full frame that the network paints, and how it is placed back without a visible seam."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from face_model.cameras import Camera
from foundation.easing import smoothstep

HEAD_SHARE = 0.62  # of the crop's side that the head and its shell take
WHOLE_SHARE = 0.85  # a crop that would take this much of the frame's shorter side takes all of it
FEATHER_SHARE = 0.08  # of the crop's side over which it fades into the frame around it


@dataclass(frozen=True)
class Crop:
    """A square of the frame in whole pixels."""

    left_px: int
    top_px: int
    side_px: int

    def camera(self, full: Camera, size_px: int) -> Camera:
        """The camera of the crop resized to `size_px`."""
        return full.crop(self.left_px, self.top_px, self.side_px, size_px)

    def cut(self, frame: np.ndarray, size_px: int) -> np.ndarray:
        """The crop of a frame `[H, W, 3]`, resized to `size_px` square."""
        square = frame[self.top_px : self.top_px + self.side_px, self.left_px : self.left_px + self.side_px]
        shrinking = self.side_px > size_px
        return cv2.resize(square, (size_px, size_px), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC)


def head_crop(points_px: np.ndarray, camera: Camera) -> Crop:
    """A square around everywhere the head goes, inside the frame; the whole shorter side where the head is large.

    Args:
        points_px: `[N, 2]`, where the head was in the full frame.
        camera: of the full frame.
    """
    low, high = points_px.min(0), points_px.max(0)
    shorter = min(camera.width_px, camera.height_px)
    side = int(round(min(float((high - low).max()) / HEAD_SHARE, shorter)))
    if side > WHOLE_SHARE * shorter:
        side = shorter
    centre = (low + high) / 2 + (0, 0.08 * side)  # a little lower: shoulders move too
    left = int(np.clip(round(centre[0] - side / 2), 0, camera.width_px - side))
    top = int(np.clip(round(centre[1] - side / 2), 0, camera.height_px - side))
    return Crop(left, top, side)


class Compositor:
    """Puts painted crops back into the full frame."""

    def __init__(self, plate: np.ndarray, crop: Crop) -> None:
        """
        Args:
            plate: `[H, W, 3]` uint8, the full frame without the head's motion.
            crop: where the painted square belongs.
        """
        self.plate, self.crop = plate, crop
        self.weight = self._feather()[..., None]

    def _feather(self) -> np.ndarray:
        """`[side, side]` float32: 1 inside, falling to 0 at those edges of the crop that are not the frame's own."""
        side, (height_px, width_px) = self.crop.side_px, self.plate.shape[:2]
        width = max(1.0, FEATHER_SHARE * side)
        at = np.arange(side) + 0.5

        def ramp(start_open: bool, end_open: bool) -> np.ndarray:
            start = np.clip(at / width, 0, 1) if start_open else np.ones(side)
            end = np.clip((side - at) / width, 0, 1) if end_open else np.ones(side)
            return smoothstep(np.minimum(start, end))

        columns = ramp(self.crop.left_px > 0, self.crop.left_px + side < width_px)
        rows = ramp(self.crop.top_px > 0, self.crop.top_px + side < height_px)
        return np.minimum(rows[:, None], columns[None]).astype(np.float32)

    def __call__(self, painted: np.ndarray) -> np.ndarray:
        """The full frame `[H, W, 3]` uint8 from a painted crop `[S, S, 3]` uint8."""
        crop = self.crop
        size = (crop.side_px, crop.side_px)
        enlarged = painted if painted.shape[:2] == size else cv2.resize(painted, size, interpolation=cv2.INTER_CUBIC)
        frame = self.plate.copy()
        square = frame[crop.top_px : crop.top_px + crop.side_px, crop.left_px : crop.left_px + crop.side_px]
        if (self.weight == 1).all():
            square[:] = enlarged
        else:
            square[:] = np.rint(square + self.weight * (enlarged.astype(np.float32) - square)).astype(np.uint8)
        return frame
