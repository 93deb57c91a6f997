"""Videos and motions into clips: tracked once, cached by content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from evaluation.clips import Clip
from evaluation.metrics.lips import Phone
from face_model import mp478
from face_model.cameras import WeakPerspectiveCamera
from face_model.morphable_model import rotate
from face_model.tracks import FaceMotion, FaceTrack
from foundation.errors import InputError
from foundation.files import read_tensors
from foundation.places import tracks_folder
from preprocessing.eyes import au45, calibrate_blink
from preprocessing.media import probe, read_frames, read_sound
from preprocessing.tracking import FaceTracker, LandmarkTrack, follow_face, track_landmarks

_MOTION_PICTURE_PX = 512  # of the picture that a bare motion is projected into; no metric depends on it


def load_clip(path: Path | str, fps: float | None = None, cache: Path | None = None) -> Clip:
    """Track a video (or read its track from the cache, filed by content) and take its sound, if any.

    Args:
        path: a video of one person.
        fps: frames a second to read it at; None: its own.
        cache: folder of cached tracks; None: `tracks_folder()`.

    Raises:
        InputError: not a video, or no face in it.
    """
    info = probe(path)
    track = track_landmarks(path, cache or tracks_folder(), fps)
    frames = partial(_first, path, track.fps, len(track))
    sound = read_sound(path) if info.has_sound else None
    return Clip(Path(path).name, track.fps, track.landmarks_px, track.valid, _blink(track), sound, frames)


def read_phones(path: Path | str) -> tuple[Phone, ...]:
    """Phones and their times from the `phones` tier of a Praat TextGrid (as the Montreal Forced Aligner writes it).

    Raises:
        InputError: not a TextGrid that can be read, or without that tier.
    """
    from preprocessing.speech.phonetic.textgrid import read_tier

    return tuple(Phone(*interval) for interval in read_tier(path, "phones"))


def retracked(clip: Clip, tracker: FaceTracker) -> Clip:
    """The clip with its face tracked anew in its own frames; nothing is cached."""
    assert clip.frames is not None
    track = follow_face(tracker, clip.frames(), clip.fps, clip.name)
    if not track.valid.any():
        raise InputError(f"{clip.name} shows no face", "a video of a face")
    return replace(clip, landmarks_px=track.landmarks_px, valid=track.valid, blink=_blink(track))


def load_driving(path: Path | str, fps: float, cache: Path | None = None) -> Clip:
    """What a video was told to show: a saved FaceMotion or FaceTrack (safetensors), or a driving video.

    Raises:
        InputError: none of these, or a motion of another face model than mp478.
    """
    if Path(path).suffix != ".safetensors":
        return load_clip(path, fps, cache)
    kind = read_tensors(path)[1].get("kind")
    motion = FaceTrack.load(path).motion if kind == "FaceTrack" else FaceMotion.load(path)
    return clip_of_motion(motion.resampled(fps), Path(path).name)


def clip_of_motion(motion: FaceMotion, name: str) -> Clip:
    """A clip without pictures or sound: the mean face of mp478 under a motion.

    Raises:
        InputError: a motion of another face model.
    """
    if motion.face_model != mp478.ID:
        raise InputError(
            f"a motion of the face model '{motion.face_model}'", f"one of {mp478.ID}", "export it for that model"
        )
    model = mp478.load()
    expression, blink, rotation, translation = (
        torch.from_numpy(np.ascontiguousarray(v, np.float32))
        for v in (motion.expression, motion.blink, motion.rotation, motion.translation)
    )
    rotated = rotate(model.vertices(model.mean_mm, expression, blink), rotation)
    camera = WeakPerspectiveCamera.for_size(_MOTION_PICTURE_PX, _MOTION_PICTURE_PX)
    xy_px, _ = camera.project(rotated, translation)
    depth_px = rotated[..., 2] * camera.scale(rotated, translation)
    landmarks = torch.cat([xy_px, depth_px[..., None]], dim=-1).numpy()
    return Clip(name, motion.fps, landmarks, np.ones(len(motion), bool), motion.blink)


def _first(path: Path | str, fps: float, count: int) -> Iterator[np.ndarray]:
    frames: Iterable[np.ndarray] = read_frames(path, fps)
    return islice(frames, count)


def _blink(track: LandmarkTrack) -> np.ndarray:
    """`[T]`: AU45 on the clip's own scale."""
    return au45(track.landmarks_px, calibrate_blink(track.landmarks_px[track.valid]))
