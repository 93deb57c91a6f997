"""Head motion: how far, how fast, how smoothly, and whether it goes with the speech.

Region: the whole head by its rigid landmarks. Angles in degrees; lengths in interocular distances; frames without a
face are left out.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from evaluation.head_frame import HeadFrame
from evaluation.prosody import beats
from face_model.rotations import geodesic_degrees
from face_model.tracks import Sound

_BEAT_TOLERANCE_S = 0.1  # standard deviation of the reward for a near beat
_BEAT_SMOOTHING_S = 0.08
_SHIFTS = 40  # circular shifts of the sound that say what chance would give


def angles_deg(head: HeadFrame) -> np.ndarray:
    """`[T, 3]` pitch, yaw, roll in degrees, NaN without a face."""
    return np.where(head.valid[:, None], np.rad2deg(head.rotation), np.nan)


def speed_deg_s(head: HeadFrame) -> np.ndarray:
    """`[T]`: angle turned since the frame before, in degrees a second; NaN for the first frame and beside frames
    without a face.
    """
    speed = np.full(len(head), np.nan)
    speed[1:] = geodesic_degrees(head.rotation[:-1], head.rotation[1:]) * head.fps
    speed[1:][~(head.valid[1:] & head.valid[:-1])] = np.nan
    return speed


def pose_spread_deg(head: HeadFrame) -> float:
    """How far the head turns about. Target: the person's own; degrees, 0 and up.

    Definition: standard deviation of pitch, yaw and roll, mean of the three. Source: head-motion diversity (e.g.
    SadTalker, Zhang et al. 2023). Cannot see: whether the motion fits the speech, speed (a slow drift and lively nods
    may spread alike).
    """
    return _mean(np.nanstd(angles_deg(head), axis=0)) if head.valid.any() else float("nan")


def pose_speed_deg_s(head: HeadFrame) -> float:
    """How fast the head turns. Target: the person's own; degrees a second, 0 and up.

    Definition: mean geodesic angle between neighbouring frames times the frame rate. Cannot see: direction, and it
    counts tracker noise.
    """
    return _mean(speed_deg_s(head))


def pose_jitter_deg(head: HeadFrame) -> float:
    """Trembling of the head's angles. Target: the person's own (lower is calmer); degrees, 0 and up.

    Definition: root mean square of the second difference of pitch, yaw and roll. Source: ours. Cannot see: slow faults;
    depends on the frame rate, so compare at one rate.
    """
    return _rms(np.diff(angles_deg(head), n=2, axis=0))


def position_jitter(head: HeadFrame) -> float:
    """Trembling of the head's place in the picture. Target: the person's own; interocular distances, 0 and up.

    Definition: root mean square of the second difference of the head's position. Source: ours. Cannot see: slow drift.
    """
    return _rms(np.diff(np.where(head.valid[:, None], head.position, np.nan), n=2, axis=0))


def rotation_error_deg(generated: HeadFrame, reference: HeadFrame) -> float:
    """How far the head's rotation is from the truth's (or the driving motion's). Lower is better; degrees, 0-180.

    Definition: median over frames of the geodesic angle. Means something only where the head was told to follow: own-
    motion reconstruction, closed loop. Cannot see: position.
    """
    count = min(len(generated), len(reference))
    both = generated.valid[:count] & reference.valid[:count]
    if not both.any():
        return float("nan")
    return float(np.median(geodesic_degrees(generated.rotation[:count][both], reference.rotation[:count][both])))


def motion_beats_s(head: HeadFrame) -> np.ndarray:
    """Times in seconds of the head's beats: local minima of smoothed angular speed that stand out (a nod's turning
    points).
    """
    speed = speed_deg_s(head)
    if np.isfinite(speed).sum() < 3:
        return np.zeros(0)
    speed = np.interp(np.arange(len(speed)), np.flatnonzero(np.isfinite(speed)), speed[np.isfinite(speed)])
    smooth = gaussian_filter1d(speed, _BEAT_SMOOTHING_S * head.fps)
    return find_peaks(-smooth, prominence=0.25 * smooth.std() + 1e-9)[0] / head.fps


def beat_alignment(head: HeadFrame, sound: Sound) -> float:
    """Whether the head moves on the beats of speech more than chance would have it. Higher is better; 0 is chance, no
    unit.

    Definition: mean over head beats of exp(-d^2 / 2 sigma^2), d the distance to the nearest beat of prosody (peaks of
    loudness and of pitch), sigma 0.1 s; then as a z-score against the same with the sound shifted circularly by 40 even
    steps. Source: beat alignment of Li et al. 2021 (dance), used for heads by e.g. SadTalker; the z-score is ours,
    since dense beats score high by chance. Cannot see: the size of the motion; clips under about 20 s hold too few
    beats to tell. NaN without beats.
    """
    moves, accents = motion_beats_s(head), beats(sound, head.fps, len(head))
    if len(moves) < 2 or len(accents) < 2:
        return float("nan")
    duration_s = len(head) / head.fps
    own = _beat_score(moves, accents, duration_s)
    chance = [
        _beat_score(moves, (accents + k * duration_s / (_SHIFTS + 1)) % duration_s, duration_s)
        for k in range(1, _SHIFTS + 1)
    ]
    spread = float(np.std(chance))
    return float((own - np.mean(chance)) / spread) if spread > 0 else float("nan")


def _beat_score(moves_s: np.ndarray, accents_s: np.ndarray, duration_s: float) -> float:
    distance = np.abs(moves_s[:, None] - accents_s[None])
    nearest = np.minimum(distance, duration_s - distance).min(1)
    return float(np.exp(-(nearest**2) / (2 * _BEAT_TOLERANCE_S**2)).mean())


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(values**2))) if np.isfinite(values).any() else float("nan")
