"""The eight emotions and three intensities (of MEAD, Wang et al. 2020), and what the network is told of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foundation.errors import InputError
from motion_models.directions import AskedEmotion

NEUTRAL = "neutral"
KINDS = (NEUTRAL, "happy", "sad", "surprised", "fear", "disgusted", "angry", "contempt")
LEVELS = (1 / 3, 2 / 3, 1.0)  # the three recorded intensities, as shares of the strongest
CODE_SIZE = len(KINDS) + len(LEVELS)
CONDITIONS: tuple[tuple[str, float], ...] = (
    (NEUTRAL, 0.0), *((kind, level) for kind in KINDS[1:] for level in LEVELS)
)  # fmt: skip
"""Every kind at every intensity: 22, for neutral has but one."""


def emotion_code(kind: str, intensity: float) -> np.ndarray:
    """What stands for an emotion `[11]`: eight kinds, then three intensities, one-hot at the recorded intensities.

    Between two intensities both have a share; below the weakest, kind and intensity fade into neutral.

    Raises:
        InputError: an unknown kind.
    """
    if kind not in KINDS:
        raise InputError(f"emotion '{kind}'", f"one of {', '.join(KINDS)}")
    code = np.zeros(CODE_SIZE, np.float32)
    amount = 0.0 if kind == NEUTRAL else min(1.0, intensity / LEVELS[0])
    code[0] += 1.0 - amount
    code[KINDS.index(kind)] += amount
    for index in range(len(LEVELS)):
        one = np.eye(len(LEVELS))[index]
        code[len(KINDS) + index] = amount * np.interp(intensity, LEVELS, one)
    return code


def codes_over_time(asked: Sequence[AskedEmotion], times_s: np.ndarray) -> np.ndarray:
    """Codes `[T, 11]` at times `[T]`: blended linearly from each emotion to the next, held before and after.

    Raises:
        InputError: an unknown kind.
    """
    keys = np.stack([emotion_code(one.name, one.intensity) for one in asked])
    at = [one.time_s for one in asked]
    return np.stack([np.interp(times_s, at, column) for column in keys.T], axis=1).astype(np.float32)
