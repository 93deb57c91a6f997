"""Examples as people: whose footage they are, and what it tells of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from face_model import mp478
from face_model.tracks import EXPRESSION, MOTION_FPS, seen_stretches
from foundation.errors import InputError
from motion_models.examples import MotionExample
from motion_models.lips import rest_expression
from motion_models.liveliness import BlinkHabit
from motion_models.statistics import FeatureStatistics, MotionStatistics, measure_features, measure_statistics


@dataclass(frozen=True)
class Habits:
    """How a person holds the face and the head. statistics: of the motion. blinks: see `liveliness`."""

    statistics: MotionStatistics
    blinks: BlinkHabit


def footage(examples: Sequence[MotionExample]) -> list[MotionExample]:
    """The examples that nobody made up: they alone say what a person is like.

    Raises:
        InputError: there is none of a speaker.
    """
    real = [example for example in examples if not example.made]
    unseen = {example.speaker for example in examples} - {example.speaker for example in real}
    if unseen:
        raise InputError(
            f"nothing but made motion of {', '.join(sorted(unseen)) or 'the person'}", "footage of every speaker"
        )
    return real


def valid_motion(example: MotionExample) -> np.ndarray:
    """Motion `[T, 71]` of the frames that showed the face."""
    return example.motion.pack()[example.valid.astype(bool)]


def valid_expressions(examples: Sequence[MotionExample]) -> np.ndarray:
    """Expressions `[T, E]` of the frames that showed the face, of all clips."""
    return np.concatenate([example.motion.expression[example.valid.astype(bool)] for example in examples])


def feature_statistics(
    examples: Sequence[MotionExample], rows: Callable[[MotionExample], np.ndarray]
) -> FeatureStatistics:
    """Statistics of all clips' speech. rows: `[T, F]` of a clip, as the network is shown them."""
    silence = next((example.silence for example in examples if example.silence is not None), None)
    return measure_features(np.concatenate([rows(example) for example in examples]), silence)


def person_statistics(examples: Sequence[MotionExample], expression_scale: float | None = None) -> MotionStatistics:
    """Statistics of one person's footage."""
    parts = [example.motion.pack()[part] for example in examples for part in seen_stretches(example.valid)]
    motion = np.concatenate(parts)
    known = examples[0].motion.face_model == mp478.ID
    rest = rest_expression(mp478.load(), motion[:, EXPRESSION]) if known else None
    return measure_statistics(motion, MOTION_FPS, rest, expression_scale, lengths=[len(part) for part in parts])
