"""What paints a person from motion, whatever it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from face_model.cameras import Camera
from face_model.morphable_model import MorphableModel
from face_model.tracks import FaceMotion
from foundation.files import read_tensors
from render2video.person import VIDEO_FILE, PersonRenderer
from render2video.profiles import FOOTAGE


class Painter(Protocol):
    """Full frames of one person."""

    @property
    def camera(self) -> Camera:
        """Of the full frame."""
        ...

    def frames(self, motion: FaceMotion) -> Iterator[np.ndarray]:
        """Full frames `[H, W, 3]` uint8 RGB, one a frame of the motion; memory does not grow with its length."""
        ...

    def stream(self, pieces: Iterable[FaceMotion]) -> Iterator[np.ndarray]:
        """Full frames of a motion that comes in pieces."""
        ...

    def face_px(self, motion: FaceMotion) -> np.ndarray:
        """`[T, V, 2]`: where the face's vertices are in the frames painted for a motion."""
        ...


def load_painter(folder: Path, model: MorphableModel, device: str = "cpu") -> Painter:
    """The painter in a target's folder.

    Raises:
        InputError: a file is absent, damaged, or made for another face model or architecture.
    """
    from render2video.footage.store import load_footage_painter

    if read_tensors(folder / VIDEO_FILE)[1].get("profile") == FOOTAGE:
        return load_footage_painter(folder, model, device)
    return PersonRenderer.load(folder, model, device)
