"""The 68 landmarks of a target's face in its own picture, as OpenFace would write them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from face_model import mp478
from face_model.cameras import PinholeCamera, camera_from_json
from face_model.correspondence import PLACES68
from face_model.morphable_model import rotate
from face_model.tracks import FaceIdentity, FaceMotion
from foundation.errors import InputError
from foundation.files import read_tensors
from talking_head.target.card import APPEARANCE, Target


@dataclass(frozen=True)
class Seen68:
    """points_mm: `[T, 68, 3]` in the camera frame. camera: that sees them, a pinhole as OpenFace's is."""

    points_mm: np.ndarray
    camera: PinholeCamera

    def pixels(self) -> np.ndarray:
        """`[T, 68, 2]`."""
        points = torch.from_numpy(self.points_mm)
        pixels: np.ndarray = self.camera.project(points, torch.zeros(3))[0].numpy()
        return pixels


def identity_of(person: Target) -> FaceIdentity:
    """The shape and colours of a target's face."""
    look, about = read_tensors(person.folder / APPEARANCE)
    identity, texture, illumination = (look[f"person.{name}"] for name in ("identity", "texture", "illumination"))
    return FaceIdentity(identity, texture, illumination, float(about["blink_gain"]))


def seen68(motion: FaceMotion, person: Target) -> Seen68:
    """Where the landmarks of a target are while it moves.

    Raises:
        InputError: the motion is of another face model than `mp478`.
    """
    if motion.face_model != mp478.ID:
        raise InputError(f"landmarks of face model '{motion.face_model}'", f"a motion of {mp478.ID}")
    model, identity = mp478.load(), identity_of(person)
    expression, blink, rotation = (
        torch.from_numpy(np.asarray(part, np.float32)) for part in (motion.expression, motion.blink, motion.rotation)
    )
    neutral = model.shape(torch.from_numpy(identity.identity))
    face = model.vertices(neutral, expression, blink, identity.blink_gain)
    turned = rotate(face[:, list(PLACES68)], rotation)
    own = camera_from_json(read_tensors(person.folder / APPEARANCE)[1]["camera"])
    camera = PinholeCamera(own.focal_px, own.centre_x_px, own.centre_y_px, own.width_px, own.height_px)
    return Seen68(turned.numpy() + np.asarray(motion.translation, np.float32)[:, None], camera)
