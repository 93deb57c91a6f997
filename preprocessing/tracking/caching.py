"""Tracking a file once: cached by content, resumable, with the errors of content that a user can act on."""

from __future__ import annotations

import itertools
import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from foundation.errors import InputError
from foundation.files import read_tensors, sha256, write_tensors
from foundation.progress import Advance, progress
from preprocessing.explaining import showing
from preprocessing.media import MediaInfo, probe, read_frames
from preprocessing.tracking.following import FollowState, Stretch, assemble, follow_stretch
from preprocessing.tracking.landmarks import FaceTracker, LandmarkTrack
from preprocessing.tracking.layouts import roll_rad
from preprocessing.tracking.seen import seen_in
from preprocessing.tracking.tracker_registry import face_tracker

log = logging.getLogger(__name__)

KEPT_DAYS = 30  # of tracks in a cache
STRETCH_S = 20.0  # work that a kill can cost; the tracker starts afresh here, so a resumed run gives the same numbers
RIVAL_SIZE = 0.7  # another face of so much of the size might be the one that is meant
SIDEWAYS_RAD = np.pi / 4  # of the head's roll, the median: it is the video that is turned
RIVAL_SHARE = 0.2  # of the frames; from here on it is the user who has to say
SEVERAL_SHARE, LOST_SHARE = 0.02, 0.02  # of the frames; worth a warning


def track_landmarks(
    path: Path | str, cache_dir: Path | str | None = None, fps: float | None = None, tracker: FaceTracker | None = None
) -> LandmarkTrack:
    """The landmarks of the face in a video; with a cache, done once for the same content, tracker and rate.

    Progress is shown. Killed and called again, it goes on where it was and gives the same numbers.

    Args:
        path: any video of one person.
        cache_dir: where results are kept, by content; None keeps nothing.
        fps: frames a second; None for the video's own.
        tracker: MediaPipe by default; one that is given is not closed.

    Raises:
        InputError: not a video, no face in it, or two that could be meant (see `check_faces`).
    """
    info = probe(path)
    if not info.has_video:
        raise InputError(f"{path} has no pictures", "a video of one person facing the camera")
    rate = info.fps if fps is None else fps
    own = face_tracker() if tracker is None else None
    used = own or tracker
    assert used is not None
    try:
        goal = None
        if cache_dir is not None:
            goal = Path(cache_dir) / f"{sha256(path)[:24]}-{used.name}-{used.version}-{rate:g}.safetensors"
        known = _cached(goal) if goal is not None and goal.is_file() else None
        track = _track(Path(path), info, rate, used, goal) if known is None else known
    finally:
        if own is not None:
            own.close()
    with showing(partial(seen_in, path, track)):
        check_faces(track, str(path))
    return track


def _cached(path: Path) -> LandmarkTrack | None:
    """The landmarks in a file of the cache; None when it is damaged, as then they are found anew."""
    try:
        return LandmarkTrack.load(path)
    except (InputError, KeyError, TypeError):
        log.warning("%s is damaged; the video is tracked anew", path)
        return None


def _track(path: Path, info: MediaInfo, fps: float, tracker: FaceTracker, goal: Path | None) -> LandmarkTrack:
    parts = goal.with_suffix(".parts") if goal is not None else None
    frames = read_frames(path, fps)
    state, stretches, size = FollowState(), [], max(1, round(STRETCH_S * fps))
    total = max(1.0, info.duration_s * fps)
    with progress(f"Tracking {path.name}", total) as advance:
        for index in itertools.count():
            part = parts / f"{index:05d}.safetensors" if parts is not None else None
            if part is not None and part.is_file():
                stretch, state = _load_part(part)
                next(itertools.islice(frames, len(stretch.valid), len(stretch.valid)), None)  # skip its frames
            else:
                piece = itertools.islice(frames, size)
                first = next(piece, None)
                if first is None:
                    break
                counted = _counted(itertools.chain([first], piece), advance, index * size, total)
                stretch = follow_stretch(tracker, counted, fps, state)
                if part is not None:
                    _save_part(part, stretch, state)
            stretches.append(stretch)
    track = assemble(stretches, fps, (info.width_px, info.height_px), path.name, f"{tracker.name} {tracker.version}")
    if goal is not None and parts is not None:
        track.save(goal)
        shutil.rmtree(parts, ignore_errors=True)
        forget_old(goal.parent)
    return track


def forget_old(folder: Path) -> None:
    """Delete tracks of a cache that are older than `KEPT_DAYS`, unfinished ones too: they show people's faces."""
    oldest_s = time.time() - KEPT_DAYS * 24 * 3600
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process does the same
            if path.stat().st_mtime < oldest_s:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _counted(frames: Iterator[np.ndarray], advance: Advance, start: int, total: float) -> Iterator[np.ndarray]:
    for done, frame in enumerate(frames, start=start + 1):
        yield frame
        advance(min(done, total))


def _save_part(path: Path, stretch: Stretch, state: FollowState) -> None:
    arrays = {name: np.asarray(value) for name, value in vars(stretch).items()}
    arrays["valid"] = stretch.valid.astype(np.uint8)
    centre = None if state.centre_px is None else [float(c) for c in state.centre_px]
    write_tensors(path, arrays, asdict(state) | {"centre_px": centre})


def _load_part(path: Path) -> tuple[Stretch, FollowState]:
    arrays, state = read_tensors(path)
    arrays["valid"] = arrays["valid"].astype(bool)
    if state["centre_px"] is not None:
        state["centre_px"] = np.array(state["centre_px"])
    return Stretch(**arrays), FollowState(**state)


def check_faces(track: LandmarkTrack, source: str) -> None:
    """Refuse what cannot be the video of one person; warn of what is merely not good.

    Raises:
        InputError: no face at all, one that lies on its side, or in a fifth of the frames a second one of nearly the
            same size.
    """
    if not track.valid.any():
        raise InputError(
            f"{source}: no face in {len(track)} frames", "a video of one person facing the camera",
            "a face of at least a fifth of the picture's height, well lit, is found best",
        )
    if abs(float(np.median(roll_rad(track.landmarks_px[track.valid])))) > SIDEWAYS_RAD:
        raise InputError(f"{source}: the face lies on its side", "an upright one", "turn the video")
    rivals = float((track.rival >= RIVAL_SIZE).mean())
    if rivals > RIVAL_SHARE:
        raise InputError(
            f"{source}: two faces of similar size in {100 * rivals:.0f}% of the frames", "one person", "crop the video"
        )
    several, lost = float((track.faces_seen > 1).mean()), 1 - float(track.valid.mean())
    if several > SEVERAL_SHARE:
        log.warning("%s: several faces in %.0f%% of the frames; the largest is followed", source, 100 * several)
    if lost > LOST_SHARE:
        log.warning("%s: the face is lost in %.0f%% of the frames", source, 100 * lost)
