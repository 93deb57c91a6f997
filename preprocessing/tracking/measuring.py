"""The face in a video by whatever tracker: one that sees frame by frame, or a table that another program writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from face_model.tracks import FaceTrack
from foundation.errors import InputError
from preprocessing.media import MediaInfo, probe
from preprocessing.tracking.caching import check_faces, track_landmarks
from preprocessing.tracking.landmarks import LandmarkTrack
from preprocessing.tracking.layouts import MP478
from preprocessing.tracking.openface import read_openface
from preprocessing.tracking.openface_command import find_program, run_openface
from preprocessing.tracking.points68 import landmarks_of, track_of_points68
from preprocessing.tracking.pyfeat import read_pyfeat
from preprocessing.tracking.pyfeat_detector import find_package, run_pyfeat
from preprocessing.tracking.tracker_registry import DEFAULT, face_tracker, face_trackers

LONGEST_GAP_S, LONGEST_GAP_SHARE = 0.5, 0.05  # by how much a table may be longer or shorter than its video
FARTHEST_CENTRE = 0.1  # of the picture's side: where OpenFace's camera may look beside the video's middle


@dataclass(frozen=True)
class Choice:
    """A tracker as a user names it: `NAME` or `NAME:FILE`."""

    name: str = DEFAULT
    file: Path | None = None

    @staticmethod
    def parse(text: str) -> Choice:
        """Of `mediapipe`, `openface:clip.csv`, ...

        Raises:
            InputError: an unknown name (the known ones are named with what they are), or a colon without a file.
        """
        name, colon, file = text.strip().partition(":")
        name = name.replace("-", "_")
        if name not in trackers():
            known = "; ".join(f"{name}: {summary}" for name, summary in trackers().items())
            raise InputError(f"face tracker '{text}'", f"one of {known}")
        if colon and not file:
            raise InputError(f"face tracker '{text}' with an empty file name", f"{name} or {name}:FILE")
        return Choice(name, Path(file).expanduser() if colon else None)


@dataclass(frozen=True)
class Measured:
    """What a tracker gave. landmarks: of the face, at the video's rate. track: pose and blink where landmarks are all
    that it measures; None where coefficients of a face model are still to be fitted to them.
    """

    landmarks: LandmarkTrack
    track: FaceTrack | None = None


def _openface(video: Path, info: MediaInfo, file: Path | None, folder: Path) -> FaceTrack:
    track = read_openface(file or run_openface(video, folder), info.fps, (info.width_px, info.height_px))
    camera = track.camera
    beside = abs(camera.centre_x_px / info.width_px - 0.5), abs(camera.centre_y_px / info.height_px - 0.5)
    if max(beside) > FARTHEST_CENTRE:
        seen = f"{2 * camera.centre_x_px:.0f}x{2 * camera.centre_y_px:.0f}"
        raise InputError(
            f"{track.source} is of a picture of {seen} pixels", f"{info.width_px}x{info.height_px}, as in {video.name}",
            "leave out its name: --tracker openface runs OpenFace on an upright copy",
        )
    return track


def _pyfeat(video: Path, info: MediaInfo, file: Path | None, folder: Path) -> FaceTrack:
    return read_pyfeat(file or run_pyfeat(video, folder), info.fps, (info.width_px, info.height_px))


_TABLES: dict[str, tuple[str, Callable[[Path, MediaInfo, Path | None, Path], FaceTrack]]] = {
    "openface": ("runs an installed FeatureExtraction; openface:FILE.csv reads what it wrote", _openface),
    "pyfeat": ("runs an installed py-feat; pyfeat:FILE.csv reads what it wrote", _pyfeat),
}
_PROGRAMS: dict[str, Callable[[], object]] = {"openface": find_program, "pyfeat": find_package}


def trackers() -> dict[str, str]:
    """What `measure` can use: name -> one line about it."""
    return face_trackers() | {name: summary for name, (summary, _) in _TABLES.items()}


def check_tracker(choice: Choice) -> None:
    """Tell before any work what a tracker lacks: its file, its program, its package or its weights.

    Raises:
        InputError: something of it is missing.
    """
    if choice.file is not None and not choice.file.is_file():
        raise InputError(f"--tracker {choice.name}: {choice.file} does not exist", "what it wrote of this video")
    if choice.name in _TABLES:
        if choice.file is None:
            _PROGRAMS[choice.name]()
    elif choice.name != DEFAULT:
        face_tracker(choice.name, choice.file).close()


def measure(video: Path | str, folder: Path | str, choice: Choice | None = None) -> Measured:
    """The face in a video by any tracker; killed and called again, it goes on where it was.

    Args:
        video: of one person. folder: where what was measured is kept, by content. choice: MediaPipe by default.

    Raises:
        InputError: not a video, no face in it, or two that could be meant; a tracker or its files are missing; a table
            that is not of this video.
    """
    video, folder, choice = Path(video), Path(folder), choice or Choice()
    if choice.name in _TABLES:
        info = probe(video)
        if not info.has_video:
            raise InputError(f"{video} has no pictures", "a video of one person facing the camera")
        track = _TABLES[choice.name][1](video, info, choice.file, folder)
        _check_length(track, info, video)
        landmarks = landmarks_of(track, choice.name)
        check_faces(landmarks, str(video))
        return Measured(landmarks, track)
    tracker = face_tracker(choice.name, choice.file)
    try:
        landmarks = track_landmarks(video, folder, tracker=tracker)
    finally:
        tracker.close()
    if tracker.layout is MP478:
        return Measured(landmarks)
    return Measured(landmarks, track_of_points68(landmarks))


def _check_length(track: FaceTrack, info: MediaInfo, video: Path) -> None:
    """Refuse a table that cannot be of the video.

    Raises:
        InputError: it is much longer or shorter.
    """
    expected_s, given_s = info.duration_s, track.motion.duration_s
    if abs(expected_s - given_s) > max(LONGEST_GAP_S, LONGEST_GAP_SHARE * expected_s):
        raise InputError(
            f"{track.source} holds {given_s:.1f} s of a face, {video.name} lasts {expected_s:.1f} s",
            "a table of this video, every frame in it",
        )
