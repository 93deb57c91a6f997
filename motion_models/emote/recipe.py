"""Neutral speech footage made emotional, so that content and emotion are both known.

For a kind and an intensity s (1/3, 2/3 or 1) of the 22 in `emotions.CONDITIONS`:

1. Articulation: the face moves `1 + s * gain` times as far from its lips at rest; see `ARTICULATION`.
2. Action units: the prototype's units (`action_units.EMOTIONS`) are added at strength s, each varied between takes and
   swaying slowly over time, for no actor holds a face still.
3. Speech wins: units that part the lips are scaled by how far speech has opened them (0 where they are closed), so a
   /p/ still closes.

What it lacks: an actor's voice changes too, lids and head do not take part, and every actor here has one face for an
emotion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from face_model.tracks import MOTION_FPS
from motion_models.emote.action_units import SIDE_OF, strengths
from motion_models.emote.config import Recipe
from motion_models.emote.emotions import CONDITIONS
from motion_models.emote.faces import Face
from motion_models.lips import CLOSED_SHARE, most_closed

ARTICULATION = {
    "neutral": 0.0, "happy": 0.1, "sad": -0.2, "surprised": 0.2, "fear": 0.1, "disgusted": -0.05, "angry": 0.2,
    "contempt": -0.1,
}  # fmt: skip
OPEN_QUANTILE = 0.75  # of the opening: from here on lips count as wholly open


@dataclass(frozen=True)
class Take:
    """A sentence in one emotion. expression: `[T, K]`. still: `[T, K]`, the same face if it were silent."""

    expression: np.ndarray
    still: np.ndarray


def rest_of(face: Face, expression: np.ndarray) -> np.ndarray:
    """Lips at rest `[K]`: the mean over the tenth of the frames `[T, K]` with the smallest opening."""
    return most_closed(expression, expression @ face.gap_mm)


def openness(face: Face, expression: np.ndarray) -> np.ndarray:
    """How far speech has opened the lips `[T]`, 0 closed to 1, among frames `[T, K]` of one clip."""
    gap = expression @ face.gap_mm
    closed, opened = np.quantile(gap, [CLOSED_SHARE, OPEN_QUANTILE])
    return np.clip((gap - closed) / max(opened - closed, 1e-6), 0.0, 1.0)


def emotional_take(
    face: Face, neutral: np.ndarray, rest: np.ndarray, opened: np.ndarray, condition: int, recipe: Recipe,
    generator: np.random.Generator,
) -> Take:
    """A neutral sentence in an emotion.

    Args:
        neutral: `[T, K]`, its expression. rest: `[K]`, lips at rest. opened: `[T]`, see `openness`.
        condition: index in `CONDITIONS`.
        generator: of the take's variation.
    """
    kind, intensity = CONDITIONS[condition]
    gain = 1.0 + intensity * ARTICULATION[kind]
    full = strengths(kind)
    varied = full * (1 + recipe.unit_variation * generator.standard_normal(len(full)))
    noise = generator.standard_normal((len(neutral), len(full)))
    slow = gaussian_filter1d(noise, recipe.sway_s * MOTION_FPS, axis=0, mode="reflect")
    slow *= (2 * np.sqrt(np.pi) * recipe.sway_s * MOTION_FPS) ** 0.5  # back to a deviation of about one
    strength = intensity * varied * (1 + recipe.sway * slow)
    lasting = strength * ~face.parts_lips
    units = face.units[SIDE_OF[kind]]
    added = lasting @ units
    parting = (strength * face.parts_lips * opened[:, None]) @ units
    made = rest + gain * (neutral - rest) + added + parting
    return Take(made.astype(np.float32), (rest + added).astype(np.float32))
