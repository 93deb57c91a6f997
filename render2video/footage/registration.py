"""Where each frame's face is against the person's own mean face: what the mesh of a tracker misses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from face_model import mp478
from face_model.tracks import FaceMotion

FACE_PX = 224  # larger side of the canonical face
MARGIN = 0.12  # of the face's box, around it
RINGS_FADE = (0.75, 0.5, 0.25, 0.0)  # of the offsets of the face's outline, that the shell's rings are moved by


@dataclass(frozen=True)
class Canonical:
    """The picture that frames are laid on. places: `[V + S, 2]`, face and shell in the frame. face: V."""

    places: np.ndarray
    face: int

    @cached_property
    def _box(self) -> tuple[np.ndarray, np.ndarray]:
        face = self.places[: self.face]
        low, high = face.min(0), face.max(0)
        reach = MARGIN * (high - low)
        return low - reach, (high - low) + 2 * reach

    @property
    def corner(self) -> np.ndarray:
        """`[2]`: in the frame."""
        return self._box[0]

    @cached_property
    def zoom(self) -> float:
        """Its pixels in one of the frame's."""
        return FACE_PX / float(self._box[1].max())

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        width, height = np.ceil(self._box[1] * self.zoom).astype(int)
        return int(width), int(height)

    def pixels(self, places: np.ndarray) -> np.ndarray:
        """`[..., 2]`: where places in the frame are on it."""
        there: np.ndarray = (places - self.corner) * self.zoom
        return there


@dataclass(frozen=True)
class Registration:
    """Offsets of a person's mesh, in canonical pixels.

    places: `[V + S, 2]`, the canonical face. basis: `[K, V + S, 2]`. frames: `[T, K]`. told: `[1 + M, K]`, a constant
    and what each number of a motion adds.
    """

    places: np.ndarray
    basis: np.ndarray
    frames: np.ndarray
    told: np.ndarray

    def moved(self, points_px: np.ndarray, frames: slice = slice(None)) -> np.ndarray:
        """The mesh `[T, V + S, 2]` of frames of the footage, moved to where the face is."""
        return self._moved(points_px, self.frames[frames])

    def wanted(self, points_px: np.ndarray, motion: FaceMotion) -> np.ndarray:
        """The mesh `[T, V + S, 2]` of a motion, moved as the footage says that such a motion is."""
        return self._moved(points_px, self.told[0] + motion.pack() @ self.told[1:])

    def _moved(self, points_px: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        turned = np.einsum("tij,tvj->tvi", self._affine(points_px), np.einsum("tk,kvc->tvc", numbers, self.basis))
        there: np.ndarray = (points_px + turned).astype(np.float32)
        return there

    @cached_property
    def _plane(self) -> np.ndarray:
        """`[V, 2]`: what the affine map of the face is found with."""
        face = self.places[: self._face]
        centred = face - face.mean(0)
        plane: np.ndarray = centred @ np.linalg.inv(centred.T @ centred)
        return plane

    @cached_property
    def canonical(self) -> Canonical:
        """What frames are laid on."""
        return Canonical(self.places, self._face)

    @property
    def _face(self) -> int:
        return len(self.places) - len(RINGS_FADE) * len(mp478.FACE_OVAL)

    def _affine(self, points_px: np.ndarray) -> np.ndarray:
        """`[T, 2, 2]`: how the canonical face is turned and stretched in each picture."""
        face = points_px[:, : self._face]
        return np.einsum("tvi,vj->tij", face - face.mean(1, keepdims=True), self._plane)
