"""Examples as people: whose footage they are, and what it tells of each."""

from __future__ import annotations

import numpy as np

from face_model import mp478
from face_model.tracks import EXPRESSION, MOTION_FPS, seen_stretches
from foundation.errors import InputError
from motion_models.examples import MotionExample
from motion_models.lips import rest_expression
from motion_models.statistics import MotionStatistics, measure_statistics


def footage(examples: list[MotionExample]) -> list[MotionExample]:
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


def person_statistics(examples: list[MotionExample], expression_scale: float | None = None) -> MotionStatistics:
    """Statistics of one person's footage."""
    parts = [example.motion.pack()[part] for example in examples for part in seen_stretches(example.valid)]
    motion = np.concatenate(parts)
    known = examples[0].motion.face_model == mp478.ID
    rest = rest_expression(mp478.load(), motion[:, EXPRESSION]) if known else None
    return measure_statistics(motion, MOTION_FPS, rest, expression_scale, lengths=[len(part) for part in parts])
