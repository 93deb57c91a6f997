"""What counts as a blink in an AU45 curve; the one definition for enrollment, reports and metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from face_model.tracks import AU45_MAX, seen_stretches

PEAK, PROMINENCE = 0.5 * AU45_MAX, 0.4 * AU45_MAX  # what a blink reaches, and by how much it stands out
FOOT = 0.75  # of its prominence below the peak: where a blink begins and ends
# On both sides lids open this soon to this share of the peak: eyes half shut that tremble, or shut for long, do not
# blink. The longest spontaneous blinks last 0.5 s (Schiffman 2001: 0.1-0.4 s).
OPEN_WITHIN_S, OPEN_SHARE = 0.5, 0.4
# Peaks nearer than this are one blink, the highest: double blinks are rarer than lids, or a tracker, that flutter.
APART_S = 0.35


@dataclass(frozen=True)
class Blink:
    """frame: of the peak. peak: AU45 there. start_s, end_s: where it has made a quarter of its rise and lost three
    quarters of it. half_s: how long it lasts at half its height.
    """

    frame: int
    peak: float
    start_s: float
    end_s: float
    half_s: float


def find_blinks(values: np.ndarray, fps: float) -> list[Blink]:
    """Blinks in an AU45 curve `[T]`, in order; eyes closed at either end of the clip count."""
    from scipy.signal import find_peaks, peak_widths  # half a second to load, and synthesis never needs it

    around = max(1, round(OPEN_WITHIN_S * fps))
    curve = np.pad(np.asarray(values, np.float64), 1)
    peaks, _ = find_peaks(curve, height=PEAK, prominence=PROMINENCE)
    peaks = np.array([p for p in peaks if _opens(curve, p, -around) and _opens(curve, p, around)], int)
    kept: list[int] = []
    last = -np.inf
    for peak in peaks:
        if peak - last >= APART_S * fps:
            kept.append(peak)
        elif curve[peak] > curve[kept[-1]]:
            kept[-1] = peak
        last = peak  # of a flutter that goes on, only the highest counts
    _, _, left, right = peak_widths(curve, kept, rel_height=FOOT)
    half = peak_widths(curve, kept, rel_height=0.5)[0] / fps
    end_s = max(len(curve) - 3, 0) / fps
    return [
        Blink(peak - 1, float(curve[peak]), max(0.0, (a - 1) / fps), min(end_s, (b - 1) / fps), float(width))
        for peak, a, b, width in zip(kept, left, right, half, strict=True)
    ]


def seen_curves(values: np.ndarray, valid: np.ndarray, fps: float) -> list[np.ndarray]:
    """The parts of an AU45 curve `[T]` that were seen: where the face was lost for long, lids were not measured but
    interpolated. A gap too short for a blink of its own is kept: lids that were lost while they closed are one blink.
    """
    return [values[part] for part in seen_stretches(valid, int(APART_S * fps))]


def _opens(curve: np.ndarray, peak: int, way: int) -> bool:
    """Whether lids open within some frames before (negative) or after a peak."""
    side = curve[max(0, peak + way) : peak] if way < 0 else curve[peak + 1 : peak + way + 1]
    return bool(side.min() <= OPEN_SHARE * curve[peak])
