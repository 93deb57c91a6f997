"""The five geometric measures of THEval (Quignon et al. 2026) and its normalisation against the truth.

Each measure is one number a video; a video is scored by 1 - |model - truth| / truth, clipped at 0, and the scores are
averaged (section "Final score" of the paper: correlates 0.87 with people over 85,000 videos, with three picture-quality
measures beside these five). Curves are taken at 25 fps whatever the video's own rate, since two of the measures count
changes from frame to frame. Deviations from the published code are said where they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from evaluation.head_frame import HeadFrame
from evaluation.metrics.head import angles_deg
from evaluation.mouth import LIPS, lip_opening
from evaluation.prosody import loudness, silences, speech_mask
from face_model.mp478 import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from face_model.tracks import Sound, resample

FPS = 25.0
MEASURES = ("silent_lip_stability", "lip_sync", "lip_dynamics", "head_dynamics", "brow_dynamics")
_MINIMUM_FRAMES = 5


def measure(head: HeadFrame, sound: Sound | None) -> dict[str, float]:
    """The five raw measures of a clip; those that need sound are NaN without it."""
    head = at_rate(head, FPS)
    return {
        "silent_lip_stability": silent_lip_stability(head, sound) if sound is not None else float("nan"),
        "lip_sync": lip_sync(head, sound) if sound is not None else float("nan"),
        "lip_dynamics": lip_dynamics(head),
        "head_dynamics": head_dynamics(head),
        "brow_dynamics": brow_dynamics(head),
    }


def scores(generated: Mapping[str, float], reference: Mapping[str, float]) -> dict[str, float]:
    """Normalised score of each measure, and their mean under `overall`. Higher is better, 0 to 1; NaN where either is
    not measurable.
    """
    single = {name: closeness(generated[name], reference[name]) for name in MEASURES}
    finite = [value for value in single.values() if np.isfinite(value)]
    return single | {"overall": float(np.mean(finite)) if finite else float("nan")}


def closeness(model: float, truth: float) -> float:
    """THEval's normalisation: 1 - |model - truth| / |truth|, not below 0. NaN when either is, or when the truth is 0.
    """
    if not np.isfinite(model) or not np.isfinite(truth) or truth == 0:
        return float("nan")
    return max(0.0, 1.0 - abs(model - truth) / abs(truth))


REASON_BELOW = 0.9
_WHAT_VARIES = {
    "silent_lip_stability": "in silence the lips move", "lip_sync": "lip opening departs from the loudness",
    "lip_dynamics": "the shape of the lips varies", "head_dynamics": "the head moves",
    "brow_dynamics": "the brows move",
}


def reasons(generated: Mapping[str, float], reference: Mapping[str, float]) -> dict[str, str]:
    """Why a measure scores under 0.9, by measure: which way and how far it misses the truth's value."""
    single = scores(generated, reference)
    missed = [name for name in MEASURES if np.isfinite(single[name]) and single[name] < REASON_BELOW]
    return {
        name: f"{_WHAT_VARIES[name]} {generated[name] / reference[name]:.2f} times as much as in the real one "
        f"({generated[name]:.3g} against {reference[name]:.3g})"
        for name in missed
    }


def silent_lip_stability(head: HeadFrame, sound: Sound) -> float:
    """How much the lips tremble while nothing is said. Target: the truth's; interocular distances, 0 and up.

    Definition: median absolute deviation of the lip opening (mean of eight inner-lip pairs) in silences of 300 ms and
    more. Region: inner lip. Deviation: about the median (the code takes the mean); silence by loudness (the code uses
    Silero). Cannot see: lips that hang open but still. NaN with fewer than five silent frames.
    """
    quiet = silences(sound, head.fps, len(head)) & head.valid
    if quiet.sum() < _MINIMUM_FRAMES:
        return float("nan")
    opening = lip_opening(head)[quiet]
    return float(np.median(np.abs(opening - np.median(opening))))


def lip_sync(head: HeadFrame, sound: Sound) -> float:
    """How unlike the lip opening and the loudness run. Target: the truth's; no unit, 0 to 1.

    Definition: mean of |minmax(lip opening) - minmax(loudness)| over speech frames. Region: inner lip. Cannot see:
    consonants, small offsets (the truth itself scores about 0.25), amplitude. NaN when less than a tenth of the clip is
    speech.
    """
    speech = speech_mask(sound, head.fps, len(head)) & head.valid
    if speech.sum() < max(_MINIMUM_FRAMES, 0.1 * len(head)):
        return float("nan")
    level = loudness(sound, head.fps, len(head))
    return float(np.abs(_minmax(lip_opening(head)[speech]) - _minmax(level[speech])).mean())


def lip_dynamics(head: HeadFrame) -> float:
    """How much the shape of the lips varies. Target: the truth's; interocular distances, 0 and up.

    Definition: standard deviation over time of each pairwise distance between the 40 lip points, mean over the pairs.
    Region: lips. Deviation: the code takes the variance and image distances; the paper's name and the head frame are
    kept here. Cannot see: timing.
    """
    if head.valid.sum() < _MINIMUM_FRAMES:
        return float("nan")
    lips = head.points[head.valid][:, LIPS]
    first, second = np.triu_indices(len(LIPS), k=1)
    return float(np.linalg.norm(lips[:, first] - lips[:, second], axis=-1).std(0).mean())


def head_dynamics(head: HeadFrame) -> float:
    """How lively the head moves. Target: the truth's; no unit, 0 and up.

    Definition: sqrt(sigma_angle * V_dangle + V_translation): the mean standard deviation of pitch, yaw and roll
    (degrees), the mean variance of their change from frame to frame, and the mean variance of x and y. Normalisation: x
    and y in interocular distances (the code: pixels of the face box). Cannot see: whether the motion fits the speech.
    """
    if head.valid.sum() < _MINIMUM_FRAMES:
        return float("nan")
    angles = angles_deg(head)
    spread = np.nanstd(angles, axis=0).mean()
    change = np.nanvar(np.diff(angles, axis=0), axis=0).mean()
    translation = head.position[head.valid].var(0).mean()
    return float(np.sqrt(spread * change + translation))


def brow_dynamics(head: HeadFrame) -> float:
    """How lively the brows move. Target: the truth's; interocular distances, 0 and up.

    Definition: standard deviation of the distance between the centres of brow and eye in the head's frontal plane, mean
    of both sides. Region: brows and eyes. Deviation: the code sums changes from frame to frame, which in a still face
    is the tracker's noise. Cannot see: which side, when.
    """
    if head.valid.sum() < _MINIMUM_FRAMES:
        return float("nan")
    points = head.points[head.valid]
    sides = ((RIGHT_BROW, RIGHT_EYE), (LEFT_BROW, LEFT_EYE))
    distances = [
        np.linalg.norm(points[:, brow, :2].mean(1) - points[:, eye, :2].mean(1), axis=-1) for brow, eye in sides
    ]
    return float(np.mean([distance.std() for distance in distances]))


def at_rate(head: HeadFrame, fps: float) -> HeadFrame:
    """The same head at another frame rate, linearly interpolated (angles too: they change little between frames)."""
    if head.fps == fps:
        return head
    count = max(1, round(len(head) * fps / head.fps))
    curves = {
        name: resample(getattr(head, name), head.fps, fps, count)
        for name in ("points", "rotation", "position", "scale_px")
    }
    valid = resample(head.valid.astype(np.float32), head.fps, fps, count) > 0.999
    return replace(head, fps=fps, valid=valid, **curves)


def _minmax(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (values.max() - values.min() + 1e-8)
