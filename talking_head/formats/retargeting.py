"""Somebody else's motion on a person: brought into what the person's face was seen to do, and what that took away.

A face that is painted from footage falls apart where it never was: edges at brows and nose, doubled lids. Both people's
statistics tell how far to go: each coefficient of the recording, about the person's lips at rest, is scaled so that
nearly all of it lies in the person's range, and what still lies beyond is bent softly to the range's end. A motion that
lies in the person's range, such as their own, exported and edited, is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from face_model import mp478
from face_model.arkit import ARKIT_NAMES, values_of_motion
from face_model.tracks import EXPRESSION, FaceMotion

FREE, MOST = 3.0, 4.0  # deviations of the person: up to which nothing changes, and beyond which nothing goes
FOREIGN_SHARE = 0.02  # of the coefficients beyond `FREE`, from which a motion is somebody else's; one's own has 0.003
USUAL, USUAL_SHARE = 2.5, 0.95  # deviations of the person that this share of a recording is scaled into
LEAST = 0.5  # the least deviation of a coefficient, of which people in general have 1
LEAST_TURN_RAD = 0.05  # a deviation of the head below this is taken for this
ASKED, SHOWN = 0.25, 0.7  # an ARKit value that is asked for, and the share of it below which less is shown


@dataclass(frozen=True)
class RetargetedMotion:
    """A motion in a person's range. note: what was taken away, for people; empty where nothing was."""

    motion: FaceMotion
    note: str = ""


def is_foreign(motion: FaceMotion, mean: np.ndarray, deviation: np.ndarray) -> bool:
    """Whether a motion goes where a person with this mean and deviation `[71]` never was."""
    if motion.face_model != mp478.ID:
        return False
    beyond = np.abs(motion.expression - mean[EXPRESSION]) > FREE * _known(deviation[EXPRESSION])
    return bool(beyond.mean() > FOREIGN_SHARE)


def retargeted(motion: FaceMotion, mean: np.ndarray, deviation: np.ndarray, rest: np.ndarray) -> RetargetedMotion:
    """A motion of `mp478` as a person shows it.

    Args:
        mean, deviation: `[71]` of the person's own motion. rest: `[64]`, their expression with the lips at rest.
    """
    if not is_foreign(motion, mean, deviation):
        return RetargetedMotion(motion)
    spread = _known(deviation[EXPRESSION])
    swing = motion.expression - rest
    usual = np.quantile(np.abs(swing), USUAL_SHARE, axis=0)
    gain = np.minimum(1.0, USUAL * spread / np.maximum(usual, 1e-6))
    shown = bent(rest + gain * swing, mean[EXPRESSION], spread)
    turn = np.maximum(deviation[:3], LEAST_TURN_RAD)
    made = replace(
        motion, expression=shown.astype(np.float32), rotation=bent(motion.rotation, mean[:3], turn).astype(np.float32)
    )
    return RetargetedMotion(made, _note(values_of_motion(motion), values_of_motion(made)))


def bent(values: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Values within `FREE` deviations of the mean as they are, and those beyond bent so that none reaches `MOST`."""
    distance = (values - mean) / deviation
    beyond = np.maximum(np.abs(distance) - FREE, 0.0)
    room = MOST - FREE
    return mean + deviation * np.sign(distance) * (np.minimum(np.abs(distance), FREE) + room * np.tanh(beyond / room))


def _known(deviation: np.ndarray) -> np.ndarray:
    """Deviations `[64]`, none smaller than `LEAST`: seconds of footage do not show all that a face does."""
    return np.maximum(deviation, LEAST)


def _note(asked: np.ndarray, shown: np.ndarray) -> str:
    """Which ARKit values are shown to what share of what was asked, the least first."""
    wanted, left = np.percentile(asked, 99, axis=0), np.percentile(shown, 99, axis=0)
    shares = {
        name: max(0.0, float(have / want))
        for name, want, have in zip(ARKIT_NAMES, wanted, left, strict=True) if want > ASKED and have < SHOWN * want
    }  # fmt: skip
    told = [f"{name} to {share:.0%}" for name, share in sorted(shares.items(), key=lambda item: item[1])]
    return f"brought into the person's range: {', '.join(told)}" if told else "brought into the person's range"


def not_shown(asked: np.ndarray, path: Path) -> str:
    """Which ARKit values `[T, 52]` of a recording the face model cannot show, for people; empty where it shows all."""
    from face_model.arkit import motion_of_values

    rest = np.zeros((len(asked), 3))
    shown = values_of_motion(motion_of_values(asked, 30.0, rest, rest))
    wanted, left = np.percentile(asked, 99, axis=0), np.percentile(shown, 99, axis=0)
    lost = [n for n, want, have in zip(ARKIT_NAMES, wanted, left, strict=True) if want > ASKED and have < 0.3 * want]
    return f"{path.name}: the face model cannot show {', '.join(lost)}" if lost else ""
