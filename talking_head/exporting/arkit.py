"""ARKit values of a motion, and the motion of ARKit values, by the maps that `scripts/learn_arkit.py` learned.

A bounded least-squares fit to the blendshapes' own offsets was tried and is worse: many of the 52 shapes nearly cancel
on 478 points, so the fit finds the face but not the values that a tracker, or an animator, would give it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import solveh_banded

from face_model import mp478
from face_model.tracks import AU45_MAX, EXPRESSION_SIZE, FaceMotion, resample
from foundation.errors import InputError
from foundation.files import read_tensors
from foundation.shipped import shipped
from preprocessing.tracking import ARKIT_NAMES
from talking_head.exporting.livelink import ANGLES, NAMES, SHAPES, LiveLinkCurves

LIVE_LINK_FPS = 60.0
CUTOFF_HZ = 8.0  # half of a curve's swing is left here; lips and lids move more slowly, tremble is faster
EYE_PITCH, EYE_YAW = 0.6, 0.5  # radians at a full look down and aside, measured in recordings of the app
MIRROR = np.array([1.0, -1.0, -1.0])  # pitch, yaw, roll of `docs/conventions.md` to Live Link's and back
TO_LIVE_LINK = [[name.lower() for name in ARKIT_NAMES].index(name.lower()) for name in SHAPES]
HEAD = [NAMES.index(name) for name in ("HeadPitch", "HeadYaw", "HeadRoll")]


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


def arkit_values(motion: FaceMotion, fps: float | None = None, cutoff_hz: float | None = CUTOFF_HZ) -> np.ndarray:
    """ARKit values `[T, 52]` 0-1, in the order of `ARKIT_NAMES`, at `fps` (None: the motion's own).

    cutoff_hz: tremble faster than this is taken away; None: none is.

    Raises:
        InputError: the motion is not of `mp478`.
    """
    if motion.face_model != mp478.ID:
        raise InputError(f"a motion of face model '{motion.face_model}'", mp478.ID, "track or synthesise it again")
    known = maps()
    face = np.hstack((motion.expression, motion.blink[:, None] / AU45_MAX)).astype(np.float64)
    values, rate = face @ known.to_arkit + known.rest, motion.fps
    if fps is not None:
        values, rate = resample(values, motion.fps, fps, max(1, round(motion.duration_s * fps))), fps
    return np.clip(values if cutoff_hz is None else smooth(values, rate, cutoff_hz), 0.0, 1.0)


def smooth(values: np.ndarray, fps: float, cutoff_hz: float) -> np.ndarray:
    """Curves `[T, K]` that stay close to `values` and bend little (Whittaker 1923): the least squares of both, which
    delays nothing and halves what swings `cutoff_hz` times a second.
    """
    count = len(values)
    if count < 3 or cutoff_hz >= fps / 2:
        return values
    strength = (2 * np.sin(np.pi * cutoff_hz / fps)) ** -4
    bands = np.zeros((3, count))  # the upper diagonals of 1 + strength D'D, D the second differences
    for offset, stencil in enumerate(((1, 4, 1), (-2, -2), (1,))):
        for shift, weight in enumerate(stencil):
            bands[2 - offset, offset + shift : count - 2 + offset + shift] += strength * weight
    bands[2] += 1
    return solveh_banded(bands, values)


def motion_of_arkit(values: np.ndarray, fps: float, rotation: np.ndarray, translation: np.ndarray) -> FaceMotion:
    """The motion of ARKit values `[T, 52]`; rotation `[T, 3]` rad and translation `[T, 3]` mm as in `FaceMotion`."""
    known = maps()
    face = ((values - known.rest) @ known.from_arkit).astype(np.float32)
    blink = np.clip(face[:, EXPRESSION_SIZE] * AU45_MAX, 0, AU45_MAX)
    turn, place = (np.asarray(part, np.float32) for part in (rotation, translation))
    return FaceMotion(fps, face[:, :EXPRESSION_SIZE], turn, place, blink, mp478.ID)


def live_link_of_motion(motion: FaceMotion, fps: float = LIVE_LINK_FPS, start_s: float = 0.0) -> LiveLinkCurves:
    """A motion as the app would have recorded it. start_s: the first frame's time of the day."""
    values = arkit_values(motion, fps)
    rotation = resample(motion.rotation.astype(np.float64), motion.fps, fps, len(values))
    rows = np.zeros((len(values), len(NAMES)))
    rows[:, : len(SHAPES)] = values[:, TO_LIVE_LINK]
    rows[:, HEAD] = rotation * MIRROR
    curves = LiveLinkCurves(start_s + np.arange(len(values)) / fps, rows)
    for side in ("Left", "Right"):
        look = {way: curves.curve(f"EyeLook{way}{side}") for way in ("Down", "Up", "In", "Out")}
        aside = (look["In"] - look["Out"]) * (1 if side == "Left" else -1)  # positive to the person's own right
        rows[:, NAMES.index(f"{side}EyePitch")] = EYE_PITCH * (look["Down"] - look["Up"])
        rows[:, NAMES.index(f"{side}EyeYaw")] = EYE_YAW * aside
    return curves


def motion_of_live_link(
    curves: LiveLinkCurves, fps: float, rest_rotation: np.ndarray, rest_translation: np.ndarray
) -> FaceMotion:
    """The motion of a recording, evenly spaced at `fps`.

    Live Link has no head position, so the head stays at `rest_translation` `[3]` mm; a recording in which the head's
    angles are all 0 (recorded without them) keeps it at `rest_rotation` `[3]` too.
    """
    even = curves.even(fps)
    rotation = even.values[:, HEAD] * MIRROR
    if not rotation.any():
        rotation = np.tile(rest_rotation, (len(even), 1))
    values = np.zeros((len(even), len(ARKIT_NAMES)))
    values[:, TO_LIVE_LINK] = even.values[:, : len(SHAPES)]
    return motion_of_arkit(values, fps, rotation, np.tile(rest_translation, (len(even), 1)))


assert len(SHAPES) + len(ANGLES) == len(NAMES) == 61
