"""What a motion model is: speech features in, a face's motion out.

How one learns is apart from it: `motion_models.learning.Learn`. Callers know no model by its class. What only some can
do is a method here that says what the others do instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import nn

from face_model.tracks import FaceMotion, HeardSpeech, SpeechFeatures, same_encoder
from foundation.errors import InputError
from foundation.files import content_digest, read_tensors, write_tensors
from motion_models.directions import Delivery
from motion_models.examples import MotionExample
from motion_models.look_ahead import LookAhead
from motion_models.people import Habits

FILE_VERSION = 1
ModelT = TypeVar("ModelT", bound="MotionModel")


class MotionModel(ABC):
    """Base of all motion models.

    id: the model's name, as the registry knows it. default_speech: the encoder it is trained with unless told
    otherwise. shapes: of tensors in its file that no network holds; one letter stands for one number wherever it
    stands. moves_head: whether it makes head pose and blinks; where not, `stream` gives a head at rest, and whoever
    paints takes them from a model that does. speaks_early: whether it has a `bounded_stream`. takes: names of the
    fields of `Delivery` that it follows.

    speech_extractor: name of the speech encoder whose features it wants. face_model: id of the face model that its
    expressions are for.
    """

    id: ClassVar[str]
    default_speech: ClassVar[str] = "log_mel"
    shapes: ClassVar[Mapping[str, tuple[int | str, ...]]] = {}
    moves_head: ClassVar[bool] = True
    speaks_early: ClassVar[bool] = False
    takes: ClassVar[frozenset[str]] = frozenset()
    speech_extractor: str
    face_model: str

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

    def bounded_stream(
        self, speech: Iterable[HeardSpeech], look_ahead: LookAhead, *, seed: int = 0
    ) -> Iterator[FaceMotion]:
        """The motion while the sound is still being heard, each piece of what is known once so much has been heard.

        Args:
            speech: what its encoder knows at `look_ahead.ends()`, and at the sound's end.

        Raises:
            InputError: features of another encoder; a model that does not do so, see `speaks_early`.
        """
        raise InputError(f"motion model '{self.id}' while the sound is made", "one that speaks early")

    def stream_values(
        self, features: SpeechFeatures, *, fps: float, frames: int | None = None
    ) -> Iterator[np.ndarray] | None:
        """ARKit values `[T, 52]` in consecutive pieces, at any frame rate, of a model that makes these itself; None of
        one whose expressions tell them.
        """
        return None

    @property
    def latency_s(self) -> float | None:
        """Seconds of sound after an instant that its values depend on; None where it does not say."""
        return None

    def for_live(self) -> MotionModel:
        """The model as it waits least for later sound, where it has such a choice."""
        return self

    @property
    def habits(self) -> Habits | None:
        """How the person whom it moves holds face and head; None of a model that does not know."""
        return None

    def for_person(self, habits: Habits) -> MotionModel:
        """A copy that moves another person's face; of a model that knows no habits, itself."""
        return self

    def as_person_of(self, clips: Sequence[MotionExample]) -> MotionModel:
        """A copy with the habits of the person whom clips show, as after enrollment; of a model without habits, itself.
        """
        return self

    def for_speech_alone(self) -> MotionModel:
        """A copy without what only further learning needs."""
        return self

    def directed(self, delivery: Delivery) -> MotionModel:
        """A copy that speaks so.

        Raises:
            InputError: a direction that this model does not take, or one of its that cannot be.
        """
        if strange := [name for name in delivery.given() if name not in self.takes]:
            asked = f"{' and '.join(strange)} for motion model '{self.id}'"
            raise InputError(asked, "a model that takes it", "choose one with --motion")
        return self._directed(delivery) if delivery.given() else self

    def _directed(self, delivery: Delivery) -> MotionModel:
        """What `directed` gives for directions that `takes` names."""
        return self

    def with_head(self, head: float) -> MotionModel:
        """A copy whose head moves `head` times as far about the person's rest; lids, brows and lips move as before.

        Raises:
            InputError: a model that moves the head, but leaves no choice of how much.
        """
        if head != 1.0 and self.moves_head:
            raise InputError(f"--head for motion model '{self.id}'", "a model that takes it", "leave out --head")
        return self

    @abstractmethod
    def _tensors(self) -> dict[str, np.ndarray]:
        """Every number that makes the model what it is, by name."""
        ...

    @abstractmethod
    def _described(self) -> dict[str, Any]:
        """What else its file says, beside names and version; ready for JSON."""
        ...

    @classmethod
    @abstractmethod
    def _assembled(
        cls, path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, Any], device: torch.device | str
    ) -> MotionModel:
        """The model from `_tensors` and `_described`; a KeyError tells what is missing."""
        ...

    def digest(self) -> str:
        """Changes when a weight or statistic does."""
        return content_digest(self._tensors())[:16]

    def save(self, path: Path | str) -> None:
        """Write everything that `load` needs into one safetensors file."""
        named = {"motion_model": self.id, "version": FILE_VERSION}
        told = {"speech_extractor": self.speech_extractor, "face_model": self.face_model}
        write_tensors(path, self._tensors(), named | self._described() | told)

    @classmethod
    def load(cls: type[ModelT], path: Path | str, device: torch.device | str = "cpu") -> ModelT:
        """Read what `save` wrote.

        Raises:
            InputError: not such a file, or damaged.
        """
        arrays, metadata = read_tensors(path)
        if metadata.get("motion_model") != cls.id:
            named = metadata.get("motion_model", "none")
            raise InputError(f"{path} is for motion model '{named}'", f"one for '{cls.id}'")
        expected, remedy = "a motion model of this version", "enroll or train it again"
        if metadata.get("version") != FILE_VERSION:
            raise InputError(f"{path} has version {metadata.get('version')!a}", f"version {FILE_VERSION}", remedy)
        for name in ("speech_extractor", "face_model"):
            if not isinstance(metadata.get(name), str):
                raise InputError(f"{path} names no {name}", expected, remedy)
        try:
            _check_shapes(path, arrays, cls.shapes)
            made = cls._assembled(Path(path), arrays, metadata, device)
        except KeyError as missing:
            raise InputError(f"{path} lacks {missing}", expected, remedy) from missing
        except InputError:
            raise
        except (TypeError, ValueError, AttributeError, RuntimeError) as error:  # parts of other shapes or kinds
            raise InputError(f"{path} does not fit together ({error})", expected, remedy) from error
        assert isinstance(made, cls)
        return made

    def frame_count(self, features: SpeechFeatures, fps: float, frames: int | None) -> int:
        """How many frames to make.

        Raises:
            InputError: features of another encoder, of another size or empty; fewer than one frame wanted.
        """
        if not same_encoder(features.extractor, self.speech_extractor):
            raise InputError(f"{features.extractor} features", f"{self.speech_extractor} features for {self.id}")
        if len(features.values) == 0:
            raise InputError("empty speech features", "at least one row")
        if frames is not None and frames < 1:
            raise InputError(f"{frames} frames", "at least one")
        return features.frame_count(fps) if frames is None else frames


def network_arrays(network: nn.Module, prefix: str) -> dict[str, np.ndarray]:
    """A network's weights for a model's file, their names behind a prefix."""
    return {f"{prefix}{name}": value.cpu().numpy() for name, value in network.state_dict().items()}


def under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those arrays whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _check_shapes(
    path: Path | str, arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int | str, ...]]
) -> None:
    """Refuse now what would fail in the middle of a synthesis.

    Raises:
        InputError: a tensor of another shape; a KeyError tells what is missing.
    """
    known: dict[str, int] = {}
    for name, shape in shapes.items():
        found = arrays[name].shape
        wanted = [known.get(size, size) if isinstance(size, str) else size for size in shape]
        if len(found) != len(wanted) or not all(map(_fits, found, wanted)):
            raise InputError(
                f"{path}: tensor '{name}' is of shape {list(found)}", f"[{', '.join(map(str, wanted))}]",
                "enroll or train it again",
            )
        known |= {size: count for size, count in zip(shape, found, strict=True) if isinstance(size, str)}


def _fits(count: int, wanted: int | str) -> bool:
    return count > 0 if isinstance(wanted, str) else count == wanted
