"""ARKit's 52 face values and `mp478` expression: the maps that `scripts/learn_arkit.py` learned, both ways.

A bounded least-squares fit to the blendshapes' own offsets was tried and is worse: many of the 52 shapes nearly cancel
on 478 points, so the fit finds the face but not the values that a tracker, or an animator, would give it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from face_model import mp478
from face_model.tracks import AU45_MAX, EXPRESSION_SIZE, FaceMotion
from foundation.errors import InputError
from foundation.files import read_tensors
from foundation.shipped import shipped

# The 52 blendshapes of ARKit, in alphabetical order. The Face Landmarker gives all but `tongueOut`, which stays 0
# (and a `_neutral` that says nothing and is dropped).
ARKIT_NAMES = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)
LIDS = slice(ARKIT_NAMES.index("eyeBlinkLeft"), ARKIT_NAMES.index("eyeBlinkRight") + 1)
# The Face Landmarker's eyeBlink of an open eye, and of one whose AU45 is 5: medians over 19 tracked clips.
OPEN_LID, CLOSED_LID = 0.09, 0.58


@dataclass(frozen=True)
class ArkitMaps:
    """to_arkit: `[65, 52]`. from_arkit: `[52, 65]`. rest: `[52]`, the values of the model at rest. The 65 are
    expression and lid closing 0-1; the 52 are in the order of `ARKIT_NAMES`.
    """

    to_arkit: np.ndarray
    from_arkit: np.ndarray
    rest: np.ndarray


@lru_cache(maxsize=1)
def maps() -> ArkitMaps:
    """The shipped maps.

    Raises:
        InputError: the installation lacks them or they are damaged.
    """
    arrays, _ = read_tensors(shipped("mp478/arkit.safetensors"))
    return ArkitMaps(**{name: value.astype(np.float64) for name, value in arrays.items()})


def values_of_motion(motion: FaceMotion) -> np.ndarray:
    """ARKit values `[T, 52]` of a motion at its own rate: as the map gives them, so some lie outside of 0-1.

    Raises:
        InputError: the motion is not of `mp478`.
    """
    if motion.face_model != mp478.ID:
        raise InputError(f"a motion of face model '{motion.face_model}'", mp478.ID, "track or synthesise it again")
    known = maps()
    face = np.hstack((motion.expression, motion.blink[:, None] / AU45_MAX)).astype(np.float64)
    return with_lids(face @ known.to_arkit + known.rest, motion.blink)


def with_lids(values: np.ndarray, blink: np.ndarray) -> np.ndarray:
    """The same values `[T, 52]` with lids at least as closed as AU45 `[T]` 0-5 says.

    The map shares a blink between lids and expression, as tracked faces do; a motion whose blinks were made apart from
    its expression would hardly close its eyes by it.
    """
    lids = OPEN_LID + (CLOSED_LID - OPEN_LID) * np.asarray(blink, np.float64)[:, None] / AU45_MAX
    out = values.copy()
    out[:, LIDS] = np.maximum(values[:, LIDS], lids)
    return out


def motion_of_values(values: np.ndarray, fps: float, rotation: np.ndarray, translation: np.ndarray) -> FaceMotion:
    """The motion of ARKit values `[T, 52]`; rotation `[T, 3]` rad and translation `[T, 3]` mm as in `FaceMotion`."""
    known = maps()
    face = ((values - known.rest) @ known.from_arkit).astype(np.float32)
    blink = np.clip(face[:, EXPRESSION_SIZE] * AU45_MAX, 0, AU45_MAX)
    turn, place = (np.asarray(part, np.float32) for part in (rotation, translation))
    return FaceMotion(fps, face[:, :EXPRESSION_SIZE], turn, place, blink, mp478.ID)
