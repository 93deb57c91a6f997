"""The interface refuses halves; the registry is lazy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from face_model.tracks import FaceMotion
from foundation.errors import InputError
from motion_models.interface import MotionModel
from talking_head.motion.model_registry import _ENTRIES, Entry, motion_model, motion_models

ROOT = Path(__file__).resolve().parents[2]


def test_a_class_that_lacks_something_is_refused() -> None:
    class Half(MotionModel):
        id, speech_extractor, face_model = "half", "toy", "toy_face"

        def stream(self, features: Any, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
            yield from ()

    with pytest.raises(TypeError, match="_assembled.*_described.*_tensors"):
        Half()  # type: ignore[abstract]


def test_names_import_nothing_until_asked_for() -> None:
    code = (
        "import sys; from talking_head.motion.model_registry import motion_models;"
        "assert 'karras2017' in motion_models();"
        "assert not [m for m in sys.modules if m.startswith(('motion_models.karras2017', 'facial_gan'))]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert motion_model("facial_gan").id == "facial_gan"
    assert {"facial_gan", "karras2017", "arkit", "emote"} <= set(motion_models())
    with pytest.raises(InputError, match="one of facial_gan"):
        motion_model("nobody")

    def absent() -> Entry:
        raise ImportError("no such module")

    monkeypatch.setitem(_ENTRIES, "absent", absent)
    with pytest.raises(InputError, match="cannot be imported"):
        motion_model("absent")
