"""Eye opening from landmarks: AU45 on the person's own scale. `face_model.blinks` says what in it is a blink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from face_model.tracks import AU45_MAX
from preprocessing.tracking.layouts import layout_of

# In 12 clips with blinks the smallest ratio is 0.13-0.43 of the open eye's, 0.24 in the middle. A frame every 33-40 ms
# often misses the moment of full closure, hence the lower value for people who were not seen to blink.
POPULATION_CLOSED_SHARE = 0.2
MOST_CLOSED_SHARE = 0.35  # a half blink is no evidence that the lids go no further
DIP_SHARE = 0.6  # of the open eye's ratio: below it the lids are on their way to close
LEAST_OPEN_RATIO = 0.12  # narrower than any open eye; a clip of closed eyes must not call them open


def eye_ratio(landmarks: np.ndarray) -> np.ndarray:
    """Lid distance over eye width `[T]`, mean of both eyes, from points `[T, L, 3]` in any unit (Soukupova 2016).

    Distances are taken in three dimensions, so a turned or tilted head does not pass for closing eyes.
    """
    points = np.asarray(landmarks, np.float64)
    layout = layout_of(points)

    def distance(pair: tuple[int, int]) -> np.ndarray:
        return np.linalg.norm(points[:, pair[0]] - points[:, pair[1]], axis=-1)

    eyes = [
        np.mean([distance(pair) for pair in lids], axis=0) / np.maximum(distance(width), 1e-9)
        for width, lids in zip(layout.eye_corners, layout.lid_pairs, strict=True)
    ]
    return np.mean(eyes, axis=0)


@dataclass(frozen=True)
class BlinkCalibration:
    """A person's own scale. open_ratio, closed_ratio: `eye_ratio` of their open and closed eyes (AU45 0 and 5)."""

    open_ratio: float
    closed_ratio: float


def calibrate_blink(landmarks: np.ndarray) -> BlinkCalibration:
    """The person's open and closed eyes, from points `[T, L, 3]` of valid frames.

    Open: the upper quartile of all frames. Closed: the lower quartile of the deepest points of the blinks, at most 35%
    of the open ratio; 20% of it when the clip has no blink.
    """
    ratio = eye_ratio(landmarks)
    opened = max(float(np.percentile(ratio, 75)), LEAST_OPEN_RATIO)
    low = ratio < DIP_SHARE * opened
    starts = np.flatnonzero(np.diff(np.concatenate([[False], low, [False]]).astype(int)))
    deepest = [ratio[a:b].min() for a, b in zip(starts[::2], starts[1::2], strict=True)]
    if not deepest:
        return BlinkCalibration(opened, POPULATION_CLOSED_SHARE * opened)
    return BlinkCalibration(opened, min(float(np.percentile(deepest, 25)), MOST_CLOSED_SHARE * opened))


def au45(landmarks: np.ndarray, calibration: BlinkCalibration) -> np.ndarray:
    """AU45 intensity `[T]` float32, 0 (open) to 5 (closed), linear in the eye ratio, from points `[T, L, 3]`."""
    closing = (calibration.open_ratio - eye_ratio(landmarks)) / (calibration.open_ratio - calibration.closed_ratio)
    return (AU45_MAX * np.clip(closing, 0, 1)).astype(np.float32)
