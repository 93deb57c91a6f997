"""Blinks: how often, how long, how far apart; and whether the driven ones are seen.

From AU45 (0 open - 5 closed), the mean of both eyes on the person's own scale; what counts as a blink is
`face_model.blinks`' to say. Region: both eyes. Cannot see: one eye alone, gaze, whether the lids look real.
"""

from __future__ import annotations

import numpy as np

from face_model.blinks import find_blinks, seen_curves

# What people do: 2-50 blinks a minute at rest and in talk (means 17 and 26: Bentivoglio et al. 1997), of 0.1-0.4 s
# (Schiffman 2001).
HUMAN_RATE_PER_MIN, HUMAN_DURATION_S = (2.0, 50.0), (0.1, 0.4)
_MATCH_S = 0.15  # two blinks nearer than this are one


def rate_per_min(blink: np.ndarray, fps: float, valid: np.ndarray | None = None) -> float:
    """Blinks a minute. Target: the person's own; people's range is `HUMAN_RATE_PER_MIN`.

    Definition: blinks over the clip's duration, or over that of its frames that show the face, `valid` `[T]`. Clips of
    a few seconds say little: a person blinks every 2-30 s.
    """
    curves = [blink] if valid is None else seen_curves(blink, valid, fps)
    frames = sum(map(len, curves))
    return 60.0 * sum(len(find_blinks(curve, fps)) for curve in curves) * fps / frames if frames else float("nan")


def duration_s(blink: np.ndarray, fps: float) -> float:
    """Median duration of a blink, in seconds. Target: the person's own; people's range is `HUMAN_DURATION_S`. NaN
    without a blink.

    Normalisation: none; no finer than a frame.
    """
    lasting = [found.end_s - found.start_s for found in find_blinks(blink, fps)]
    return float(np.median(lasting)) if lasting else float("nan")


def interval_s(blink: np.ndarray, fps: float) -> float:
    """Mean time between the beginnings of blinks, in seconds. Target: the person's own. NaN with fewer than two blinks.
    """
    starts = [found.start_s for found in find_blinks(blink, fps)]
    return float(np.mean(np.diff(starts))) if len(starts) > 1 else float("nan")


def within(value: float, limits: tuple[float, float]) -> bool:
    """Whether a number lies in people's range."""
    return bool(limits[0] <= value <= limits[1])


def seen_share(driven: np.ndarray, blink: np.ndarray, fps: float) -> float:
    """Share of the driven blinks that are seen. Higher is better, 0-1. NaN without a driven blink.

    Definition: a blink is seen when one begins or ends within 0.15 s of its middle, or spans it.
    """
    planned, seen = find_blinks(driven, fps), find_blinks(blink, fps)
    if not planned:
        return float("nan")
    middles = [(one.start_s + one.end_s) / 2 for one in planned]
    return float(np.mean([any(one.start_s - _MATCH_S <= m <= one.end_s + _MATCH_S for one in seen) for m in middles]))
