"""Trackers that see frame by frame, by name, built only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from foundation.errors import InputError
from preprocessing.tracking.landmarks import FaceTracker

DEFAULT = "mediapipe"


def _mediapipe(path: Path | None) -> FaceTracker:
    from preprocessing.tracking.mediapipe_tracker import MediaPipeTracker

    return MediaPipeTracker(path)


def _face_alignment(path: Path | None) -> FaceTracker:
    from preprocessing.tracking.face_alignment_tracker import FaceAlignmentTracker

    return FaceAlignmentTracker(path)


_TRACKERS: dict[str, tuple[str, Callable[[Path | None], FaceTracker]]] = {
    DEFAULT: ("478 points and ARKit values, 20 ms a frame on a CPU", _mediapipe),
    "face_alignment": ("68 points, about a second a frame on a CPU (an optional package)", _face_alignment),
}


def face_trackers() -> dict[str, str]:
    """What `face_tracker` can build: name -> one line about it."""
    return {name: summary for name, (summary, _) in _TRACKERS.items()}


def face_tracker(name: str = DEFAULT, path: Path | None = None) -> FaceTracker:
    """The tracker of that name; `path` is its model file, when not where it is looked for.

    Raises:
        InputError: an unknown name (the known ones are named), or the model or a library of it is missing.
    """
    if name not in _TRACKERS:
        raise InputError(f"face tracker '{name}'", f"one of {', '.join(sorted(_TRACKERS))}")
    return _TRACKERS[name][1](path)
