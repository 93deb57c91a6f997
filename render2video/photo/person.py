"""From a photo and its fitted face to the renderer that every target has."""

from __future__ import annotations

import numpy as np

from face_model import mp478
from face_model.morphable_model import MorphableModel
from face_model.tracks import POSE, FaceMotion, FaceTrack
from foundation.errors import InputError
from render2video.conditioning import HeadRenderer
from render2video.crop import Compositor, Crop
from render2video.photo.bent import PhotoLayers
from render2video.photo.config import PhotoConfig
from render2video.photo.folds import smile_of, without_smile
from render2video.photo.layers import person_layers
from render2video.photo.renderer import PhotoRenderer
from render2video.photo.teeth import teeth_of
from render2video.photo.warp import LOWER_LIP, RIM_REACH, UPPER_LIP, PhotoGeometry, lip_fullness

WINDOW_PX = 8  # of what is drawn of the mesh, which a photo has no use for
MAX_SIDE_PX = 768  # of the painted square


def photo_crop(points_px: np.ndarray, width_px: int, height_px: int) -> Crop:
    """The square around the head, as far as it moves the picture."""
    low, high = points_px.min(0), points_px.max(0)
    side = int(min(round(1.25 * RIM_REACH * (high - low).max()), width_px, height_px))
    centre = (low + high) / 2
    left = int(np.clip(round(centre[0] - side / 2), 0, width_px - side))
    top = int(np.clip(round(centre[1] - side / 2), 0, height_px - side))
    return Crop(left, top, side)


def photo_person(
    picture_rgb: np.ndarray, track: FaceTrack, rest_expression: np.ndarray, model: MorphableModel | None = None
) -> PhotoRenderer:
    """The renderer of a person known from a photo.

    Args:
        picture_rgb: `[H, W, 3]` uint8, the full frame.
        track: of it, one frame, from `preprocessing.photo_fitting.fit_photo`.
        rest_expression: `[64]`, the driving motion's lips at rest, closed.

    Raises:
        InputError: a face that leaves the picture.
    """
    model = model or mp478.load()
    height_px, width_px = picture_rgb.shape[:2]
    whole = HeadRenderer(model, track.person, track.camera, WINDOW_PX)
    points, _ = whole.vertices_px(track.motion)
    face = points[0, : len(model.mean_mm)]
    if (face.min(0) < 0).any() or (face.max(0) > (width_px, height_px)).any():
        raise InputError("a face that leaves the picture", "head and shoulders inside it", "choose another photo")
    ring = len(mp478.FACE_OVAL)
    crop = photo_crop(points[0, : len(model.mean_mm) + 3 * ring], width_px, height_px)
    size_px = min(crop.side_px, MAX_SIDE_PX)
    camera = crop.camera(track.camera, size_px)
    head = HeadRenderer(model, track.person, camera, WINDOW_PX)
    photo = crop.cut(picture_rgb, size_px)
    resting_px = _resting_px(head, track, rest_expression)
    geometry = _geometry(head, track, crop, resting_px, size_px / crop.side_px)
    config, scale_px_mm = PhotoConfig(), camera.focal_px / -float(track.motion.translation[0, 2])
    neutral = without_smile(photo, geometry, smile_of(geometry, resting_px, scale_px_mm), scale_px_mm)
    person, background = person_layers(neutral, geometry)
    teeth, corner = teeth_of(photo, geometry, scale_px_mm, config.teeth_height_mm)
    layers = PhotoLayers(geometry, person, background, teeth, corner, track.motion.pack()[0, POSE])
    # As it is kept, so that the person is painted alike before and after.
    kept = PhotoLayers.of(layers.arrays(), background)
    return PhotoRenderer(head, Compositor(picture_rgb, crop), track.camera, kept, config)


def _resting_px(head: HeadRenderer, track: FaceTrack, rest_expression: np.ndarray) -> np.ndarray:
    """The mesh's vertices `[V + S, 2]` in the photo's pose, lips at rest."""
    pose = track.motion
    at_rest = FaceMotion(pose.fps, rest_expression[None], pose.rotation, pose.translation, pose.blink, pose.face_model)
    resting: np.ndarray = head.vertices_px(at_rest)[0][0]
    return resting


def _geometry(
    head: HeadRenderer, track: FaceTrack, crop: Crop, resting_px: np.ndarray, zoom: float
) -> PhotoGeometry:
    """The photo's mesh in the crop."""
    fitted, _ = head.vertices_px(track.motion)
    up = resting_px[10] - resting_px[152]
    gaps = (resting_px[UPPER_LIP] - resting_px[LOWER_LIP]) @ (up / np.linalg.norm(up))
    landmarks = (track.landmarks_px[0, :, :2] - (crop.left_px, crop.top_px)) * zoom
    return PhotoGeometry(
        landmarks.astype(np.float64), fitted[0].astype(np.float64), head.neutral_mm.numpy().astype(np.float64),
        head.mesh.shell_mm.astype(np.float64), head.mesh.triangles, gaps.astype(np.float64),
        lip_fullness(landmarks, resting_px),
    )
