"""Moods that the network is taught beside those of the footage: each a direction of emotion vectors, and what feeling
it does to the face.

Footage of people who speak holds few moods, and those that it holds are faint. A mood that is taught has a face of its
own, whoever speaks: general training gets the faces from elsewhere, and fine-tuning on a person from the network that
it starts from, so that the person keeps the moods that the general weights know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from motion_models.karras2017.mining import held, probe_speech
from motion_models.karras2017.model import Karras2017

REACH = 2.0  # length of a direction; vectors of footage are drawn about 1.2 long


@dataclass(frozen=True)
class Moods:
    """names: of M moods. directions: `[M, E]`, from the neutral vector. offsets_mm: `[M, 3V]`, at full strength."""

    names: tuple[str, ...]
    directions: np.ndarray
    offsets_mm: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def digest(self) -> str:
        """Of all that is taught."""
        parts = (repr(self.names).encode(), self.directions.tobytes(), self.offsets_mm.tobytes())
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def around(self, neutral: np.ndarray) -> dict[str, np.ndarray]:
        """Vectors `[E]` of the moods by name, about a neutral one."""
        return {name: (neutral + way).astype(np.float32) for name, way in zip(self.names, self.directions, strict=True)}

    @staticmethod
    def drawn(expressions: Mapping[str, np.ndarray], basis_mm: np.ndarray, size: int, seed: int) -> Moods:
        """Moods of known faces, their directions at right angles to each other.

        Args:
            expressions: name -> `[K]`, how the expression differs from the neutral one.
            basis_mm: `[K, 3V]` of the face model. size: of an emotion vector; at least as many as there are moods.
        """
        assert len(expressions) <= size
        random = np.random.default_rng([seed, 7]).standard_normal((size, max(1, len(expressions))))
        ways = REACH * np.linalg.qr(random)[0].T[: len(expressions)]
        faces = [expression @ basis_mm for expression in expressions.values()]
        offsets = np.stack(faces) if faces else np.zeros((0, basis_mm.shape[1]))
        return Moods(tuple(expressions), ways.astype(np.float32), offsets.astype(np.float32))

    @staticmethod
    def known_by(model: Karras2017) -> Moods:
        """The moods that a trained model has names for, as it shows them in its probe."""
        emotions, speech = model.parts.emotions, probe_speech(model)

        def face(vector: np.ndarray) -> np.ndarray:
            mean: np.ndarray = held(model, vector).vertices_mm(speech).mean(0).ravel()
            return mean

        plain, vectors = face(emotions.neutral), list(emotions.named.values())
        return Moods(
            tuple(emotions.named), np.array([vector - emotions.neutral for vector in vectors], np.float32).reshape(
                len(vectors), len(emotions.neutral)
            ),
            np.array([face(vector) - plain for vector in vectors], np.float32).reshape(len(vectors), len(plain)),
        )  # fmt: skip
