"""What a motion model is: speech features in, a face's motion out."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch

from face_model.tracks import FaceMotion, SpeechFeatures, same_encoder
from foundation.errors import InputError
from foundation.files import content_digest, read_tensors, write_tensors
from motion_models.examples import MotionExample
from training import Duration

FILE_VERSION = 1
ModelT = TypeVar("ModelT", bound="MotionModel")


@dataclass(frozen=True)
class Held:
    """Clips that are not learned from: a training judges itself on them every so many steps, keeps the best weights
    and, with a patience, ends when so many judgements in a row brought nothing better.
    """

    examples: Sequence[MotionExample]
    every_steps: int = 200
    patience: int = 0


class MotionModel(ABC):
    """Base of all motion models. A subclass that lacks something is refused when it is defined.

    id: the model's name, as the registry knows it. speech_extractor: name of the speech encoder whose features it
    wants. face_model: id of the face model that its expressions are for. default_speech: the encoder it is trained with
    unless told otherwise. config_type: dataclass of all its settings. shapes: of tensors in its file that no network
    holds; one letter stands for one number wherever it stands. judges_itself: whether `learn` takes `held`, a `Held`.
    moves_head: whether it makes head pose and blinks; where not, `stream` gives a head at rest, and whoever paints
    takes them from a model that does. head: how much of its head motion is made, see `with_head`.
    """

    id: ClassVar[str]
    default_speech: ClassVar[str] = "log_mel"
    config_type: ClassVar[type]
    shapes: ClassVar[Mapping[str, tuple[int | str, ...]]] = {}
    judges_itself: ClassVar[bool] = False
    moves_head: ClassVar[bool] = True
    speech_extractor: str
    face_model: str
    head: float = 1.0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if ABC in cls.__bases__:  # a subclass that is itself an interface says so
            return
        static = inspect.getattr_static
        duties = "stream", "learn", "_tensors", "_described", "_assembled"
        missing = [name for name in duties if static(cls, name) is static(MotionModel, name)]
        missing += [] if isinstance(getattr(cls, "id", None), str) else ["id"]
        missing += [] if isinstance(getattr(cls, "config_type", None), type) else ["config_type"]
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

    @classmethod
    @abstractmethod
    def learn(
        cls, examples: Sequence[MotionExample], start: Path | None, run: Path, *, duration: Duration | None = None,
        seed: int = 0, device: str = "cpu", config: Any = None,
    ) -> Path:
        """Train on one person's clips or on many people's; the same call resumes a run that was killed.

        Args:
            examples: of one kind: the same speech encoder and face model.
            start: a general model's file to begin from; None to begin anew.
            run: folder of checkpoints and of the result.
            duration: how long; None for as long as the configuration says.
            seed: of all that is random.
            config: a `config_type`; None for its defaults.

        Returns:
            The model's file, for `load` or as another's `start`.

        Raises:
            InputError: no example, examples of several kinds, a start that does not fit, or what `training.train`
                raises.
        """
        ...

    def directed(self, **directions: Any) -> MotionModel:
        """A copy that follows directions, such as an emotion.

        Raises:
            InputError: a direction that this model does not take.
        """
        given = [name for name, value in directions.items() if value is not None]
        if given:
            asked = f"{' and '.join(given)} for motion model '{self.id}'"
            raise InputError(asked, "a model that takes it", "choose one with --motion")
        return self

    def with_head(self: ModelT, head: float) -> ModelT:
        """A copy whose head moves `head` times as far about the person's rest; lids, brows and lips move as before."""
        made = copy(self)
        made.head = head
        return made

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
