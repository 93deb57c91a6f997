"""What paints a person from motion, whatever it was made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

import numpy as np

from face_model.cameras import Camera
from face_model.morphable_model import MorphableModel
from face_model.tracks import FaceMotion
from foundation.files import read_tensors
from render2video.framed import VIDEO_FILE
from render2video.passing import always
from render2video.person import PersonRenderer
from render2video.photo.renderer import PHOTO, PhotoRenderer
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

    def begun(
        self, pieces: Iterable[FaceMotion], wanted: Callable[[], bool] = always
    ) -> Iterator[Future[np.ndarray] | None]:
        """`stream`, each frame given out when its painting has begun: none waits for the next piece.

        wanted: asked before each frame. None stands for one that is not, and comes no later than the next that is.
        """
        ...

    def face_px(self, motion: FaceMotion) -> np.ndarray:
        """`[T, V, 2]`: where the face's vertices are in the frames painted for a motion."""
        ...


def load_painter(
    folder: Path, model: MorphableModel, device: str = "cpu", look_ahead_s: float | None = None
) -> Painter:
    """The painter in a target's folder.

    Args:
        look_ahead_s: how far beyond a frame it may look to choose real frames; None: as far as it likes.

    Raises:
        InputError: a file is absent, damaged, or made for another face model or architecture.
    """
    profile = read_tensors(folder / VIDEO_FILE)[1].get("profile")
    if profile == PHOTO:
        return PhotoRenderer.load(folder, model)
    if profile != FOOTAGE:
        return PersonRenderer.load(folder, model, device)
    from render2video.footage.choosing import MOST_FRAMES
    from render2video.footage.store import load_footage_painter

    painter = load_footage_painter(folder, model, device, MOST_FRAMES)
    if look_ahead_s is not None:
        painter.config = painter.config.within(look_ahead_s)
    return painter
