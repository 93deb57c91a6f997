"""Where each frame's face is against the person's own mean face: what the mesh of a tracker misses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from face_model import mp478
from face_model.tracks import FaceMotion

RINGS_FADE = (0.75, 0.5, 0.25, 0.0)  # of the offsets of the face's outline, that the shell's rings are moved by


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

    @property
    def _face(self) -> int:
        return len(self.places) - len(RINGS_FADE) * len(mp478.FACE_OVAL)

    def _affine(self, points_px: np.ndarray) -> np.ndarray:
        """`[T, 2, 2]`: how the canonical face is turned and stretched in each picture."""
        face = points_px[:, : self._face]
        return np.einsum("tvi,vj->tij", face - face.mean(1, keepdims=True), self._plane)
