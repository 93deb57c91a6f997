"""What learning a motion model is: from what, of whom, judged on what; and what every learning checks first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from face_model.tracks import same_encoder
from foundation.errors import InputError
from motion_models.examples import MotionExample
from motion_models.interface import MotionModel
from training import Duration

BEST_FILE = "best.safetensors"  # of a run that judged itself, beside its last
Mode = Literal["general", "person"]
"""`general`: many people's clips make weights to start from. `person`: one person is learned."""
MODES: tuple[Mode, ...] = get_args(Mode)


def mode_of(name: str) -> Mode:
    """The mode of that name.

    Raises:
        InputError: there is none.
    """
    for mode in MODES:
        if mode == name:
            return mode
    raise InputError(f"mode '{name}'", f"one of {', '.join(MODES)}")


@dataclass(frozen=True)
class Held:
    """Clips that are not learned from: a training judges itself on them every so many steps, keeps the best weights
    and, with a patience, ends when so many judgements in a row brought nothing better.
    """

    examples: Sequence[MotionExample]
    every_steps: int = 200
    patience: int = 0


class Learn(Protocol):
    """How a motion model learns."""

    def __call__(
        self, examples: Sequence[MotionExample], start: Path | None, run: Path, *, mode: Mode,
        duration: Duration | None = None, seed: int = 0, device: str = "cpu", config: Any = None,
        held: Held | None = None,
    ) -> Path:
        """Train; the same call resumes a run that was killed, and returns at once when it is done.

        Args:
            examples: of one kind: the same speech encoder and face model.
            start: a general model's file to begin from; its sizes and feature statistics are taken over. None to begin
                anew.
            run: folder of checkpoints and of the result.
            mode: see there.
            duration: how long; None for as long as the configuration says.
            seed: of all that is random.
            config: of the model's configuration type; None for its defaults.
            held: clips that the run judges itself on (`motion_models.judging.judging`); the best model is then kept
                as `BEST_FILE` beside the last.

        Returns:
            The model's file, for `load` or as another's `start`.

        Raises:
            InputError: no example, examples of several kinds, several people where one is learned, a start that does
                not fit, or what `training.train` raises.
        """
        ...


@dataclass(frozen=True)
class Kind:
    """What all examples of a training have in common. extractor, rate_hz, feature_size: of their speech features.
    face_model, expression_size: of their motion.
    """

    extractor: str
    rate_hz: float
    feature_size: int
    face_model: str
    expression_size: int

    @staticmethod
    def of(example: MotionExample) -> Kind:
        """An example's own."""
        heard, motion = example.features, example.motion
        sizes = heard.values.shape[1], motion.expression.shape[1]
        return Kind(heard.extractor, heard.rate_hz, sizes[0], motion.face_model, sizes[1])

    def refuse_other(self, base: MotionModel, start: Path | str) -> None:
        """Refuse to go on from a model that listens or moves in another way.

        Raises:
            InputError: it does.
        """
        if not same_encoder(base.speech_extractor, self.extractor) or base.face_model != self.face_model:
            raise InputError(
                f"{start} is for {base.speech_extractor} features and face model {base.face_model}",
                f"{self.extractor} and {self.face_model}",
            )


def kind_of(examples: Sequence[MotionExample], mode: Mode) -> Kind:
    """The kind that all examples are of.

    Raises:
        InputError: there is none, they are of several kinds, or of several people where one is to be learned.
    """
    if not examples:
        raise InputError("nothing to learn from", "at least one example")
    kinds = {Kind.of(example) for example in examples}
    if len(kinds) != 1:
        expected = "one speech encoder, one face model"
        raise InputError(f"examples of {len(kinds)} kinds of features or face models", expected)
    speakers = {example.speaker for example in examples}
    if mode == "person" and len(speakers) > 1:
        raise InputError(
            f"clips of {len(speakers)} people to learn one person from", "clips of one person",
            "learn people in general (mode: general), or leave the others out",
        )
    return kinds.pop()


def data_digest(examples: Sequence[MotionExample]) -> str:
    """Changes when the data does."""
    return hashlib.sha256("".join(example.digest() for example in examples).encode()).hexdigest()[:16]


def held_digest(held: Held | None) -> dict[str, Any]:
    """What of `held` decides a run's result, for its configuration."""
    if held is None:
        return {}
    return {"held": [example.digest() for example in held.examples], "patience": held.patience}
