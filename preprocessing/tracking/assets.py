"""Finding the Face Landmarker's model file: given, in a folder of the user's, cached, or fetched once."""

from __future__ import annotations

import logging
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from foundation.errors import InputError
from foundation.files import atomic_path, sha256

log = logging.getLogger(__name__)

ASSETS_VARIABLE, HOME_VARIABLE = "TALKING_HEAD_ASSETS", "TALKING_HEAD_HOME"
LANDMARKER_FILE = "face_landmarker.task"
LANDMARKER_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/face_landmarker.task"
)
LANDMARKER_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
FETCH_TIMEOUT_S = 20


def cache_folder() -> Path:
    """Where fetched files are kept: `TALKING_HEAD_HOME`/assets, else the user's cache."""
    if home := os.environ.get(HOME_VARIABLE):
        return Path(home).expanduser() / "assets"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "talking-head"


def landmarker_path(path: Path | str | None = None) -> Path:
    """The model file: `path`, else in `TALKING_HEAD_ASSETS`, else in the cache, else fetched into it and checked.

    Raises:
        InputError: the given file is absent, or none is at hand and it cannot be fetched.
    """
    if path is not None:
        if not Path(path).is_file():
            raise InputError(f"{path} does not exist", LANDMARKER_FILE, f"get it from {LANDMARKER_URL}")
        return Path(path)
    cached = cache_folder() / LANDMARKER_FILE
    assets = os.environ.get(ASSETS_VARIABLE)
    for found in ([Path(assets).expanduser() / LANDMARKER_FILE] if assets else []) + [cached]:
        if found.is_file():
            return found
    _fetch(LANDMARKER_URL, LANDMARKER_SHA256, cached)
    return cached


def _fetch(url: str, digest: str, goal: Path) -> None:
    log.info("fetching %s, once", url)
    try:
        with atomic_path(goal) as temporary:
            with urllib.request.urlopen(url, timeout=FETCH_TIMEOUT_S) as answer, temporary.open("wb") as file:
                shutil.copyfileobj(answer, file)
            if sha256(temporary) != digest:
                raise InputError(f"what {url} gave is another file", f"sha256 {digest}", f"put the right one at {goal}")
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise InputError(
            f"{goal.name} is not on this machine and cannot be fetched ({reason})",
            f"it in ${ASSETS_VARIABLE} or at {goal}", f"get it from {url} on a machine that is online",
        ) from error
