"""One photo to a `FaceTrack` of one frame: pose, a neutral identity, and the expression that the photo happens to show.

A clip tells identity from expression because the expression changes. A photo does not: a smile would be taken for the
person's shape and could then never be taken away. So identity is fitted to what no expression moves; the lips are taken
to be the mean face's, only placed where this person has them; what lies around follows through the identity basis.
"""

from __future__ import annotations

import numpy as np
import torch

from face_model import mp478
from face_model.alignment import similarity
from face_model.cameras import WeakPerspectiveCamera
from face_model.illumination import AMBIENT
from face_model.morphable_model import MorphableModel
from face_model.rotations import rotation_angles, rotation_matrix
from face_model.tracks import FaceIdentity, FaceMotion, FaceTrack
from foundation.errors import InputError
from preprocessing.fitting import LANDMARK_NOISE_MM, stable_weights

PHOTO_FPS = 25.0  # what a person known from a photo is painted at
MAX_TURN_RAD = 0.6  # a face turned further hides what the other side looks like
ITERATIONS = 8
LIP_ZONE_MM, MOUTH_ZONE_MM = 4.0, 28.0  # from the outer lips: what counts as lips, and what they take with them
# How far lips at rest may differ from the mean face's. People differ by about 2 mm, but a smile that leaks into the
# identity can never be taken away: with 2 mm the corners of a smiling mouth stay 2.6 mm too high, with 1 mm 1.0.
LIP_SPREAD_MM = 1.0


def fit_photo(
    landmarks_px: np.ndarray, width_px: int, height_px: int, source: str = "", model: MorphableModel | None = None,
    rotation: np.ndarray | None = None,
) -> FaceTrack:
    """The track, one frame long, of a photo. The eyes' opening counts as the person's own open eyes.

    Args:
        landmarks_px: `[478, 3]`; x right, y down, z towards the viewer, all in pixels.
        rotation: `[3]` rad, the head's where it is known better than from these landmarks.

    Raises:
        InputError: the face is turned too far away.
    """
    model = model or mp478.load()
    mean, identity_mm, expression_mm = (
        getattr(model, name).numpy().astype(np.float64) for name in ("mean_mm", "identity_mm", "expression_mm")
    )
    target = (landmarks_px * np.array([1.0, -1.0, 1.0]))[None].astype(np.float64)
    weights = stable_weights(model)
    lips, identity_weights = _mouth(mean, weights)
    moved, neutral = np.zeros_like(mean), mean
    known = None if rotation is None else rotation_matrix(torch.as_tensor(rotation[None], dtype=torch.float64)).numpy()
    for _ in range(ITERATIONS):
        scale, turn, shift = similarity((neutral + moved)[None], target, weights, known)
        head = np.einsum("tba,tvb->tva", turn, target - shift[:, None])[0] / scale[0]
        unlike = head - mean
        unlike[lips] = unlike[lips].mean(0) * (0, 1, 1)
        identity = _weighted_ridge(identity_mm, unlike, identity_weights)
        neutral = mean + np.einsum("k,kvc->vc", identity, identity_mm)
        expression = _weighted_ridge(expression_mm, head - neutral, np.full(len(mean), LANDMARK_NOISE_MM**-2))
        moved = np.einsum("k,kvc->vc", expression, expression_mm)
    angles = rotation_angles(torch.from_numpy(turn)).numpy().astype(np.float32)
    if np.abs(angles[0, :2]).max() > MAX_TURN_RAD:
        turned = np.degrees(np.abs(angles[0, :2]).max())
        raise InputError(f"{source}: a head turned by {turned:.0f} degrees", "a face towards the camera")
    camera = WeakPerspectiveCamera.for_size(width_px, height_px)
    translation = np.array([[
        (shift[0, 0] - camera.centre_x_px) / scale[0], (shift[0, 1] + camera.centre_y_px) / scale[0],
        -camera.focal_px / scale[0],
    ]], np.float32)  # fmt: skip
    motion = FaceMotion(
        PHOTO_FPS, expression[None].astype(np.float32), angles, translation, np.zeros(1, np.float32), model.id
    )
    person = FaceIdentity(identity.astype(np.float32), np.zeros(len(model.texture), np.float32), AMBIENT)
    return FaceTrack(
        motion, person, camera, landmarks_px[None].astype(np.float32), np.zeros((1, 0), np.float32), AMBIENT[None],
        np.ones(1, np.float32), np.ones(1, bool), source=source,
    )


def _mouth(mean_mm: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which vertices are lips `[V]` bool, and the weights `[V]` for identity: none where only the mouth's motion is
    seen.
    """
    ring = mean_mm[list(mp478.OUTER_LIPS)][:, :2]
    distance = np.linalg.norm(mean_mm[:, None, :2] - ring[None], axis=-1).min(1)
    lips = distance < LIP_ZONE_MM
    lips[[*mp478.INNER_LIPS, *mp478.OUTER_LIPS]] = True
    weights = np.where(distance < MOUTH_ZONE_MM, 0.0, weights)
    weights[lips] = LIP_SPREAD_MM**-2
    return lips, weights


def _weighted_ridge(basis_mm: np.ndarray, residual_mm: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients `[K]` of a basis `[K, V, 3]` with unit prior; weights `[V]` are inverse variances (mm^-2)."""
    flat = basis_mm.reshape(len(basis_mm), -1)
    weighted = flat * np.repeat(weights, 3)
    return np.linalg.solve(weighted @ flat.T + np.eye(len(flat)), weighted @ residual_mm.reshape(-1))
