"""A person known from one picture: frames are that picture, bent and repainted. Nothing is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from face_model.morphable_model import MorphableModel
from face_model.tracks import FaceMotion
from foundation.config import configure, to_dict
from foundation.files import write_tensors
from foundation.parallel import begun
from render2video.conditioning import Conditioning
from render2video.framed import APPEARANCE_FILE, VIDEO_FILE, Appearance, FramedHead, of_another_form, read_part
from render2video.passing import Passing, always, single_frames
from render2video.photo.bent import BentPhoto, PhotoLayers
from render2video.photo.config import PhotoConfig
from render2video.side_by_side import painted_side_by_side, painting_side_by_side

PHOTO = "photo"
KNEE = 0.6  # of a limit: a pose within it is not touched
GONE = ("average_decay",)  # settings that files of earlier versions tell


@dataclass(frozen=True)
class PhotoRenderer(FramedHead):
    """Paints a person known from a photo; see `render2video.photo.warp`. config: how far it may be bent."""

    layers: PhotoLayers
    config: PhotoConfig = PhotoConfig()

    @cached_property
    def bent(self) -> BentPhoto:
        """What paints one frame after another, or several side by side."""
        return BentPhoto(self.layers)

    def bounded(self, motion: FaceMotion) -> FaceMotion:
        """The motion with its pose pressed softly into the range about the photo's pose that looks right."""
        centre, config = self.layers.pose, self.config
        turn = np.array([config.pitch_limit, config.yaw_limit, config.roll_limit])
        near = abs(float(centre[5])) * config.near_limit
        shift = np.array([config.shift_limit_mm, config.shift_limit_mm, near])
        return FaceMotion(
            motion.fps, motion.expression, _soft(motion.rotation, centre[:3], turn),
            _soft(motion.translation, centre[3:], shift), motion.blink, motion.face_model,
        )

    def stream(self, pieces: Iterable[FaceMotion]) -> Iterator[np.ndarray]:
        """Full frames of a motion that comes in pieces."""
        return painted_side_by_side(self._painted(), self.drawn(pieces))

    def begun(
        self, pieces: Iterable[FaceMotion], wanted: Callable[[], bool] = always
    ) -> Iterator[Future[np.ndarray] | None]:
        """`stream`, each frame in a future; None for one that is not wanted."""
        passing = Passing[FaceMotion](wanted)
        drawn = self.drawn(passing.kept(single_frames(pieces)))
        yield from passing.told(painting_side_by_side(begun, self._painted(), drawn))

    def _painted(self) -> Callable[[Conditioning], np.ndarray]:
        """What makes the full frame of a drawn one; threads may call it at the same time."""
        bent = self.bent

        def painted(drawn: Conditioning) -> np.ndarray:
            levels = bent.levels(drawn.points_px.astype(np.float64), drawn.blink)
            return self.compositor(cv2.convertScaleAbs(levels))

        return painted

    def save(self, folder: Path) -> None:
        """Write `render2video.safetensors` and `appearance.safetensors`."""
        shapes = {"size_px": len(self.layers.person), "window_px": self.head.window_px}
        described = {"kind": "render2video", "profile": PHOTO, "config": to_dict(self.config), **shapes}
        write_tensors(folder / VIDEO_FILE, self.layers.arrays(), described)
        plate = self.layers.background.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        self.write_appearance(folder, {"plate": plate}, shapes)

    @staticmethod
    def load(folder: Path, model: MorphableModel) -> PhotoRenderer:
        """Read what `save` wrote.

        Raises:
            InputError: a file is absent, damaged, or made for another face model.
        """
        arrays, described = read_part(folder / VIDEO_FILE, "render2video")
        look = Appearance.read(folder, model)
        said = {name: value for name, value in described["config"].items() if name not in GONE}
        config: Any = configure(PhotoConfig, said, str(folder / VIDEO_FILE))
        plate, side_px = look.arrays.get("plate"), look.shapes["size_px"]
        if plate is None or plate.shape != (3, side_px, side_px):
            raise of_another_form(folder / APPEARANCE_FILE)
        background = np.rint(plate.transpose(1, 2, 0) * 255).astype(np.uint8)
        try:
            layers = PhotoLayers.of(arrays, background)
        except (KeyError, ValueError) as error:
            raise of_another_form(folder / VIDEO_FILE) from error
        return PhotoRenderer(look.head, look.compositor, look.camera, layers, config)


def _soft(values: np.ndarray, centre: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Values pressed softly into centre +- limit."""
    away = values - centre
    beyond = np.maximum(np.abs(away) - KNEE * limit, 0)
    rest = (1 - KNEE) * limit
    pressed = np.sign(away) * (KNEE * limit + rest * np.tanh(beyond / rest))
    return (centre + np.where(beyond > 0, pressed, away)).astype(np.float32)
