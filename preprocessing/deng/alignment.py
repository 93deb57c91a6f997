"""The 224 x 224 picture that Deng's regressor was trained on: scaled and shifted by five points, never turned.

Of the published procedure each step counts, since the network knows no other pictures: the scaled orthographic fit of a
standard face to the five points, the frame resized as a whole to whole pixels by bicubic interpolation (that of Pillow:
a = -0.5, widened when it shrinks), and a window of whole pixels, black outside of the frame. Here only the window is
computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from face_model.cameras import PinholeCamera
from face_model.deng import FOCAL_PX, MM_PER_DM, PICTURE_PX, DengModel
from foundation.errors import InputError
from foundation.matlab import read_mat
from preprocessing.tracking.layouts import POINTS68

FACE_PX = 102.0  # pixels of the picture a decimetre of the standard face; theirs, by its landmarks' own scale
STANDARD_FILE = "similarity_Lm3D_all.mat"  # ships beside the published model; its landmarks win over the mean face's
CENTRE_OF_PIXEL_PX = 0.5
CUBIC, CUBIC_REACH = -0.5, 2.0


def standard_points(model: DengModel, model_path: Path | str | None = None) -> np.ndarray:
    """The five points `[5, 3]` (decimetres, y up) of the standard face: right eye, left eye, nose, mouth corners.

    Those of the 68 landmarks in `similarity_Lm3D_all.mat` where it lies beside the model's file, else of the mean face.

    Raises:
        InputError: that file is there but is something else.
    """
    beside = Path(model_path).parent / STANDARD_FILE if model_path is not None else None
    if beside is None or not beside.is_file():
        landmarks = model.model.mean_mm[model.model.index_sets["landmarks68"]].numpy() / MM_PER_DM
        return POINTS68.five_points(landmarks.astype(np.float64))
    content = read_mat(beside)
    if "lm" not in content:
        raise InputError(f"{beside} lacks lm", "its 68 landmarks as 'lm'")
    landmarks = content["lm"]
    if landmarks.shape != (POINTS68.count, 3):
        raise InputError(f"{beside}: lm is {landmarks.shape}", f"({POINTS68.count}, 3)")
    return POINTS68.five_points(landmarks.astype(np.float64))


@dataclass(frozen=True)
class Crop:
    """Where the picture lies: the frame of `frame_px` (width, height) is resized to `resized_px`, and the picture's
    left upper corner is at `corner_px` (x, y) of that; it may lie outside.
    """

    frame_px: tuple[int, int]
    resized_px: tuple[int, int]
    corner_px: tuple[int, int]

    @property
    def zoom(self) -> np.ndarray:
        """Pixels of the picture a pixel of the frame, across and down `[2]`."""
        return np.array(self.resized_px) / np.array(self.frame_px)

    def to_frame(self, points_px: np.ndarray) -> np.ndarray:
        """Points `[..., 2]` of the picture in the frame, both from the corner of the first pixel."""
        return (points_px + np.array(self.corner_px)) / self.zoom

    def camera(self) -> PinholeCamera:
        """The camera, over the whole frame, that sees in it what the reconstruction's camera sees in the picture."""
        x, y = self.to_frame(np.full(2, PICTURE_PX / 2))
        return PinholeCamera(FOCAL_PX / float(self.zoom.mean()), float(x), float(y), *self.frame_px)


def align(five_px: np.ndarray, standard_dm: np.ndarray, frame_px: tuple[int, int]) -> Crop:
    """The crop of a face.

    Args:
        five_px: `[5, 2]`, right eye, left eye, nose tip, mouth corners, in the frame's pixels.
        standard_dm: `[5, 3]` from `standard_points`.
        frame_px: (width, height).

    Raises:
        InputError: points that no face shows.
    """
    width, height = frame_px
    # As published: pixels counted from the first one's centre, y up from the last row.
    x = five_px[:, 0].astype(np.float64) - CENTRE_OF_PIXEL_PX
    y = height - 1 - (five_px[:, 1].astype(np.float64) - CENTRE_OF_PIXEL_PX)
    rows = np.column_stack([standard_dm, np.ones(len(standard_dm))])
    across, up = np.linalg.lstsq(rows, x, rcond=None)[0], np.linalg.lstsq(rows, y, rcond=None)[0]
    px_per_dm = (np.linalg.norm(across[:3]) + np.linalg.norm(up[:3])) / 2
    if not np.isfinite(px_per_dm) or px_per_dm < 1e-3 * PICTURE_PX:
        raise InputError(f"five points within {np.ptp(five_px, axis=0).max():.2g} pixels", "those of a face")
    scale = FACE_PX / px_per_dm
    resized = int(width * scale), int(height * scale)
    # int() cuts towards zero, as the published code does.
    left = int(resized[0] / 2 - PICTURE_PX / 2 + (across[3] - width / 2) * scale)
    top = int(resized[1] / 2 - PICTURE_PX / 2 + (height / 2 - up[3]) * scale)
    return Crop((width, height), resized, (left, top))


def cut(frame_rgb: np.ndarray, crop: Crop) -> np.ndarray:
    """The picture `[224, 224, 3]` uint8 of a frame `[H, W, 3]` uint8; black where the frame does not reach."""
    assert frame_rgb.shape[1::-1] == crop.frame_px, f"a frame {frame_rgb.shape}, a crop of {crop.frame_px}"
    left, across = _window(crop.frame_px[0], crop.resized_px[0], crop.corner_px[0])
    top, down = _window(crop.frame_px[1], crop.resized_px[1], crop.corner_px[1])
    part = frame_rgb[top : top + down.shape[1], left : left + across.shape[1]].astype(np.float32)
    narrow = _whole(np.einsum("xw,hwc->hxc", across, part, optimize=True))  # rounded in between, as Pillow rounds
    return _whole(np.einsum("yh,hxc->yxc", down, narrow, optimize=True)).astype(np.uint8)


def _whole(values: np.ndarray) -> np.ndarray:
    return np.floor(np.clip(values, 0, 255) + 0.5)


def _window(size: int, resized: int, corner: int) -> tuple[int, np.ndarray]:
    """The first source pixel that counts, and the weights `[224, source pixels]` of the picture's columns (or rows)."""
    place = np.arange(corner, corner + PICTURE_PX)
    inside = (place >= 0) & (place < resized)
    step = size / max(resized, 1)  # source pixels a resized pixel
    widening = max(step, 1.0)
    centre = (place + 0.5) * step
    # Source pixels are taken from whole ones on, cut off at the frame's edge; what is left is weighted anew.
    low = np.maximum((centre - CUBIC_REACH * widening + 0.5).astype(int), 0)
    high = np.minimum((centre + CUBIC_REACH * widening + 0.5).astype(int), size)
    if not inside.any():
        return 0, np.zeros((PICTURE_PX, 1), np.float32)
    first, last = int(low[inside].min()), int(high[inside].max())
    source = np.arange(first, last)
    distance = (source[None] - centre[:, None] + 0.5) / widening
    weights = _cubic(np.abs(distance)) * (source >= low[:, None]) * (source < high[:, None]) * inside[:, None]
    total = weights.sum(1, keepdims=True)
    return first, (weights / np.where(inside[:, None], total, 1.0)).astype(np.float32)


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution (1981) with a = -0.5."""
    near = (CUBIC + 2) * distance**3 - (CUBIC + 3) * distance**2 + 1
    far = CUBIC * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    return np.where(distance < 1, near, np.where(distance < CUBIC_REACH, far, 0.0))
