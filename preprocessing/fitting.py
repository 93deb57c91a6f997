"""3DMM fitting over a whole clip: one identity and texture; per-frame pose, expression and illumination.

Alternating least squares. Pose: weighted similarity of the model's current shape to the landmarks. Identity: ridge on
the mean residual in the head frame. Expression: ridge per frame. Lids follow AU45, not the expression. Frames without a
face take no part and are interpolated. Texture and spherical-harmonics illumination are fitted to colours sampled at
the vertices.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.signal import savgol_filter

from face_model import mp478
from face_model.alignment import similarity
from face_model.cameras import Camera, WeakPerspectiveCamera
from face_model.illumination import AMBIENT, fit_illumination, shading
from face_model.morphable_model import MorphableModel, rotate
from face_model.rotations import rotation_angles, rotation_matrix
from face_model.tracks import AU45_MAX, FaceIdentity, FaceMotion, FaceTrack
from foundation.errors import InputError
from preprocessing.eyes import au45, calibrate_blink
from preprocessing.places import places
from preprocessing.tracking import LandmarkTrack, fill_gaps
from preprocessing.tracking.layouts import POINTS68, layout_of
from preprocessing.tracking.points68 import poses_of_landmarks

LANDMARK_NOISE_MM = 0.5  # what the tracker's points scatter about the truth; sets the ridge against the unit prior
POSE_NOISE_LIMIT = {"rotation_rad": 0.002, "translation_mm": 0.3}  # white noise above this is smoothed
TEXTURE_NOISE = 0.05  # scatter of sampled colours, 0-1
POINTS68_NOISE_MM = 1.0  # the same of trackers of 68 points
FLAT_ROUNDS = 40  # of pose, identity and expression where depth is not seen but follows from them
COLOUR_VERTICES = 1200  # of a finer mesh that colours are read at
POSED_AT_ONCE = 4_000_000  # vertices; of `mp478` minutes of film
MIN_FACING = 0.2  # cosine to the viewer below which a vertex's colour is not trusted


@dataclass(frozen=True)
class ShapeFit:
    """What the landmarks alone tell. identity `[80]`; expression `[T, 64]`; rotation `[T, 3]` rad; scale `[T]` px/mm;
    shift `[T, 3]` px, y up.
    """

    identity: np.ndarray
    expression: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    shift_px: np.ndarray
    blink_gain: float


def stable_weights(model: MorphableModel, noise_mm: float = LANDMARK_NOISE_MM) -> np.ndarray:
    """Weights `[V]`: the inverse variance of a vertex under expression and blink, so that the skull gives the pose."""
    variance = (model.expression_mm**2).sum((0, 2)) + (model.blink_mm**2).sum(-1)
    return 1.0 / (noise_mm**2 + variance.numpy())


def _ridge(basis_mm: np.ndarray, residual_mm: np.ndarray, noise_mm: float, count: int = 1) -> np.ndarray:
    """Coefficients `[..., K]` of a basis `[K, V, 3]` with unit prior for residuals `[..., V, 3]` that are means of
    `count` measurements.
    """
    flat = basis_mm.reshape(len(basis_mm), -1).astype(np.float64)
    gram = flat @ flat.T + np.eye(len(flat)) * noise_mm**2 / count
    return np.linalg.solve(gram, flat @ residual_mm.reshape(-1, flat.shape[1]).T).T.reshape(*residual_mm.shape[:-2], -1)


def fit_shape(
    landmarks_px: np.ndarray,
    blink: np.ndarray,
    model: MorphableModel,
    iterations: int = 6,
    noise_mm: float = LANDMARK_NOISE_MM,
    start: np.ndarray | None = None,
) -> ShapeFit:
    """Fit one identity and per-frame pose and expression to landmarks.

    Args:
        landmarks_px: `[T, V, 3]`; x right, y down, z towards the viewer, all in pixels.
        blink: `[T]`, AU45 0-5.
        model: vertices in the order of the landmarks.
        iterations: rounds of pose, identity, expression.
        start: rotation matrices `[T, 3, 3]` to begin from where the landmarks' z tells nothing; it is then that of the
            model so far.
    """
    target = landmarks_px * np.array([1.0, -1.0, 1.0])
    mean, identity_mm, expression_mm, blink_mm = (
        getattr(model, name).numpy().astype(np.float64)
        for name in ("mean_mm", "identity_mm", "expression_mm", "blink_mm")
    )
    weights = stable_weights(model, noise_mm)
    closing = (blink / AU45_MAX)[:, None, None] * blink_mm
    neutral, moved, gain = mean, np.zeros_like(target), 1.0
    if start is not None:
        scale, turn = _flat_scale(mean, target, start), start
        shift = np.zeros((len(target), 3))
    for _ in range(iterations if start is None else FLAT_ROUNDS):
        if start is not None:
            guess = np.einsum("tba,tva->tvb", turn, neutral + moved + gain * closing) * scale[:, None, None]
            target[..., 2] = guess[..., 2] + shift[:, None, 2]
        scale, turn, shift = similarity(neutral + moved + gain * closing, target, weights)
        head = np.einsum("tba,tvb->tva", turn, target - shift[:, None]) / scale[:, None, None]
        identity = _ridge(identity_mm, (head - moved - gain * closing).mean(0) - mean, noise_mm)
        neutral = mean + np.einsum("k,kvc->vc", identity, identity_mm)
        gain = _blink_gain(head - neutral - moved, closing)
        expression = _ridge(expression_mm, head - neutral - gain * closing, noise_mm)
        moved = np.einsum("tk,kvc->tvc", expression, expression_mm)
    rotation = rotation_angles(torch.from_numpy(turn)).numpy()
    return ShapeFit(identity, expression, rotation, scale, shift, gain)


def _flat_scale(mean_mm: np.ndarray, target_px: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Pixels a millimetre `[T]` of a mean head turned by `[T, 3, 3]`, from where its points are across the picture."""
    across = np.einsum("tba,va->tvb", turn, mean_mm)[..., :2]
    spread = [(points - points.mean(1, keepdims=True)) for points in (across, target_px[..., :2])]
    scale: np.ndarray = (spread[0] * spread[1]).sum((1, 2)) / (spread[0] ** 2).sum((1, 2))
    return scale


def _blink_gain(residual_mm: np.ndarray, closing_mm: np.ndarray) -> float:
    """How far the lids really travel, as a multiple of the model's offsets; 1 when the clip has too little closing to
    tell.
    """
    energy = float((closing_mm**2).sum())
    if energy < 1e-3 * len(closing_mm):
        return 1.0
    return float(np.clip((residual_mm * closing_mm).sum() / energy, 0.3, 2.0))


def _fill(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Rows of the valid frames spread over all frames: linear between neighbours, held at the ends."""
    full = np.zeros((len(valid), *values.shape[1:]))
    full[valid] = values
    return fill_gaps(full, valid)


def white_noise(values: np.ndarray) -> np.ndarray:
    """Standard deviation `[...]` of white noise in sequences `[T, ...]`, from third differences (variance 20 sigma^2),
    robustly.
    """
    if len(values) < 8:
        return np.zeros(values.shape[1:])
    return np.median(np.abs(np.diff(values, n=3, axis=0)), axis=0) / 0.6745 / np.sqrt(20.0)


def _smooth_where_noisy(values: np.ndarray, limit: float) -> np.ndarray:
    """Savitzky-Golay 7/3, as the published code smooths pose, on channels whose measured noise is above the limit."""
    noisy = white_noise(values) > limit
    if len(values) < 7 or not noisy.any():
        return values
    return np.where(noisy, savgol_filter(values, 7, 3, axis=0), values)


def _fit_points(points: np.ndarray, closed: np.ndarray, model: MorphableModel, camera: Camera) -> ShapeFit:
    """`fit_shape` of whatever points `[T, L, 3]` a tracker gives, in pixels."""
    where = places(model, layout_of(points))
    if where is None:
        return fit_shape(points, closed, model)
    seen, noise_mm = points[:, where.points], LANDMARK_NOISE_MM
    start = None
    if len(points[0]) == POINTS68.count:
        noise_mm = POINTS68_NOISE_MM
        if not np.ptp(points[..., 2], axis=1).any():
            rotation, _ = poses_of_landmarks(points[..., :2], np.ones(len(points), bool), camera)
            start = rotation_matrix(torch.from_numpy(rotation)).numpy()
    return fit_shape(seen.astype(np.float64), closed, where.on(model), noise_mm=noise_mm, start=start)


def fit_clip(
    landmarks: LandmarkTrack, frames: Iterable[np.ndarray] | None, model: MorphableModel | None = None,
    blink: np.ndarray | None = None,
) -> FaceTrack:
    """The `FaceTrack` of a clip.

    Args:
        landmarks: 478 or 68 points; without depth (z the same everywhere) it follows from the model. frames: the clip's
        RGB uint8 frames in order, for texture and illumination; None leaves both at the model's mean. model: `mp478` by
        default. blink: `[T]`, AU45 where the tracker measures it; None: from the lids.

    Raises:
        InputError: no frame has a face.
    """
    model = model or mp478.load()
    valid = landmarks.valid
    if not valid.any():
        raise InputError(f"no face in {len(valid)} frames", "a video of one person facing the camera")
    points = landmarks.landmarks_px[valid]
    closed = au45(points, calibrate_blink(points)) if blink is None else np.asarray(blink, np.float64)[valid]
    camera = WeakPerspectiveCamera.for_size(landmarks.width_px, landmarks.height_px)
    fit = _fit_points(points, closed, model, camera)
    distance_mm = camera.focal_px / fit.scale
    translation = np.stack(
        (
            (fit.shift_px[:, 0] - camera.centre_x_px) / fit.scale,
            (fit.shift_px[:, 1] + camera.centre_y_px) / fit.scale,
            -distance_mm,
        ),
        axis=-1,
    )
    motion = FaceMotion(
        fps=landmarks.fps,
        expression=_fill(fit.expression, valid).astype(np.float32),
        rotation=_smooth_where_noisy(_fill(fit.rotation, valid), POSE_NOISE_LIMIT["rotation_rad"]).astype(np.float32),
        translation=_smooth_where_noisy(_fill(translation, valid), POSE_NOISE_LIMIT["translation_mm"]).astype(
            np.float32
        ),
        blink=_fill(closed, valid).astype(np.float32),
        face_model=model.id,
    )
    texture, illumination = _fit_colours(motion, fit, camera, valid, frames, model)
    person = FaceIdentity(fit.identity.astype(np.float32), texture, illumination[valid].mean(0), fit.blink_gain)
    return FaceTrack(
        motion=motion,
        person=person,
        camera=camera,
        landmarks_px=landmarks.landmarks_px.astype(np.float32),
        arkit=landmarks.arkit,
        illumination=illumination,
        confidence=landmarks.confidence,
        valid=valid,
        extra={"tracker": landmarks.tracker},
    )


def posed_vertices(track_motion: FaceMotion, person: FaceIdentity, model: MorphableModel) -> torch.Tensor:
    """Vertices `[T, V, 3]` (mm) after the head rotation, before the translation."""
    expression, rotation, blink = (
        torch.from_numpy(getattr(track_motion, k)) for k in ("expression", "rotation", "blink")
    )
    neutral = model.shape(torch.from_numpy(person.identity))
    return rotate(model.vertices(neutral, expression, blink, person.blink_gain), rotation)


def reprojection_error(track: FaceTrack, model: MorphableModel | None = None) -> np.ndarray:
    """Mean distance `[T]` between fitted mesh and landmarks in the picture, over the distance of the outer eye corners;
    valid frames only.
    """
    model = model or mp478.load()
    rotated = posed_vertices(track.motion, track.person, model)
    projected, _ = track.camera.project(rotated, torch.from_numpy(track.motion.translation))
    truth = track.landmarks_px
    interocular = np.linalg.norm(truth[:, mp478.EYE_CORNERS[0]] - truth[:, mp478.EYE_CORNERS[-1]], axis=-1)
    error = np.linalg.norm(projected.numpy() - truth[..., :2], axis=-1).mean(-1) / interocular
    return error[track.valid]


def sample_colours(
    frames: Iterable[np.ndarray], points_px: np.ndarray, facing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Colours `[T, V, 3]` (0-1) at the vertices and how far each can be trusted `[T, V]` (0-1).

    Args:
        frames: T RGB uint8 pictures, read one at a time.
        points_px: `[T, V, 2]`.
        facing: `[T, V]`, cosine between normal and viewer.
    """
    colours = np.zeros((*points_px.shape[:2], 3), np.float32)
    trust = np.clip((facing - MIN_FACING) / (1 - MIN_FACING), 0, 1)
    for index, frame in enumerate(frames):
        if index >= len(points_px):
            break
        height_px, width_px = frame.shape[:2]
        at = (points_px[index] - 0.5).astype(np.float32)
        soft = cv2.GaussianBlur(frame, (0, 0), 1.0)
        columns, rows = np.ascontiguousarray(at[:, :1]), np.ascontiguousarray(at[:, 1:])
        colours[index] = cv2.remap(soft, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0] / 255.0
        inside = ((at >= 0) & (at < (width_px - 1, height_px - 1))).all(-1)
        trust[index] *= inside
    return colours, trust


def _fit_colours(
    motion: FaceMotion,
    fit: ShapeFit,
    camera: Camera,
    valid: np.ndarray,
    frames: Iterable[np.ndarray] | None,
    model: MorphableModel,
) -> tuple[np.ndarray, np.ndarray]:
    """Texture `[80]` and illumination `[T, 27]` of a clip; ambient white light where there is nothing to see."""
    texture = np.zeros(len(model.texture), np.float32)
    if frames is None:
        return texture, np.tile(AMBIENT, (len(motion), 1))
    person = FaceIdentity(fit.identity.astype(np.float32), texture, AMBIENT, fit.blink_gain)
    picked = slice(None, None, max(1, len(model.mean_mm) // COLOUR_VERTICES))
    points, normals = _seen_at(motion, person, camera, model, picked)
    colours, trust = sample_colours(frames, points, normals[..., 2])
    trust = trust * valid[:, None]
    mean, basis = model.albedo.numpy()[picked], model.texture.numpy()[:, picked]
    albedo = mean
    for _ in range(3):
        light = np.stack(
            [fit_illumination(albedo, *frame) for frame in zip(normals, colours, trust, strict=True)]
        )
        factor = shading(torch.from_numpy(normals), torch.from_numpy(light)).numpy()
        weight = trust[..., None] * factor
        wanted = (weight * colours).sum(0) / np.maximum((weight * factor).sum(0), 1e-6)
        if not len(basis):  # a model of one colour
            break
        residual = np.where(trust.sum(0)[:, None] > 0, wanted - mean, 0.0)
        texture = _ridge(basis, residual, TEXTURE_NOISE).astype(np.float32)
        albedo = model.albedo_of(torch.from_numpy(texture)).numpy()[picked]
    return texture, _fill(light[valid], valid).astype(np.float32)


def _seen_at(
    motion: FaceMotion, person: FaceIdentity, camera: Camera, model: MorphableModel, picked: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels `[T, P, 2]` and normals `[T, P, 3]` of the picked vertices; a fine mesh is posed in stretches."""
    stretch, parts = max(1, POSED_AT_ONCE // len(model.mean_mm)), []
    for begin in range(0, len(motion), stretch):
        piece = motion[begin : begin + stretch]
        rotated = posed_vertices(piece, person, model)
        points, _ = camera.project(rotated[:, picked], torch.from_numpy(piece.translation))
        parts.append((points.numpy(), model.normals(rotated)[:, picked].numpy()))
    points_px, normals = (np.concatenate(part) for part in zip(*parts, strict=True))
    return points_px, normals
