"""What a motion model is: speech features in, a face's motion out."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from face_model.tracks import FaceMotion, SpeechFeatures
from foundation.errors import InputError


class MotionModel(ABC):
    """Base of all motion models. A subclass that lacks something is refused when it is defined.

    id: the model's name, as the registry knows it. speech_extractor: name of the speech encoder whose features it
    wants. face_model: id of the face model that its expressions are for.
    """

    id: ClassVar[str]
    speech_extractor: str
    face_model: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if ABC in cls.__bases__:  # a subclass that is itself an interface says so
            return
        static = inspect.getattr_static
        missing = [name for name in ("stream", "save", "load") if static(cls, name) is static(MotionModel, name)]
        missing += [] if isinstance(getattr(cls, "id", None), str) else ["id"]
        if missing:
            raise TypeError(f"{cls.__name__} is no whole MotionModel: it lacks {', '.join(missing)}")
        if not inspect.isgeneratorfunction(cls.stream):
            raise TypeError(f"{cls.__name__}.stream must be a generator: pieces are asked for one at a time")

    @abstractmethod
    def stream(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
        """The motion in consecutive pieces, each given out as soon as it is known.

        Args:
            features: of any length, from the encoder `speech_extractor`.
            seed: of all that is random; the same seed gives the same motion.
            frames: how many to make; None for as long as the sound lasts.

        Raises:
            InputError: features of another encoder.
        """
        ...

    def synthesize(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> FaceMotion:
        """The whole motion at 30 fps: the pieces of `stream`, joined."""
        pieces = list(self.stream(features, seed=seed, frames=frames))
        return FaceMotion.unpack(np.concatenate([p.pack() for p in pieces]), pieces[0].fps, pieces[0].face_model)

    @abstractmethod
    def save(self, path: Path | str) -> None:
        """Write everything that `load` needs into one safetensors file."""
        ...

    @classmethod
    @abstractmethod
    def load(cls, path: Path | str, device: torch.device | str = "cpu") -> MotionModel:
        """Read what `save` wrote.

        Raises:
            InputError: not such a file, or damaged.
        """
        ...

    def frame_count(self, features: SpeechFeatures, fps: float, frames: int | None) -> int:
        """How many frames to make.

        Raises:
            InputError: features of another encoder, of another size or empty; fewer than one frame wanted.
        """
        if features.extractor != self.speech_extractor:
            raise InputError(f"{features.extractor} features", f"{self.speech_extractor} features for {self.id}")
        if len(features.values) == 0:
            raise InputError("empty speech features", "at least one row")
        if frames is not None and frames < 1:
            raise InputError(f"{frames} frames", "at least one")
        return features.frame_count(fps) if frames is None else frames
