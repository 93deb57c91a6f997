"""Lips: do they stand where the truth's stand, move with it, move as far, and close when they must?

All numbers come from landmarks in the head frame (pose and scale taken out); lengths are in interocular distances.
Pairs of tracks are compared frame by frame at one rate; frames without a face in either are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from evaluation.curves import LagCorrelation, lag_correlation, runs
from evaluation.head_frame import HeadFrame
from evaluation.mouth import LIPS, lip_gap, lip_opening, lip_width
from evaluation.prosody import silences
from face_model.tracks import Sound

BILABIALS = frozenset({"p", "b", "m", "pʰ", "pʲ", "bʲ", "mʲ", "p0", "b0", "m0", "em"})
_CLOSED_SHARE = 0.2  # of the 95th percentile of the truth's gap: lips nearer than this look closed
_SLACK_S = 0.04  # a frame either side: phone borders are no more exact than that

OPEN_SHARE = 0.05  # of the mouth's width: lips further apart than this look open (shut ones are tracked below 0.03)
_LEAST_SILENCE_S, _SETTLE_S = 0.5, 0.15  # lips close after speech has ended, and open before it begins


class Phone(NamedTuple):
    """A phone and when it sounds, in seconds from the clip's start."""

    start_s: float
    end_s: float
    label: str


def mouth_lmd_frames(generated: HeadFrame, reference: HeadFrame) -> np.ndarray:
    """`[T]`: landmark distance of the mouth per frame; see `mouth_lmd`."""
    return _distance_frames(generated, reference, LIPS)


def mouth_lmd(generated: HeadFrame, reference: HeadFrame) -> float:
    """Landmark distance (LMD) of the mouth. Lower is better, 0 and up, unit: interocular distances.

    Definition: mean over frames and the 40 lip points of the distance to the truth's, frontal plane of the head frame.
    Region: inner and outer lip. Normalisation: interocular distance; pose removed. Source: Chen et al. 2018 (LMD), with
    3D alignment instead of centring. Cannot see: teeth and tongue, timing (a late mouth and a wrong one look alike),
    sound.
    """
    return _mean(mouth_lmd_frames(generated, reference))


def face_lmd(generated: HeadFrame, reference: HeadFrame) -> float:
    """Landmark distance of the whole face. Lower is better, 0 and up, unit: interocular distances.

    Definition: as `mouth_lmd` over all 468 face points (no irises). Cannot see: pose (see `head.rotation_error_deg`),
    appearance.
    """
    return _mean(_distance_frames(generated, reference, np.arange(468)))


def gap_correlation(generated: HeadFrame, reference: HeadFrame, max_lag_s: float = 0.4) -> LagCorrelation:
    """Pearson correlation of the lip gap with the truth's, with lag search. Higher is better, -1 to 1; lag in seconds,
    + is late.

    Region: inner lip, middle. Normalisation: none needed. Source: `reference/metrics`, FACIAL-style evaluations. Cannot
    see: how far the lips move (see `gap_amplitude_ratio`), lip shape. Frozen lips score 0.
    """
    return lag_correlation(_curve(lip_gap, generated), _curve(lip_gap, reference), reference.fps, max_lag_s)


def width_correlation(generated: HeadFrame, reference: HeadFrame, max_lag_s: float = 0.4) -> LagCorrelation:
    """Pearson correlation of the lip width with the truth's: spreading and rounding. As `gap_correlation`; region:
    mouth corners.
    """
    return lag_correlation(_curve(lip_width, generated), _curve(lip_width, reference), reference.fps, max_lag_s)


def gap_amplitude_ratio(generated: HeadFrame, reference: HeadFrame) -> float:
    """How far the lips open against the truth. Target 1, 0 and up, no unit.

    Definition: standard deviation of the generated lip gap over the truth's. Region: inner lip, middle. Source: ours; a
    small mouth that correlates is still wrong. Cannot see: timing; tracker noise adds a little to both.
    """
    return _ratio(_curve(lip_gap, generated), _curve(lip_gap, reference))


def width_amplitude_ratio(generated: HeadFrame, reference: HeadFrame) -> float:
    """How far the mouth corners travel against the truth: as `gap_amplitude_ratio`, of the lip width."""
    return _ratio(_curve(lip_width, generated), _curve(lip_width, reference))


def bilabial_closure(head: HeadFrame, phones: Sequence[Phone], reference: HeadFrame | None = None) -> float:
    """Share of bilabial phones during which the lips close. Higher is better, 0 to 1.

    Definition: a phone of `BILABIALS` (IPA or ARPABET, stress ignored) counts when the lip gap falls, within the phone
    or a frame of it, under a fifth of the 95th percentile of the gap (the truth's when given, else its own). Region:
    inner lip, middle. Source: ours, after the closure checks of viseme studies. Cannot see: lips that are always shut
    score 1; a recording may hold bilabials that the person did not close. NaN without bilabials.
    """
    own = _curve(lip_gap, head)
    scale = own if reference is None else _curve(lip_gap, reference)
    if not np.isfinite(scale).any():
        return float("nan")
    closed = _CLOSED_SHARE * np.nanpercentile(scale, 95)
    lowest = [_lowest(own, phone, head.fps) for phone in phones if is_bilabial(phone.label)]
    lowest = [value for value in lowest if np.isfinite(value)]
    return float(np.mean([value < closed for value in lowest])) if lowest else float("nan")


def lip_leak(head: HeadFrame, sound: Sound) -> float:
    """Share of frames with open lips while nothing is to be heard (LipLeak). Lower is better, 0 to 1.

    Definition: frames in silences of 0.5 s and more, without 0.15 s at either end that speech is next to, whose lip
    opening (mean of eight inner-lip pairs) is over 5% of the mouth's width. Region: inner lip. Source: KeySync (Bigata
    et al. 2025), which hears digital silence; the threshold is ours, for MediaPipe's landmarks. Cannot see: who leaves
    the lips open of their own will: real people do in pauses, so it is asked of films of silence first of all. NaN
    without such a silence.
    """
    quiet = silences(sound, head.fps, len(head), _LEAST_SILENCE_S)
    settle = round(_SETTLE_S * head.fps)
    for stretch in runs(quiet):
        if stretch.start > 0:
            quiet[stretch.start : stretch.start + settle] = False
        if stretch.stop < len(quiet):
            quiet[stretch.stop - settle : stretch.stop] = False
    quiet &= head.valid
    if not quiet.any():
        return float("nan")
    return float((lip_opening(head) > OPEN_SHARE * lip_width(head))[quiet].mean())


def is_bilabial(label: str) -> bool:
    """Whether a phone label (IPA or ARPABET, any case, stress digits and length marks ignored) names a bilabial."""
    return label.strip().strip("ː:0123456789").lower() in BILABIALS


def _lowest(gap: np.ndarray, phone: Phone, fps: float) -> float:
    first = int(np.floor((phone.start_s - _SLACK_S) * fps + 0.5))
    last = int(np.floor((phone.end_s + _SLACK_S) * fps + 0.5))
    window = gap[max(first, 0) : max(last + 1, 0)]
    return float(np.nanmin(window)) if np.isfinite(window).any() else float("nan")


def _curve(measure: Callable[[HeadFrame], np.ndarray], head: HeadFrame) -> np.ndarray:
    """A mouth curve with NaN where no face was seen."""
    return np.where(head.valid, measure(head), np.nan)


def _distance_frames(generated: HeadFrame, reference: HeadFrame, indices: np.ndarray) -> np.ndarray:
    count = min(len(generated), len(reference))
    offset = generated.points[:count, indices, :2] - reference.points[:count, indices, :2]
    distance = np.linalg.norm(offset, axis=-1).mean(1)
    return np.where(generated.valid[:count] & reference.valid[:count], distance, np.nan)


def _ratio(generated: np.ndarray, reference: np.ndarray) -> float:
    truth = np.nanstd(reference)
    return float(np.nanstd(generated) / truth) if truth > 0 else float("nan")


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
