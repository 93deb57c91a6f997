"""Motion while the sound is still being heard: which frames each step makes, and of what rows.

What comes after the sound that has been heard is taken to sound like its last row: silence there would close the lips.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from face_model.tracks import MOTION_FPS, HeardSpeech, same_encoder
from foundation.errors import InputError
from motion_models.look_ahead import LookAhead


@dataclass(frozen=True)
class Step:
    """Frames `start` to `stop` are made now, of what was heard; frames up to `known` have been heard."""

    heard: HeardSpeech
    start: int
    stop: int
    known: int

    def rows(self, normalised: np.ndarray, more: int) -> np.ndarray:
        """The rows heard so far, with `more` like the last one while sound goes on."""
        if self.heard.ended:
            return normalised
        return np.concatenate((normalised, np.repeat(normalised[-1:], more, axis=0)))


def steps(speech: Iterable[HeardSpeech], look_ahead: LookAhead, extractor: str) -> Iterator[Step]:
    """Each step that makes frames; all together make every frame once.

    Raises:
        InputError: features of another encoder.
    """
    given = 0
    for heard in speech:
        features = heard.features
        if not same_encoder(features.extractor, extractor):
            raise InputError(f"features of '{features.extractor}'", f"those of '{extractor}'")
        whole = features.frame_count(MOTION_FPS)
        known = whole if heard.ended else math.floor(features.duration_s * MOTION_FPS + 1e-6)
        stop = known if heard.ended else known - look_ahead.frames
        if stop > given:
            yield Step(heard, given, stop, known)
            given = stop
