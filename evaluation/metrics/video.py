"""Frames in time: one pass over a video (and its truth) that gives every picture measure as a curve `[T]`.

Frames stream; nothing but three of them is held. Curves have NaN where a measure does not apply (no face, first
frames).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

import cv2
import numpy as np

from evaluation.metrics.image import luma, psnr_db, seam_gradient, sharpness, ssim_map
from evaluation.regions import background_mask, eye_distance_px, face_mask, mouth_mask

OWN_CURVES = ("sharpness_face", "sharpness_mouth", "seam", "flicker_face", "flicker_background", "change")
PAIR_CURVES = ("psnr_whole", "psnr_face", "psnr_mouth", "ssim_whole", "ssim_face", "ssim_mouth")
_LOOK_EVERY_S = 0.2  # what changes slowly (sharpness, the seam) is looked at so often
_REPEAT_SHARE = 0.1  # of the median change between frames; less is the same picture again


def own_curves(
    frames: Iterable[np.ndarray], landmarks_px: np.ndarray, valid: np.ndarray, fps: float
) -> dict[str, np.ndarray]:
    """Measures that need no truth, per frame.

    sharpness_face, sharpness_mouth: `image.sharpness`. seam: `image.seam_gradient` at the face's hull. flicker_face,
    flicker_background: mean absolute second difference of luma in time within the region, grey levels; it belongs to
    the middle of its three frames. change: mean absolute difference of luma from the frame before, whole picture.

    Args:
        frames: T pictures `[H, W, 3]` uint8. landmarks_px: `[T, 478, 3]`. valid: `[T]`.
    """
    curves = {name: np.full(len(valid), np.nan) for name in OWN_CURVES}
    every = max(1, round(_LOOK_EVERY_S * fps))
    background: np.ndarray | None = None
    recent: list[np.ndarray] = []
    face = None
    for k, frame in enumerate(_upto(frames, len(valid))):
        if k == 0:
            background = background_mask(landmarks_px, valid, *frame.shape[:2])
        recent = [*recent[-2:], luma(frame)]
        if len(recent) > 1:
            curves["change"][k] = np.abs(recent[-1] - recent[-2]).mean()
        if len(recent) == 3:
            second = np.abs(recent[0] - 2 * recent[1] + recent[2])
            curves["flicker_background"][k - 1] = second[background].mean() if background is not None else np.nan
            curves["flicker_face"][k - 1] = second[face].mean() if face is not None and face.any() else np.nan
        face = face_mask(landmarks_px[k], *frame.shape[:2]) if valid[k] else None
        if face is not None and k % every == 0:
            eye_px = float(eye_distance_px(landmarks_px[k]))
            curves["sharpness_face"][k] = sharpness(frame, face, eye_px)
            curves["sharpness_mouth"][k] = sharpness(frame, mouth_mask(landmarks_px[k], *frame.shape[:2]), eye_px)
            curves["seam"][k] = seam_gradient(frame, face, eye_px)
    return curves


def pair_curves(
    generated: Iterable[np.ndarray], reference: Iterable[np.ndarray], landmarks_px: np.ndarray, valid: np.ndarray
) -> dict[str, np.ndarray]:
    """PSNR (dB) and SSIM against the truth, per frame, over the whole picture, the face and the mouth of the truth.

    The generated picture is resized to the truth's size when it differs. Means something only where the head was told
    to follow.

    Args:
        generated, reference: pictures `[H, W, 3]` uint8 at the same instants. landmarks_px: `[T, 478, 3]` of the truth.
        valid: `[T]`.
    """
    curves = {name: np.full(len(valid), np.nan) for name in PAIR_CURVES}
    pairs = zip_longest(_upto(generated, len(valid)), _upto(reference, len(valid)))
    for k, (own, truth) in enumerate(pairs):
        if own is None or truth is None:
            break
        height, width = truth.shape[:2]
        if own.shape != truth.shape:
            own = cv2.resize(own, (width, height), interpolation=cv2.INTER_AREA)
        similarity = ssim_map(own, truth)
        masks: dict[str, np.ndarray | None] = {"whole": None}
        if valid[k]:
            masks |= {
                "face": face_mask(landmarks_px[k], height, width),
                "mouth": mouth_mask(landmarks_px[k], height, width),
            }
        for region, mask in masks.items():
            curves[f"psnr_{region}"][k] = psnr_db(own, truth, mask)
            inside = similarity if mask is None else similarity[mask]
            curves[f"ssim_{region}"][k] = inside.mean() if inside.size else np.nan
    return curves


def repeated_share(change: np.ndarray) -> float:
    """Share of frames that show the picture before again. Lower is better (target: the truth's), 0 to 1.

    Definition: frames whose mean absolute change is under a tenth of the clip's median change. Region: whole picture.
    Source: ours, for dropped frames. Cannot see: frames dropped without a repeat (see `head.position_jitter`); a still
    picture counts as all repeats.
    """
    finite = change[np.isfinite(change)]
    if len(finite) == 0:
        return float("nan")
    typical = np.median(finite)
    return 1.0 if typical == 0 else float((finite < _REPEAT_SHARE * typical).mean())


def _upto(frames: Iterable[np.ndarray], count: int) -> Iterator[np.ndarray]:
    for _, frame in zip(range(count), frames, strict=False):
        yield frame
