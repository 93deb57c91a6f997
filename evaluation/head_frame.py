"""Landmarks seen from the head: pose and scale taken out, so that the mouth is measured and not the nod.

Lengths are in interocular distances: the distance between the centres of the two eyes (each the middle of its corners),
measured in three dimensions so that a turned head does not shrink it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from face_model.alignment import similarity
from face_model.mp478 import EYE_CORNERS
from face_model.rotations import rotation_angles, rotation_matrix
from foundation.errors import InputError

LANDMARKS = 478  # the Face Landmarker's topology: 468 face points and 10 iris points
RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS = EYE_CORNERS[:2], EYE_CORNERS[2:]  # of the person; right is on the picture's left
FOREHEAD, NOSE_BASE = 10, 2
# Points that neither jaw, lips, brows nor lids move: skull, temples, nose ridge, eye corners.
RIGID = np.array(
    [
        10,
        109,
        67,
        103,
        54,
        21,
        162,
        127,
        234,
        338,
        297,
        332,
        284,
        251,
        389,
        356,
        454,
        151,
        168,
        6,
        197,
        195,
        5,
        4,
        33,
        133,
        362,
        263,
    ]
)
_ALIGNMENT_PASSES = 3


@dataclass(frozen=True)
class HeadFrame:
    """A face track in the head frame (x right as seen, y up, z towards the viewer; origin between the eyes).

    fps: frames a second. points: `[T, 478, 3]` in interocular distances. rotation: `[T, 3]` pitch, yaw, roll in radians
    (zero: the eye line level, forehead above the nose base). position: `[T, 2]`, the origin in the picture, x right and
    y up, in (median) interocular distances. scale_px: `[T]`, pixels an interocular distance. valid: `[T]` bool.
    """

    fps: float
    points: np.ndarray
    rotation: np.ndarray
    position: np.ndarray
    scale_px: np.ndarray
    valid: np.ndarray

    def __len__(self) -> int:
        return len(self.valid)


def head_frame(landmarks_px: np.ndarray, fps: float, valid: np.ndarray | None = None) -> HeadFrame:
    """Take pose and scale out of a track by rigid alignment (generalised Procrustes over `RIGID`, Gower 1975).

    Args:
        landmarks_px: `[T, 478, 3]`, x right and y down in pixels, z in the same scale, larger is nearer.
        fps: frames a second.
        valid: `[T]` bool, frames that show a face; None: all.

    Raises:
        InputError: another topology, no frame, or no frame with a face.
    """
    if landmarks_px.ndim != 3 or landmarks_px.shape[1:] != (LANDMARKS, 3) or len(landmarks_px) == 0:
        raise InputError(f"landmarks of shape {landmarks_px.shape}", f"[T, {LANDMARKS}, 3] with T at least 1")
    valid = np.ones(len(landmarks_px), bool) if valid is None else np.asarray(valid, bool)
    if not valid.any():
        raise InputError("a track without a face in any frame", "a video that shows a face", "check the video")
    camera = landmarks_px.astype(np.float64) * (1.0, -1.0, 1.0)
    template = _upright(camera[valid][:1])[0]
    for _ in range(_ALIGNMENT_PASSES):
        aligned = _take_out(camera, *_align(camera, template))
        template = _upright(aligned[valid].mean(0, keepdims=True))[0]
    scale, rotation, shift = _align(camera, template)
    return HeadFrame(
        fps=fps,
        points=_take_out(camera, scale, rotation, shift).astype(np.float32),
        rotation=rotation_angles(torch.from_numpy(rotation)).numpy().astype(np.float32),
        position=(shift[:, :2] / np.median(scale[valid])).astype(np.float32),
        scale_px=scale.astype(np.float32),
        valid=valid,
    )


def pose(points: np.ndarray, rotation: np.ndarray, position_px: np.ndarray, scale_px: np.ndarray) -> np.ndarray:
    """The inverse of `head_frame`: landmarks `[T, 478, 3]` in pixels (y down) of points in the head frame.

    Args:
        points: `[T, 478, 3]` in interocular distances.
        rotation: `[T, 3]` radians. position_px: `[T, 2]`, the origin in the picture, x right and y up. scale_px: `[T]`.
    """
    matrix = rotation_matrix(torch.as_tensor(rotation, dtype=torch.float64)).numpy()
    camera = np.einsum("tij,tpj->tpi", matrix, points) * scale_px[:, None, None]
    camera[..., :2] += position_px[:, None]
    return (camera * (1.0, -1.0, 1.0)).astype(np.float32)


def _upright(shapes: np.ndarray) -> np.ndarray:
    """Shapes `[T, 478, 3]` turned upright, scaled to an interocular distance of 1, the origin between the eyes."""
    right = shapes[:, RIGHT_EYE_CORNERS].mean(1)
    left = shapes[:, LEFT_EYE_CORNERS].mean(1)
    eye_line = left - right
    scale = np.linalg.norm(eye_line, axis=-1, keepdims=True)
    x = eye_line / scale
    up = shapes[:, FOREHEAD] - shapes[:, NOSE_BASE]
    up -= (up * x).sum(-1, keepdims=True) * x
    y = up / np.linalg.norm(up, axis=-1, keepdims=True)
    axes = np.stack((x, y, np.cross(x, y)), axis=1)  # rows: the head's axes in the camera frame
    return np.einsum("tij,tpj->tpi", axes, shapes - ((right + left) / 2)[:, None]) / scale[:, None]


def _align(camera: np.ndarray, template: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale `[T]`, rotation `[T, 3, 3]` and shift `[T, 3]` that take the template `[478, 3]` to each frame, over the
    rigid points.
    """
    source = np.broadcast_to(template[RIGID], (len(camera), len(RIGID), 3))
    return similarity(source, camera[:, RIGID], np.ones(len(RIGID)))


def _take_out(camera: np.ndarray, scale: np.ndarray, rotation: np.ndarray, shift: np.ndarray) -> np.ndarray:
    return np.einsum("tji,tpj->tpi", rotation, camera - shift[:, None]) / scale[:, None, None]
