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
from talking_head.motion.registry import _MODELS, motion_model, motion_models

ROOT = Path(__file__).resolve().parents[2]


def test_a_class_that_lacks_something_is_refused_when_defined() -> None:
    with pytest.raises(TypeError, match="stream, learn, _tensors, _described, _assembled, id, config_type"):

        class Empty(MotionModel):
            pass

    with pytest.raises(TypeError, match="generator"):

        class Eager(MotionModel):
            id, config_type = "eager", dict

            def stream(self, features: Any, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
                return iter([])

            def _tensors(self) -> dict[str, Any]: ...

            def _described(self) -> dict[str, Any]: ...

            @classmethod
            def _assembled(cls, *parts: Any) -> MotionModel: ...

            @classmethod
            def learn(cls, examples: Any, start: Any, run: Path, **options: Any) -> Path: ...


def test_names_import_nothing_until_asked_for() -> None:
    code = (
        "import sys; from talking_head.motion.registry import motion_models; assert 'karras2017' in motion_models();"
        "assert not [m for m in sys.modules if m.startswith(('motion_models.karras2017', 'facial_gan'))]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert motion_model("facial_gan").id == "facial_gan"
    assert {"facial_gan", "karras2017", "arkit", "emote"} <= set(motion_models())
    with pytest.raises(InputError, match="one of facial_gan"):
        motion_model("nobody")
    monkeypatch.setitem(_MODELS, "absent", "no.such.module:Model")
    with pytest.raises(InputError, match="cannot be imported"):
        motion_model("absent")
