"""ARKit values of a motion as a Live Link Face recording, and the motion of such a recording.

A closed eye is 0.95 to the app and 0.58 to the Face Landmarker, whose values we learn from; an open one is 0 and 0.09.
So lids change their scale on the way out and back. The other values are taken as they are.
"""

from __future__ import annotations

import numpy as np

from face_model.arkit import ARKIT_NAMES, CLOSED_LID, LIDS, OPEN_LID, motion_of_values, values_of_motion
from face_model.tracks import FaceMotion, resample
from motion_models.arkit.filters import whittaker
from talking_head.formats.livelink import ANGLES, NAMES, SHAPES, LiveLinkCurves

LIVE_LINK_FPS = 60.0
CUTOFF_HZ = 8.0  # half of a curve's swing is left here; lips and lids move more slowly, tremble is faster
EYE_PITCH, EYE_YAW = 0.6, 0.5  # radians at a full look down and aside, measured in recordings of the app
MIRROR = np.array([1.0, -1.0, -1.0])  # pitch, yaw, roll of `docs/conventions.md` to Live Link's and back
TO_LIVE_LINK = [[name.lower() for name in ARKIT_NAMES].index(name.lower()) for name in SHAPES]
HEAD = [NAMES.index(name) for name in ("HeadPitch", "HeadYaw", "HeadRoll")]


def arkit_values(motion: FaceMotion, fps: float | None = None, cutoff_hz: float | None = CUTOFF_HZ) -> np.ndarray:
    """ARKit values `[T, 52]` 0-1, in the order of `ARKIT_NAMES`, at `fps` (None: the motion's own).

    cutoff_hz: tremble faster than this is taken away; None: none is.

    Raises:
        InputError: the motion is not of `mp478`.
    """
    values, rate = values_of_motion(motion), motion.fps
    if fps is not None:
        values, rate = resample(values, motion.fps, fps, max(1, round(motion.duration_s * fps))), fps
    return np.clip(values if cutoff_hz is None else whittaker(values, rate, cutoff_hz), 0.0, 1.0)


def live_link_of_motion(motion: FaceMotion, fps: float = LIVE_LINK_FPS, start_s: float = 0.0) -> LiveLinkCurves:
    """A motion as the app would have recorded it. start_s: the first frame's time of the day."""
    values = arkit_values(motion, fps)
    rotation = resample(motion.rotation.astype(np.float64), motion.fps, fps, len(values))
    return live_link_of_values(values, rotation, fps, start_s)


def live_link_of_values(values: np.ndarray, rotation: np.ndarray, fps: float, start_s: float = 0.0) -> LiveLinkCurves:
    """ARKit values `[T, 52]` and a head's rotation `[T, 3]` (rad, as in `FaceMotion`) as the app records them.

    The eyes' angles follow from the values that say where they look.
    """
    rows = np.zeros((len(values), len(NAMES)))
    rows[:, : len(SHAPES)] = values_as_app(values)[:, TO_LIVE_LINK]
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
    values = values_of_live_link(even)
    return motion_of_values(values, fps, rotation, np.tile(rest_translation, (len(even), 1)))


def values_of_live_link(curves: LiveLinkCurves) -> np.ndarray:
    """The recording's ARKit values `[T, 52]` in the order of `ARKIT_NAMES`, lids in the Face Landmarker's scale."""
    values = np.zeros((len(curves), len(ARKIT_NAMES)))
    values[:, TO_LIVE_LINK] = curves.values[:, : len(SHAPES)]
    return values_of_app(values)


def values_as_app(values: np.ndarray) -> np.ndarray:
    """ARKit values `[T, 52]` with lids in the app's scale: 0 open, 1 closed."""
    recorded = values.copy()
    recorded[:, LIDS] = np.clip((values[:, LIDS] - OPEN_LID) / (CLOSED_LID - OPEN_LID), 0, 1)
    return recorded


def values_of_app(recorded: np.ndarray) -> np.ndarray:
    """ARKit values `[T, 52]` with lids in the Face Landmarker's scale, of those in the app's."""
    values = recorded.copy()
    values[:, LIDS] = OPEN_LID + (CLOSED_LID - OPEN_LID) * recorded[:, LIDS]
    return values


assert len(SHAPES) + len(ANGLES) == len(NAMES) == 61
