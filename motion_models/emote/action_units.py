"""Facial action units (FACS, Ekman & Friesen 1978) as movements of a few points of `mp478`, and emotions made of them.

A unit tells where points of the person's right half go when it is at full strength, in mm: outwards (away from the
middle), up, forward. The left half mirrors it. Points listed with zeros are held. Between the points a movement fades
by a Gaussian of the unit's reach. The emotions are the prototypes of EMFACS (Friesen & Ekman 1983); contempt is
one-sided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from face_model import mp478
from face_model.correspondence import FACE_POINTS
from motion_models.emote.emotions import KINDS

Move = tuple[float, float, float]
STILL: Move = (0.0, 0.0, 0.0)
STIFFNESS = 0.05  # of the interpolation: neighbours that contradict each other meet half way
SIDE_SOFTNESS_MM = 3.0  # over which a one-sided unit fades across the middle
RIGHT, BOTH = "right", "both"


@dataclass(frozen=True)
class ActionUnit:
    """moves: point of `mp478` -> (outwards, up, forward) in mm. reach_mm: deviation of the Gaussian. parts_lips: true
    for units that open the mouth; they give way where speech closes it.
    """

    moves: dict[int, Move]
    reach_mm: float
    parts_lips: bool = False


_LIDS = {33: STILL, 133: STILL}
_MOUTH_HELD = {13: STILL, 14: STILL, 0: STILL, 17: STILL, 1: STILL, 152: STILL}

ACTION_UNITS: dict[str, ActionUnit] = {
    "AU1 inner brow raiser": ActionUnit({
        107: (0, 5, 0), 55: (0, 5, 0), 66: (0, 3.5, 0), 65: (0, 3.5, 0), 9: (0, 2, 0), 70: STILL, 46: STILL, **_LIDS,
        6: STILL,
    }, 11.0),
    "AU2 outer brow raiser": ActionUnit({
        70: (0, 5, 0), 63: (0, 5, 0), 105: (0, 4, 0), 46: (0, 5, 0), 53: (0, 5, 0), 52: (0, 4, 0), 107: STILL,
        55: STILL, **_LIDS,
    }, 11.0),
    "AU4 brow lowerer": ActionUnit({
        107: (-2.5, -4, 0), 55: (-2.5, -4, 0), 66: (-1.5, -3, 0), 65: (-1.5, -3, 0), 105: (-1, -2, 0), 52: (-1, -2, 0),
        70: STILL, **_LIDS,
    }, 11.0),
    "AU6 cheek raiser, AU7 lid tightener": ActionUnit({
        145: (0, 1.5, 0), 144: (0, 1.3, 0), 153: (0, 1.2, 0), 159: (0, -0.7, 0), 118: (0, 2.5, 1), 50: (0, 2.5, 1),
        101: (0, 2, 1), 61: STILL, 152: STILL, **_LIDS,
    }, 9.0),
    "AU9 nose wrinkler": ActionUnit({
        48: (0, 3, 0), 64: (0, 3, 0), 98: (0, 2.5, 0), 129: (0.5, 3, 0), 102: (0, 3, 0), 55: (-1, -2, 0),
        1: (0, 1, 0), 61: STILL, 13: STILL, 14: STILL, 37: STILL, 0: STILL, 145: STILL,
    }, 10.0),
    "AU10 upper lip raiser": ActionUnit({
        37: (0, 3, 0), 0: (0, 2.5, 0), 39: (0, 3, 0), 13: (0, 2.5, 0), 81: (0, 2.8, 0), 98: (0, 1, 0), 61: STILL,
        14: STILL, 17: STILL, 1: STILL,
    }, 8.0, parts_lips=True),
    "AU12 lip corner puller": ActionUnit({
        61: (5, 5, -2), 78: (5, 5, -2), 185: (4, 4, -1.5), 146: (4, 4, -1.5), 40: (2.5, 2.2, -1), 91: (2.5, 2.2, -1),
        205: (2, 3, 1), 50: (0, 1.5, 1), **_MOUTH_HELD,
    }, 10.0),
    "AU14 dimpler": ActionUnit({
        61: (3, 0.5, -2), 78: (3, 0.5, -2), 185: (2, 0.3, -1), 146: (2, 0.3, -1), **_MOUTH_HELD,
    }, 9.0),
    "AU15 lip corner depressor": ActionUnit({
        61: (0, -5, -1), 78: (0, -5, -1), 185: (0, -3.5, 0), 146: (0, -3.5, 0), 40: (0, -1.5, 0), 91: (0, -1.5, 0),
        50: STILL, **_MOUTH_HELD, 17: (0, 1, 0),
    }, 9.0),
    "AU20 lip stretcher": ActionUnit({
        61: (6, -1, -2), 78: (6, -1, -2), 185: (4, -0.5, -1), 146: (4, -1, -1), 50: STILL, **_MOUTH_HELD,
        17: (0, -1, 0),
    }, 10.0),
    "AU23 lip tightener": ActionUnit({
        61: (-3, 0, 0), 78: (-3, 0, 0), 37: (0, -1.5, -1), 84: (0, 1.5, -1), **_MOUTH_HELD, 0: (0, -1.5, -1),
        17: (0, 1.5, -1),
    }, 9.0),
    "AU26 jaw drop": ActionUnit({
        14: (0, -6, 0), 17: (0, -6, 0), 84: (0, -6, 0), 152: (0, -6, -1), 148: (0, -6, -1), 87: (0, -5, 0),
        61: (0, -2, 0), 78: (0, -2, 0), 172: (0, -3, 0), 13: STILL, 0: STILL, 1: STILL,
    }, 14.0, parts_lips=True),
}  # fmt: skip
UNITS = tuple(ACTION_UNITS)

EMOTIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"AU6": 1.0, "AU12": 1.0},
    "sad": {"AU1": 1.6, "AU4": 0.4, "AU15": 1.2},
    "surprised": {"AU1": 1.0, "AU2": 1.0, "AU26": 0.7},
    "fear": {"AU1": 1.0, "AU2": 0.5, "AU4": 0.6, "AU20": 1.0, "AU26": 0.3},
    "disgusted": {"AU9": 1.0, "AU10": 1.0, "AU15": 0.5},
    "angry": {"AU4": 1.6, "AU6": 0.8, "AU23": 0.8},
    "contempt": {"AU12": 0.7, "AU14": 1.0},
}
"""Strength of the units in each emotion at full intensity. AU5 (upper lid) is left out: lids follow AU45 here. Brows of
anger and sadness go beyond their unit, since what else tells those two (knitted brows, folds, lids) no `mp478` shows.
"""
SIDE_OF = {kind: RIGHT if kind == "contempt" else BOTH for kind in KINDS}


def unit_index(short: str) -> int:
    """Row of a unit in `UNITS` by its number: `AU12`."""
    return next(index for index, name in enumerate(UNITS) if name.split()[0] == short)


def strengths(kind: str) -> np.ndarray:
    """Strength of each unit `[A]` in an emotion at full intensity."""
    row = np.zeros(len(UNITS), np.float32)
    for short, strength in EMOTIONS[kind].items():
        row[unit_index(short)] = strength
    return row


def movement_mm(unit: ActionUnit, side: str = BOTH) -> np.ndarray:
    """How a unit at full strength moves the face's points `[468, 3]` of the mean face, x right as seen."""
    model = mp478.load()
    points = model.mean_mm.numpy()[:FACE_POINTS].astype(np.float64)
    mirror = model.index_sets["mirror"].numpy()
    told: dict[int, np.ndarray] = {}
    for point, (outwards, up, forward) in unit.moves.items():
        for index, sign in ((point, -1.0), (int(mirror[point]), 1.0)):
            told[index] = np.array([0.0 if index == mirror[index] else sign * outwards, up, forward])
    known = points[list(told)]

    def near(first: np.ndarray) -> np.ndarray:
        return np.exp(-((first[:, None] - known[None]) ** 2).sum(-1) / (2 * unit.reach_mm**2))

    weights = np.linalg.solve(near(known) + STIFFNESS * np.eye(len(known)), np.stack(list(told.values())))
    moved = near(points) @ weights
    if side == RIGHT:  # the person's right is on the left of the picture
        moved = moved / (1 + np.exp(points[:, :1] / SIDE_SOFTNESS_MM))
    return moved


def told_points(unit: ActionUnit) -> np.ndarray:
    """The points that a unit moves (not those it holds), on the person's right."""
    return np.array([point for point, move in unit.moves.items() if any(move)])
