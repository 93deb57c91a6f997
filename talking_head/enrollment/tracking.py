"""From a video to a `FaceTrack`: landmarks, fit, sound offset, and the report of what to record better."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from face_model.tracks import FaceTrack, Sound
from foundation.errors import InputError
from foundation.places import tracks_folder, writable
from preprocessing.explaining import showing
from preprocessing.media import MediaInfo, is_silent, probe, read_frames, read_sound
from preprocessing.one_person import one_person
from preprocessing.report import ClipQuality, inspect_clip
from preprocessing.report_page import write_report
from preprocessing.sync import NOTHING, TRUSTED, SyncEstimate, aligned_sound, estimate_offset
from preprocessing.tracking.landmarks import LandmarkTrack
from preprocessing.tracking.measuring import Choice, Measured, measure
from preprocessing.tracking.seen import seen_in
from preprocessing.tracking.tracker_registry import DEFAULT
from talking_head.heads.face_models import FaceModel
from talking_head.target.settings import device_name

log = logging.getLogger(__name__)

TRACK, REPORT = "track.safetensors", "report.html"
COEFFICIENTS = ("coefficients.mat", "coefficients.npz")
LEAST_FPS = 10.0  # of a video to learn from; with fewer frames a second, lips are not seen to move
TOLERATED_OFFSET_S = 0.045  # what viewers do not notice (ITU-R BT.1359: sound 45 ms early to 125 ms late)


@dataclass(frozen=True)
class TrackResult:
    """What was measured, the files that hold it, and the report's numbers. coefficient_paths: of Deng's regressor."""

    track: FaceTrack
    track_path: Path
    report_path: Path
    quality: ClipQuality
    coefficient_paths: tuple[Path, ...] = ()


def track(
    video: Path | str, output: Path | str, *, fix_sync: bool = True,
    check: Callable[[LandmarkTrack], None] | None = None, tracker: str = DEFAULT,
    face_model: str | None = None, device: str = "auto", cache: Path | str | None = None,
) -> TrackResult:
    """Measure a face through a video; the same call resumes after a kill.

    Args:
        video: any video of one person.
        output: the folder for `track.safetensors`, `report.html` and, of Deng's regressor, the coefficients.
        fix_sync: note the sound's offset in the track as corrected; False refuses a video whose sound is out of step.
        check: gets the landmarks, without frames that were left out, before the slow work begins, and may raise.
        tracker: `NAME` or `NAME:FILE` of `preprocessing.tracking.measuring`.
        face_model: `NAME[:FILE]` of `talking_head.heads.face_models`, to fit, or to let Deng's regressor measure. None:
            `mp478` where the tracker sees its points; of other trackers pose, blink and 68 landmarks, as they are.
        device: for the regressor: auto, cpu or cuda.
        cache: folder where landmarks and coefficients are kept, by content; None: the user's cache, as `evaluate` has.

    Raises:
        InputError: not a video, no face, two faces that could be meant, one person in less than half of it, a covered
            mouth, (without `fix_sync`) sound out of step, or the
            tracker or its files are missing, or those of the regressor something else.
    """
    video, folder, choice = Path(video), Path(output), Choice.parse(tracker)
    chosen = None if face_model is None else FaceModel.parse(face_model)
    info = probe(video)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", "a folder to write into", "give another name")
    if chosen is not None:
        chosen.check()
    writable(folder, "-o")
    kept = writable(tracks_folder() if cache is None else Path(cache))
    seen = measure(video, kept, choice)
    left_out = np.zeros(len(seen.landmarks), bool)
    if seen.track is None:
        landmarks, notes = one_person(video, seen.landmarks)
        left_out, seen = seen.landmarks.valid & ~landmarks.valid, replace(seen, landmarks=landmarks)
        for note in notes:
            log.warning("%s: %s", video, note)
    landmarks = seen.landmarks
    if check is not None:
        with showing(partial(seen_in, video, landmarks)):
            check(landmarks.select(~left_out))
    sound = read_sound(video) if info.has_sound else None
    heard = sound is not None and not is_silent(sound)
    sync = estimate_offset(landmarks, sound) if sound is not None and heard else NOTHING
    offset_s = believed_offset_s(sync, video, fix_sync) if heard else 0.0
    fitted, written = _fit(video, folder, kept, seen, chosen, device)
    measured = replace(fitted, sound_offset_s=offset_s, sound_offset_confidence=sync.confidence, source=video.name)
    motion = None if seen.track is None else seen.track.motion
    report = inspect_clip(video, landmarks, sync, motion=motion)
    write_report(report, folder / REPORT)
    measured.save(folder / TRACK)
    return TrackResult(measured, folder / TRACK, folder / REPORT, report.quality, written)


def _fit(
    video: Path, folder: Path, cache: Path, seen: Measured, chosen: FaceModel | None, device: str
) -> tuple[FaceTrack, tuple[Path, ...]]:
    """The track, and the coefficient files that were written."""
    files = None if chosen is None else chosen.deng_files()
    blink = None if seen.track is None else seen.track.motion.blink
    if files is None:
        from preprocessing.fitting import fit_clip

        if seen.track is not None and chosen is None:
            return seen.track, ()
        model = None if chosen is None else chosen.load()
        return fit_clip(seen.landmarks, read_frames(video, seen.landmarks.fps), model, blink), ()
    from face_model.deng import write_coefficients
    from preprocessing.deng import regress_video

    measured = regress_video(video, seen.landmarks, files, cache, device_name(device), blink)
    paths = tuple(folder / name for name in COEFFICIENTS)
    for path in paths:
        write_coefficients(path, measured.coefficients)
    return measured.track, paths


def believed_offset_s(sync: SyncEstimate, video: Path, fix_sync: bool) -> float:
    """How late the sound is taken to be: the estimate where it is sure, else 0.

    Raises:
        InputError: surely out of step, and not to be fixed.
    """
    if sync.confidence < TRUSTED:
        log.warning("%s: whether sound and lips are in step cannot be told (confidence %.2f)", video, sync.confidence)
        return 0.0
    if not fix_sync and abs(sync.offset_s) > TOLERATED_OFFSET_S:
        direction = "late" if sync.offset_s > 0 else "early"
        raise InputError(
            f"{video}: the sound is {1000 * abs(sync.offset_s):.0f} ms {direction}", "sound in step with the lips",
            "leave out --no-sync-fix to correct it",
        )
    return sync.offset_s


def sound_in_step(video: Path, measured: FaceTrack) -> Sound:
    """The video's sound, moved so that it goes with the lips, exactly as long as the track."""
    sound = aligned_sound(read_sound(video), measured.sound_offset_s)
    count = round(measured.motion.duration_s * sound.rate_hz)
    samples = np.pad(sound.samples[:count], (0, max(0, count - len(sound.samples))))
    return Sound(samples, sound.rate_hz)


def check_teachable(video: Path, info: MediaInfo, shortest_s: float) -> None:
    """Refuse, before any work, what a person cannot be learned from.

    Raises:
        InputError: no pictures, too few of them a second, or too short.
    """
    if not info.has_video:
        raise InputError(f"{video} has no pictures", "a video of one person speaking", "give a video")
    if info.fps < LEAST_FPS:
        raise InputError(f"{video} has {info.fps:.3g} frames a second", f"at least {LEAST_FPS:g}", "record it anew")
    if info.duration_s < shortest_s:
        remedy = "record a longer video"
        raise InputError(f"{video} lasts {info.duration_s:.2g} s", f"at least {shortest_s:g} s", remedy)
