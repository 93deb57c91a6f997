"""What paints a head over its drawn mesh in a square of the full frame, and the file that keeps the square."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from face_model.cameras import Camera, camera_from_json
from face_model.morphable_model import MorphableModel
from face_model.tracks import FaceIdentity, FaceMotion
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from render2video.conditioning import Conditioning, HeadRenderer
from render2video.crop import Compositor, Crop

VIDEO_FILE, APPEARANCE_FILE = "render2video.safetensors", "appearance.safetensors"


@dataclass(frozen=True)
class FramedHead(ABC):
    """Most of a `render2video.painter.Painter`; how the square is painted is a subclass's.

    head: draws the mesh. compositor: places the square. camera: of the full frame.
    """

    head: HeadRenderer
    compositor: Compositor
    camera: Camera

    @abstractmethod
    def bounded(self, motion: FaceMotion) -> FaceMotion:
        """The motion, kept to poses that the person can be painted in, as the target's own settings have it."""

    @abstractmethod
    def stream(self, pieces: Iterable[FaceMotion]) -> Iterator[np.ndarray]:
        """Full frames of a motion that comes in pieces."""

    def frames(self, motion: FaceMotion) -> Iterator[np.ndarray]:
        """Full frames `[H, W, 3]` uint8 RGB, one a frame of the motion; memory does not grow with its length."""
        return self.stream([motion])

    def face_px(self, motion: FaceMotion) -> np.ndarray:
        """`[T, V, 2]`: where the face's vertices are in the frames painted for a motion."""
        points = self.head.vertices_px(self.bounded(motion))[0]
        crop, zoom = self.compositor.crop, self.compositor.crop.side_px / self.head.camera.width_px
        shown: np.ndarray = points[:, : len(self.head.neutral_mm)] * zoom + (crop.left_px, crop.top_px)
        return shown

    def drawn(self, pieces: Iterable[FaceMotion]) -> Iterator[Conditioning]:
        """The mesh of each frame, within bounds."""
        return chain.from_iterable(self.head(self.bounded(piece)) for piece in pieces)

    def write_appearance(self, folder: Path, arrays: dict[str, np.ndarray], shapes: dict[str, int]) -> None:
        """Write `appearance.safetensors`. arrays: of the subclass's own; shapes: what they are made for."""
        person = self.head.person
        arrays = arrays | {"full_plate": self.compositor.plate}
        arrays |= {f"person.{k}": getattr(person, k) for k in ("identity", "texture", "illumination")}
        metadata = {
            "kind": "appearance", "face_model": self.head.model.id, "blink_gain": person.blink_gain,
            "camera": self.camera.to_json(), "crop": asdict(self.compositor.crop), **shapes,
        }
        write_tensors(folder / APPEARANCE_FILE, arrays, metadata)


@dataclass(frozen=True)
class Appearance:
    """What `FramedHead.write_appearance` wrote. arrays, shapes: the subclass's own."""

    head: HeadRenderer
    compositor: Compositor
    camera: Camera
    arrays: dict[str, np.ndarray]
    shapes: dict[str, int]

    @staticmethod
    def read(folder: Path, model: MorphableModel) -> Appearance:
        """Read it.

        Raises:
            InputError: the file is absent, damaged, or made for another face model.
        """
        look, metadata = read_part(folder / APPEARANCE_FILE, "appearance")
        if metadata["face_model"] != model.id:
            raise InputError(f"{folder} is made for face model {metadata['face_model']}", model.id, "enroll it again")
        person = FaceIdentity(
            look["person.identity"], look["person.texture"], look["person.illumination"], metadata["blink_gain"]
        )
        named: tuple[str, ...] = ("size_px", "texture_px", "window_px")
        shapes = {name: int(metadata[name]) for name in named if name in metadata}
        camera, crop = camera_from_json(metadata["camera"]), Crop(**metadata["crop"])
        head = HeadRenderer(model, person, crop.camera(camera, shapes["size_px"]), shapes["window_px"])
        return Appearance(head, Compositor(look["full_plate"], crop), camera, look, shapes)


def read_part(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and metadata of a file of a target's folder.

    Raises:
        InputError: absent, damaged, or of another kind.
    """
    arrays, metadata = read_tensors(path)
    if metadata.get("kind") != kind:
        raise InputError(f"{path} holds {metadata.get('kind', 'something else')}", f"a {kind} file", "enroll it again")
    return arrays, metadata


def of_another_form(path: Path) -> InputError:
    """The error of a file whose arrays are not those of this version."""
    wanted = "a file that this version of the program made"
    return InputError(f"{path} is of another form or damaged", wanted, "enroll the person again")
