"""Co-articulation by dominance functions: from phone times and sound to lips (after Cohen and Massaro 1993).

Each phone s pulls the face towards its target T_s with a dominance that falls with the distance to it:

    D_s(t) = a_s exp(-(d_s(t) / w_s)^c),        F(t) = sum_s D_s(t) T_s / sum_s D_s(t)

(their equations 1 and 4). d_s(t) is the distance in seconds from t to the phone's core (all but 40 ms or a quarter at
either end), and w_s is `lead_s` before the core (anticipation) and `lag_s` after it (carry-over). So long phones hold
their target, short and weak ones only lean towards it. Targets are whole expressions, one a viseme.

Phones do not tell how wide a mouth opens: stressed and loud syllables open it further (Schulman 1989 measured it in
shouted speech), a careless one barely. So to F comes what the sound x(t) adds, in a straight line: how loud it is in
eight gain-free bands, how fast it gets louder, and how the phone sounds within its class:

    E(t) = rest + gain (1 - R(t)) [ sum_s S_s(t) T_s + (x(t) - m) L ],     S = D / sum D

E is linear in T and L: both are learned from tracked faces in closed form, T drawn towards prototypes where the footage
says little, L towards nothing. R is one in long pauses: between two phrases lips stay about as open as they were.
Widths of D, and what x has in it, were chosen on tracked speakers left out among those who are taught.

Lips that must meet do, and lips that have met go no further: see `close_lips`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from face_model.arkit import ARKIT_NAMES, maps
from face_model.tracks import EXPRESSION_SIZE
from foundation.easing import smoothstep
from motion_models.lips import above_rest
from preprocessing.speech.phonetic.inventory import VISEME_NAMES

Segment = tuple[float, float, int]
"""(start_s, end_s, viseme)."""
EXPONENT = 1.0  # c: pointed dominance, as Cohen and Massaro use it
EDGE_SHARE, EDGE_S = 0.25, 0.04
STRENGTH = 10.0
LONG_PAUSE_S, REST_S = 0.8, 0.3
"""Silence from which lips come to rest, and how long they take: in a shorter one people keep them open."""
LIP_LEAD_S = 0.03
"""Lips are this much ahead of the sound that they shape; best of 0-40 ms on tracked sentences."""


@dataclass(frozen=True)
class Dominance:
    """strength: a, against other phones. lead_s, lag_s: w before and after the core."""

    strength: float
    lead_s: float = 0.035
    lag_s: float = 0.03


# Lips that meet or round win over their neighbours; the tongue's consonants leave the lips to the vowels around them.
DOMINANCE: dict[str, Dominance] = {
    "silence": Dominance(2.0, 0.05, 0.035),
    "lips_closed": Dominance(5.0, 0.03, 0.025),
    "lip_teeth": Dominance(3.0, 0.035, 0.03),
    "tongue_tip": Dominance(0.5, 0.03, 0.03),
    "hiss": Dominance(1.0),
    "hush": Dominance(2.0, 0.055, 0.04),
    "back": Dominance(0.4, 0.03, 0.03),
    "rhotic": Dominance(0.8, 0.05, 0.035),
    "round_close": Dominance(1.6, 0.065, 0.05),
    "round_mid": Dominance(1.3, 0.06, 0.05),
    "open": Dominance(1.2, 0.05, 0.04),
    "mid": Dominance(0.8, 0.04, 0.035),
    "spread": Dominance(0.9, 0.04, 0.035),
}
CLOSED = VISEME_NAMES.index("lips_closed")
PROTOTYPES: dict[str, dict[str, float]] = {
    "silence": {},
    "lips_closed": {"mouthPressLeft": 0.3, "mouthPressRight": 0.3},
    "lip_teeth": {"mouthRollLower": 0.4, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2, "jawOpen": 0.03},
    "tongue_tip": {"jawOpen": 0.10, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2},
    "hiss": {"jawOpen": 0.04, "mouthStretchLeft": 0.2, "mouthStretchRight": 0.2,
             "mouthLowerDownLeft": 0.3, "mouthLowerDownRight": 0.3},
    "hush": {"jawOpen": 0.06, "mouthFunnel": 0.4, "mouthPucker": 0.2},
    "back": {"jawOpen": 0.14, "mouthLowerDownLeft": 0.15, "mouthLowerDownRight": 0.15},
    "rhotic": {"jawOpen": 0.10, "mouthFunnel": 0.25, "mouthPucker": 0.15},
    "round_close": {"jawOpen": 0.05, "mouthPucker": 0.6, "mouthFunnel": 0.2},
    "round_mid": {"jawOpen": 0.18, "mouthFunnel": 0.4, "mouthPucker": 0.2},
    "open": {"jawOpen": 0.35, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2},
    "mid": {"jawOpen": 0.20, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2},
    "spread": {"jawOpen": 0.08, "mouthStretchLeft": 0.2, "mouthStretchRight": 0.2, "mouthSmileLeft": 0.1,
               "mouthSmileRight": 0.1, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2},
}  # fmt: skip
"""Viseme -> ARKit values above those of a face at rest."""


def segments_of(phones: np.ndarray, rate_hz: float, visemes: Sequence[int]) -> list[Segment]:
    """Runs of one viseme in phone indices `[T]`; `visemes` gives each phone's. Unknown phones (negative or beyond) are
    left out: their neighbours reach into them.
    """
    known = np.array([visemes[p] if 0 <= p < len(visemes) else -1 for p in phones])
    cuts = [0, *(np.flatnonzero(np.diff(known)) + 1), len(known)]
    runs = zip(cuts[:-1], cuts[1:], strict=True)
    return [(start / rate_hz, end / rate_hz, int(known[start])) for start, end in runs if known[start] >= 0]


def dominances(segments: Sequence[Segment], times_s: np.ndarray) -> np.ndarray:
    """Each viseme's share `[T, 13]` in the face at some instants; rows sum to 1. No segment at all is silence."""
    total = np.full((len(times_s), len(VISEME_NAMES)), 1e-9)
    total[:, 0] = 1e-8
    times_s = times_s + LIP_LEAD_S
    for start_s, end_s, viseme in segments:
        shape = DOMINANCE[VISEME_NAMES[viseme]]
        margin = min(EDGE_SHARE * (end_s - start_s), EDGE_S)
        before, after = start_s + margin - times_s, times_s - (end_s - margin)
        away = np.maximum(before, 0) / shape.lead_s + np.maximum(after, 0) / shape.lag_s
        total[:, viseme] += shape.strength * np.exp(-(away**EXPONENT))
    return total / total.sum(axis=1, keepdims=True)


def prototypes() -> np.ndarray:
    """Expression `[13, 64]` of each viseme above a face at rest, from `PROTOTYPES`."""
    values = np.zeros((len(VISEME_NAMES), len(ARKIT_NAMES)))
    for row, name in enumerate(VISEME_NAMES):
        for shape, value in PROTOTYPES[name].items():
            values[row, ARKIT_NAMES.index(shape)] = value
    return values @ maps().from_arkit[:, :EXPRESSION_SIZE]


def learn_targets(
    shares: np.ndarray, sound: np.ndarray, expression: np.ndarray, strength: float = STRENGTH
) -> tuple[np.ndarray, np.ndarray]:
    """Targets `[13, 64]` and what sound adds `[X, 64]`, together closest to expressions `[T, 64]` above rest.

    Args:
        shares: `[T, 13]`, see `dominances`. sound: `[T, X]`, above its mean.
        strength: how many frames the prototypes count for, and sound that moves nothing.
    """
    rows = np.concatenate([shares, sound], axis=1)
    expected = np.concatenate([prototypes(), np.zeros((sound.shape[1], expression.shape[1]))])
    gram = rows.T @ rows + strength * np.eye(rows.shape[1])
    found = np.linalg.solve(gram, rows.T @ expression + strength * expected)
    return found[: shares.shape[1]], found[shares.shape[1] :]


def resting(segments: Sequence[Segment], times_s: np.ndarray) -> np.ndarray:
    """How far lips have come to rest `[T]`, 0-1: in the inside of every long pause."""
    rests = np.zeros(len(times_s))
    for start_s, end_s, viseme in segments:
        if VISEME_NAMES[viseme] == "silence" and end_s - start_s >= LONG_PAUSE_S:
            since = times_s - start_s if start_s > times_s[0] else np.full(len(times_s), REST_S)
            until = end_s - times_s if end_s < times_s[-1] else np.full(len(times_s), REST_S)
            inside = (times_s >= start_s) & (times_s <= end_s)
            near = np.clip(np.minimum(since, until) / REST_S, 0, 1) * inside
            rests = np.maximum(rests, smoothstep(near))
    return rests


def close_lips(
    expression: np.ndarray, segments: Sequence[Segment], times_s: np.ndarray, rest: np.ndarray
) -> np.ndarray:
    """Expressions `[T, 64]` whose lips meet, as at rest `[64]`, in the core of every bilabial, and never pass through
    each other.

    What is missing is taken from the opening along the smallest change of expression that closes the lips evenly.
    """
    times_s = times_s + LIP_LEAD_S
    meets = np.zeros(len(times_s))
    for start_s, end_s, viseme in segments:
        if viseme == CLOSED:
            # A short one still gets two frames at 30 a second.
            middle, half = (start_s + end_s) / 2, max((0.5 - EDGE_SHARE) * (end_s - start_s), 0.034)
            away = np.clip((np.abs(times_s - middle) - half) / 0.05, 0, 1)
            meets = np.maximum(meets, 1 - smoothstep(away))
    opening, direction = above_rest(expression, rest)
    return expression + ((1 - meets) * np.maximum(opening, 0.0) - opening)[:, None] * direction
