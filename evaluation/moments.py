"""The worst moments of a clip: where a curve strays furthest, so that a person looks there first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from evaluation.clips import Clip, Pair
from evaluation.metrics import head, lips
from evaluation.mouth import lip_gap
from evaluation.prosody import speech_mask
from face_model.rotations import geodesic_degrees

_WINDOW_S = 0.2  # a fault shorter than this is not seen
_APART_S = 0.6
_LEAST = 3.0  # robust standard deviations: less is not a moment
_FLOOR = 0.1  # of a curve's standard deviation: its robust one is taken as no less
_FEWEST = 5  # measured frames of a curve; fewer say nothing


@dataclass(frozen=True)
class Moment:
    """Where something goes wrong most. severity: robust standard deviations above what is usual (in the truth,
    where it can be asked; else in the clip)."""

    time_s: float
    frame: int
    reason: str
    severity: float


def worst_moments(pair: Pair, count: int = 6) -> list[Moment]:
    """The worst moments of a clip, worst first, at least 0.6 s apart. No face found is worst of all."""
    fps, found = pair.clip.fps, []
    usual = own_error_curves(pair.reference) if pair.reference is not None else {}
    for reason, curve in error_curves(pair).items():
        severity = _severity(curve, usual.get(reason, curve), fps)
        for frame in np.argsort(-severity)[: 20 * count]:
            if severity[frame] >= _LEAST:
                found.append(Moment(float(frame / fps), int(frame), reason, float(severity[frame])))
    found += [Moment(float(k / fps), int(k), "no face found", float("inf")) for k in np.flatnonzero(~pair.clip.valid)]
    kept: list[Moment] = []
    for moment in sorted(found, key=lambda m: -m.severity):
        if len(kept) < count and all(abs(moment.time_s - other.time_s) >= _APART_S for other in kept):
            kept.append(moment)
    return kept


def error_curves(pair: Pair) -> dict[str, np.ndarray]:
    """Curves `[T]` of what may be wrong at each frame, larger is worse, by the words that a person reads."""
    clip, truth = pair.clip, pair.reference
    curves = own_error_curves(clip)
    if truth is not None:
        count = min(len(clip), len(truth))
        curves["the mouth differs from the truth's"] = lips.mouth_lmd_frames(clip.head, truth.head)
        curves["the lips open too far or too little"] = np.abs(lip_gap(clip.head)[:count] - lip_gap(truth.head)[:count])
        if "psnr_face" in pair.pair_curves:
            curves["the face's picture differs"] = -pair.pair_curves["psnr_face"]
    if pair.driving is not None:
        count = min(len(clip), len(pair.driving))
        turned = geodesic_degrees(clip.head.rotation[:count], pair.driving.head.rotation[:count])
        curves["the head is not where it was driven"] = turned
    padded = {reason: _padded(curve, len(clip)) for reason, curve in curves.items()}
    return {reason: np.where(clip.valid, curve, np.nan) for reason, curve in padded.items()}


def own_error_curves(clip: Clip) -> dict[str, np.ndarray]:
    """Curves of what looks wrong without a truth; the truth's own say how much of it is usual."""
    jerk = np.full(len(clip), np.nan)
    jerk[1:] = np.abs(np.diff(head.speed_deg_s(clip.head)))
    curves = {"the head jerks": jerk}
    if clip.sound is not None:
        quiet = ~speech_mask(clip.sound, clip.fps, len(clip))
        curves["lips open in silence"] = np.where(quiet, lip_gap(clip.head), np.nan)
    if "flicker_face" in clip.picture_curves:
        curves["the face flickers"] = clip.picture_curves["flicker_face"]
    return curves


def _severity(curve: np.ndarray, usual: np.ndarray, fps: float) -> np.ndarray:
    """Robust z-score of a curve against its usual values, both smoothed over `_WINDOW_S`; -inf where it is not
    measured.
    """
    smooth, ordinary = _smooth(curve, fps), _smooth(usual, fps)
    ordinary = ordinary[np.isfinite(ordinary)]
    if len(ordinary) < _FEWEST or not np.isfinite(smooth).any():
        return np.full(len(curve), -np.inf)
    median = np.median(ordinary)
    # The floor keeps a curve that is nearly always the same (a perfect copy but for one stretch) from dividing by zero.
    spread = max(1.4826 * np.median(np.abs(ordinary - median)), _FLOOR * np.nanstd(smooth))
    if spread == 0:
        return np.full(len(curve), -np.inf)
    return np.where(np.isfinite(smooth), (smooth - median) / spread, -np.inf)


def _smooth(curve: np.ndarray, fps: float) -> np.ndarray:
    finite = np.isfinite(curve)
    if not finite.any():
        return curve
    filled = np.where(finite, curve, np.median(curve[finite]))
    return np.where(finite, uniform_filter1d(filled, max(1, round(_WINDOW_S * fps))), np.nan)


def _padded(curve: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([curve[:count], np.full(max(0, count - len(curve)), np.nan)])
