"""Detail by region against the real video: is the film as sharp as the person's own video, everywhere?

Detail is the energy of the Laplacian, the mean of its square over a region, in the film's own pixels: a film that was
painted small and enlarged has less. A soft picture has less than the truth, a torn or noisy one more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import cv2
import numpy as np

from evaluation.metrics.image import luma
from evaluation.regions import corner_mask, detail_masks, eye_distance_px

REGIONS = ("face", "mouth", "hair", "torso", "background")
CHANGE = "background_change"
_LOOK_EVERY_S = 0.2  # detail changes slowly
_LEAST_PX = 50  # of a region; fewer say nothing
_ENCODERS_LEVELS = 0.3  # of change from frame to frame that an encoder makes by itself, counted to both films
_FROZEN_LEVELS = 0.005  # of change: no camera, however still, and no encoder gives less for long
_SAME_SCALE = 0.1  # faces that differ by no more in size are of films of one scale


def detail_curves(
    frames: Iterable[np.ndarray], landmarks_px: np.ndarray, valid: np.ndarray, fps: float, zoom: float = 1.0
) -> dict[str, np.ndarray]:
    """`[T]` for each of `REGIONS`, levels squared, and the mean absolute change of the background from frame to frame.

    NaN where nothing is measured: between the moments that are looked at, without a face, where a region is too small.

    Args:
        frames: T pictures `[H, W, 3]` uint8. landmarks_px: `[T, 478, 3]`. valid: `[T]`. zoom: the pictures are looked
            at so much larger.
    """
    curves = {name: np.full(len(valid), np.nan) for name in (*REGIONS, CHANGE)}
    every, before = max(1, round(_LOOK_EVERY_S * fps)), None
    corners = np.zeros((0, 0), bool)
    for k, frame in zip(range(len(valid)), frames, strict=False):
        grey = luma(frame)
        if zoom != 1:
            method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
            grey = cv2.resize(grey, None, fx=zoom, fy=zoom, interpolation=method)
        if k == 0:
            corners = corner_mask(landmarks_px * zoom, valid, *grey.shape)
        if before is not None and corners.sum() >= _LEAST_PX:
            curves[CHANGE][k] = np.abs(grey - before)[corners].mean()
        before = grey
        if valid[k] and k % every == 0:
            energy = np.square(cv2.Laplacian(grey, cv2.CV_32F, ksize=3))
            masks = detail_masks(landmarks_px[k] * zoom, *grey.shape) | {"background": corners}
            for name, mask in masks.items():
                if mask.sum() >= _LEAST_PX:
                    curves[name][k] = energy[mask].mean()
    return curves


def scale_of(landmarks_px: np.ndarray, valid: np.ndarray, truth_px: np.ndarray, truth_valid: np.ndarray) -> float:
    """By how much the truth's pictures must be enlarged for faces as large as the film's; 1 where they about are."""
    if not (valid.any() and truth_valid.any()):
        return 1.0
    own, truth = (float(np.median(eye_distance_px(p[v]))) for p, v in ((landmarks_px, valid), (truth_px, truth_valid)))
    zoom = own / truth
    return 1.0 if abs(zoom - 1) <= _SAME_SCALE else zoom


def detail_ratio(film: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray], region: str) -> float:
    """A region's detail over the real video's. Target 1 (less is soft, more is torn or noisy); no unit, 0 and up.

    Definition: median over time of `detail_curves` over the truth's. Regions: `regions.detail_masks`, and both upper
    corners as the background. Source: ours. Cannot see: whether the detail is right; a plain wall has only its grain,
    which every encoder takes.
    """
    own, real = _median(film.get(region)), _median(truth.get(region))
    return own / real if real > 0 else float("nan")


def change_ratio(film: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]) -> float:
    """How much a still background changes from frame to frame, over the real video's. Target 1; no unit, 0 and up.

    Definition: median over time of the mean absolute change of luma in both upper corners, 0.3 of a level counted to
    both. Source: ours. Cannot see: slow drift; a camera that moves in the real video is no flicker.
    """
    return (_median(film.get(CHANGE)) + _ENCODERS_LEVELS) / (_median(truth.get(CHANGE)) + _ENCODERS_LEVELS)


def frozen_share(film: Mapping[str, np.ndarray]) -> float:
    """Share of frames whose background is the one before to the last pixel. Target: the truth's; 0 to 1.

    Definition: mean absolute change of both upper corners under 0.005 of a level. Source: ours; a still painted behind
    a person shows by it, which `change_ratio` cannot tell where the real background hardly moves. Cannot see: a still
    to which an encoder, or noise, was added.
    """
    change = film.get(CHANGE, np.zeros(0))
    change = change[np.isfinite(change)]
    return float((change < _FROZEN_LEVELS).mean()) if len(change) else float("nan")


def _median(curve: np.ndarray | None) -> float:
    return float(np.nanmedian(curve)) if curve is not None and np.isfinite(curve).any() else float("nan")
