"""Enrollment from one photo: the motion of people in general, and the photo itself to paint with."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np

from face_model.tracks import POSE, FaceMotion, FaceTrack
from foundation.errors import InputError
from motion_models.interface import MotionModel
from motion_models.people import Habits
from motion_models.statistics import MotionStatistics
from preprocessing.explaining import Sight, showing
from preprocessing.media.stills import read_still
from preprocessing.photo_fitting import fit_photo
from preprocessing.portrait import Portrait, find_face, find_portrait, marks_of
from preprocessing.tracking import FaceObservation
from render2video.photo.config import PhotoConfig
from render2video.photo.person import photo_person
from render2video.photo.renderer import PHOTO, PhotoRenderer
from talking_head.enrollment.learning import write_preview
from talking_head.motion.people import general_motion
from talking_head.target.card import MOTION, PREVIEW

log = logging.getLogger(__name__)

LONGEST_PX = 1280  # of the frame; larger photos are reduced
SMALLEST_PX = 128
SMALL_FILM_PX = 400  # of the shorter side: below it what people expect of a film is told
FRAMED_FACE_PX = 112  # of a face after reduction, where the photo has as much
FORM = 5  # of what is made from a photo; a target of another form is made anew
MOST_SMILE_RAD = 0.1  # that a smile can hide of a head's rotation
SWAY_SHARES = 0.15, 0.3  # of the range a photo can be turned in, between which one deviation of the head's motion lies
SWAY_MEMORY_S = 0.9  # a head that turns little about one pose looks nervous when it is quick


def photo_in(path: Path) -> Portrait | None:
    """The photo in a file, known by its content, upright, with even sides of at most 1280 pixels and its face found;
    None for anything that is no picture.

    Raises:
        InputError: a picture that does not decode or is too small, no face, two, too small a one, closed eyes.
    """
    still = read_still(path)
    if still is None:
        return None
    height_px, width_px = still.picture_rgb.shape[:2]
    if min(height_px, width_px) < SMALLEST_PX:
        raise InputError(f"{path} has {width_px}x{height_px} pixels", f"at least {SMALLEST_PX} a side")
    photo = framed(find_portrait(still.picture_rgb, path.name))
    high, wide = photo.picture_rgb.shape[:2]
    small = (f"films of it will be {wide}x{high}, as small as it is; a larger photo makes larger ones",)
    for note in (notes := (*still.notes, *photo.notes, *(small if min(high, wide) < SMALL_FILM_PX else ()))):
        log.warning("%s: %s", path, note)
    return replace(photo, notes=notes)


def framed(portrait: Portrait) -> Portrait:
    """A photo of any size with even sides of at most 1280 pixels: reduced, and where that would make the face small,
    cut out around it.
    """
    picture_rgb, landmarks_px, notes = portrait.picture_rgb, portrait.landmarks_px, portrait.notes
    xy = landmarks_px[:, :2]
    face_px = float((xy.max(0) - xy.min(0)).max())
    size = np.array(picture_rgb.shape[1::-1])
    zoom = min(1.0, LONGEST_PX / size.max())
    if face_px * zoom < min(FRAMED_FACE_PX, face_px):
        zoom = min(1.0, FRAMED_FACE_PX / face_px)
        kept = np.minimum(size, np.floor(size * LONGEST_PX / zoom / size.max())).astype(int)
        middle = xy.mean(0)
        corner = np.clip(middle - kept * (middle / size), 0, size - kept).astype(int)  # the face keeps its place in it
        picture_rgb = picture_rgb[corner[1] : corner[1] + kept[1], corner[0] : corner[0] + kept[0]]
        landmarks_px = landmarks_px - np.array([*corner, 0], np.float32)
        notes += (f"cut to {kept[0]}x{kept[1]} pixels around the face, which would otherwise be too small",)
    height_px, width_px = picture_rgb.shape[:2]
    height, width = (2 * (round(side * zoom) // 2) for side in (height_px, width_px))
    if zoom == 1.0:
        return Portrait(np.ascontiguousarray(picture_rgb[:height, :width]), landmarks_px, notes)
    shrunk = np.array([width / width_px, height / height_px, width / width_px], np.float32)
    reduced = cv2.resize(picture_rgb, (width, height), interpolation=cv2.INTER_AREA)
    return Portrait(reduced, landmarks_px * shrunk, notes)


def motion_of_people(track: FaceTrack, path: Path | None, speech: str) -> tuple[MotionModel, MotionStatistics]:
    """The general motion model, about the pose of a photo and within the range that a photo can be turned in; and the
    statistics that it speaks with.

    Args:
        path: of the general weights. speech: name of the encoder that they were wanted for.

    Raises:
        InputError: there are no weights for that encoder.
    """
    general, people = general_motion(path, speech)
    usual = people.statistics
    pose, limits = track.motion.pack()[0, POSE], PhotoConfig()
    distance_mm = abs(float(pose[5]))
    reach = np.array([
        limits.pitch_limit, limits.yaw_limit, limits.roll_limit, limits.shift_limit_mm, limits.shift_limit_mm,
        limits.near_limit * distance_mm,
    ])  # fmt: skip
    mean, scale = usual.mean.copy(), usual.scale.copy()
    mean[POSE] = pose
    scale[POSE] = np.clip(scale[POSE], SWAY_SHARES[0] * reach, SWAY_SHARES[1] * reach)
    limit = np.minimum(usual.pose_limit, 0.9 * reach / scale[POSE])
    memory_s = np.maximum(SWAY_MEMORY_S, usual.pose_memory_s)
    own = replace(
        usual, mean=mean, scale=scale, pose_limit=limit.astype(np.float32), pose_memory_s=memory_s,
        pose_centre=np.zeros_like(limit),
    )
    return general.for_person(Habits(own, people.blinks)).for_speech_alone(), own


def learn_photo(photo: Portrait, source: str, folder: Path, start: Path | None, speech: str) -> FaceTrack:
    """Write the target's motion, renderer and preview into a folder.

    Args:
        photo: from `photo_in`.
        source: its name, for people.
        start: general motion weights. speech: name of the encoder that they listen through.

    Returns:
        The track of the photo, one frame.

    Raises:
        InputError: a face that is turned too far; no general weights.
    """
    picture_rgb, landmarks_px = photo.picture_rgb, photo.landmarks_px
    height_px, width_px = picture_rgb.shape[:2]
    face = FaceObservation(landmarks_px, np.zeros(0, np.float32))
    with showing(Sight(picture_rgb, marks_of([face]))):
        track = fit_photo(landmarks_px, width_px, height_px, source)
    rest = motion_of_people(track, start, speech)[1].rest
    painted = at_rest(photo_person(picture_rgb, track, rest), track, rest)
    track = fit_photo(landmarks_px, width_px, height_px, source, rotation=seen_rotation(painted, track))
    model, own = motion_of_people(track, start, speech)
    model.save(folder / MOTION)
    renderer = photo_person(picture_rgb, track, rest)
    renderer.save(folder)
    write_preview(at_rest(renderer, track, own.rest), folder / PREVIEW)
    return track


def seen_rotation(painted: np.ndarray, track: FaceTrack) -> np.ndarray:
    """The head's rotation `[3]` (rad) that is seen in a photo's person painted at rest, `[H, W, 3]` uint8.

    A smile looks like a head that is turned otherwise, by two degrees for a broad one, and motion is measured on faces
    that speak: so the photo's pose is the one that is seen once the smile is gone. The track's own where none is seen.
    """
    own = track.motion.rotation[0]
    height_px, width_px = painted.shape[:2]
    try:
        seen = fit_photo(find_face(painted, track.source), width_px, height_px, track.source)
    except InputError:
        return own
    rotation: np.ndarray = seen.motion.rotation[0]
    return rotation if np.abs(rotation - own).max() < MOST_SMILE_RAD else own


def at_rest(renderer: PhotoRenderer, track: FaceTrack, rest_expression: np.ndarray) -> np.ndarray:
    """The person of a photo with lips at rest, a full frame."""
    pose = track.motion
    resting = FaceMotion(pose.fps, rest_expression[None], pose.rotation, pose.translation, pose.blink, pose.face_model)
    return next(renderer.frames(resting))


def photo_settings(speech: str) -> dict[str, object]:
    """What decides the result of a photo's enrollment, beside the weights. speech: name of the encoder."""
    return {"profile": PHOTO, "form": FORM, "speech": speech, "limits": asdict(PhotoConfig())}
