"""Sound against lips: when, and how well they go together. The estimator is `preprocessing.sync`.

Region: inner lip. Needs no truth and no network. Cannot see: which phone is shown; a mouth that flaps with loudness
scores well.
"""

from __future__ import annotations

import numpy as np

from face_model.tracks import Sound
from preprocessing.sync import SyncEstimate, estimate_offset
from preprocessing.tracking import LandmarkTrack

_LEAST_CONFIDENCE = 0.2  # below it an offset is a guess


def estimate(landmarks_px: np.ndarray, valid: np.ndarray, fps: float, sound: Sound) -> SyncEstimate:
    """Offset, confidence and correlation of lips `[T, 478, 3]` and sound at 16 kHz."""
    nothing = np.zeros(len(valid), np.float32)
    track = LandmarkTrack(
        fps=fps,
        width_px=0,
        height_px=0,
        landmarks_px=landmarks_px,
        arkit=np.zeros((len(valid), 0), np.float32),
        confidence=nothing,
        valid=valid,
        faces_seen=valid.astype(np.int32),
        rival=nothing,
    )
    return estimate_offset(track, sound)


def offset_s(found: SyncEstimate) -> float:
    """How late the sound is, in seconds; negative, early. Target 0; people notice about 0.045 s early or 0.125 s late
    (ITU-R BT.1359).

    NaN when lips and sound do not tell (confidence under 0.2): silence, another sound, frozen lips.
    """
    return found.offset_s if found.confidence >= _LEAST_CONFIDENCE else float("nan")


def agreement(found: SyncEstimate) -> float:
    """Correlation of lip opening (and its change) with loudness at the best offset. Higher is better, -1 to 1; real
    video about 0.3-0.6.
    """
    return found.correlation
