"""What tests of the photo profile share: a face that smiles, motions of it, and its painter."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch

from face_model import mp478
from face_model.cameras import WeakPerspectiveCamera
from face_model.morphable_model import rotate
from face_model.tracks import POSE, FaceMotion, FaceTrack
from render2video.photo.bent import BentPhoto
from render2video.photo.renderer import PhotoRenderer

SIZE_PX = 256
POSE_MM = (-2.0, 10.0, -1900.0)


def smiling_face() -> tuple[np.ndarray, np.ndarray]:
    """Landmarks `[478, 3]` of the mean face with a wide open mouth, and that expression `[64]`."""
    model = mp478.load()
    ring = model.expression_mm[:, [61, 291], 0]
    wider = (ring[:, 1] - ring[:, 0]).numpy()
    opened = (model.expression_mm[:, 13, 1] - model.expression_mm[:, 14, 1]).numpy()
    expression = 5 * wider / np.linalg.norm(wider) ** 2 + 8 * opened / np.linalg.norm(opened) ** 2
    expression = expression.astype(np.float32)
    camera = WeakPerspectiveCamera.for_size(SIZE_PX, SIZE_PX)
    face = model.vertices(model.mean_mm, torch.from_numpy(expression), torch.zeros(()))
    turned = rotate(face, torch.tensor([0.05, -0.08, 0.03]))
    points, depth = camera.project(turned, torch.tensor(POSE_MM))
    scale = camera.focal_px / -POSE_MM[2]
    return np.concatenate((points.numpy(), (depth.numpy() - POSE_MM[2])[:, None] * scale), axis=1), expression


def painter_of(person: PhotoRenderer) -> BentPhoto:
    """Of its own, which a test may change."""
    return BentPhoto(person.layers)


def square_of(person: PhotoRenderer, motion: FaceMotion) -> np.ndarray:
    """The first frame's painted square `[S, S, 3]` uint8."""
    drawn = next(person.drawn([motion]))
    return cv2.convertScaleAbs(person.bent.levels(drawn.points_px.astype(np.float64), drawn.blink))


def motion_of(track: FaceTrack, **changes: np.ndarray) -> FaceMotion:
    """The photo's motion with its fields replaced, one frame."""
    return replace(track.motion, **{k: np.asarray(v, np.float32) for k, v in changes.items()})


def wild(track: FaceTrack, frames: int) -> FaceMotion:
    """Poses far out of any range, open mouths and blinks."""
    random = np.random.default_rng(1)
    values = np.repeat(track.motion.pack(), frames, axis=0)
    values[:, POSE] += random.normal(0, 1, (frames, 6)) * (0.5, 0.5, 0.5, 40, 40, 200)
    motion = FaceMotion.unpack(values, 25.0)
    opened = random.normal(0, 1.0, (frames, 64)).astype(np.float32)
    return replace(motion, expression=opened, blink=random.uniform(0, 5, frames).astype(np.float32))
