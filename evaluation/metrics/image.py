"""Single pictures: PSNR and SSIM over the whole picture, the face and the mouth; sharpness; the gradient at a seam.

Pictures are RGB uint8 `[H, W, 3]`; masks `[H, W]` bool. Generated and true picture must have the same size.
"""

from __future__ import annotations

import cv2
import numpy as np

_SSIM_SIGMA, _SSIM_SIZE, _K1, _K2 = 1.5, 11, 0.01, 0.03
_SHARPNESS_EYE_PX = 64.0  # interocular distance at which sharpness is judged, whatever the video's size
PSNR_CEILING_DB = 100.0  # of equal pictures, so that means stay finite


def luma(picture: np.ndarray) -> np.ndarray:
    """`[H, W]` float32, 0-255 (BT.601)."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def psnr_db(generated: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio. Higher is better; decibels, up to 100 for equal pictures.

    Definition: 10 log10(255^2 / mean squared error) over RGB within the mask. Cannot see: structure (a blur scores
    well), motion.
    """
    difference = generated.astype(np.float32) - reference.astype(np.float32)
    if mask is not None:
        difference = difference[mask]
    if difference.size == 0:
        return float("nan")
    error = float(np.mean(difference**2))
    return PSNR_CEILING_DB if error == 0 else min(PSNR_CEILING_DB, 10 * np.log10(255.0**2 / error))


def ssim_map(generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """`[H, W]`, -1 to 1: structural similarity of luma in Gaussian windows (sigma 1.5, 11 px; Wang et al. 2004, eq.
    13).
    """
    x, y = luma(generated) - 128, luma(reference) - 128  # centred, so that float32 keeps small variances exact
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x, variance_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + 128, mean_y + 128
    c1, c2 = (_K1 * 255) ** 2, (_K2 * 255) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return top / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))


def ssim(generated: np.ndarray, reference: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Structural similarity. Higher is better, -1 to 1.

    Definition: mean of `ssim_map` within the mask. Source: Wang et al. 2004. Cannot see: colour, motion; a shift of a
    pixel costs much.
    """
    similarity = ssim_map(generated, reference)
    similarity = similarity if mask is None else similarity[mask]
    return float(similarity.mean()) if similarity.size else float("nan")


def sharpness(picture: np.ndarray, mask: np.ndarray, eye_px: float) -> float:
    """How crisp a region is. Target: the truth's (less is blur, more is noise or ringing); grey levels squared, 0 and
    up.

    Definition: variance of the Laplacian of luma within the mask, at the scale where the interocular distance is 64 px,
    so that videos of different size compare. Source: Pech-Pacheco et al. 2000. Cannot see: whether the detail is right.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) < 3 or len(columns) < 3:
        return float("nan")
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    zoom = _SHARPNESS_EYE_PX / eye_px
    size = max(3, round(mask[box].shape[1] * zoom)), max(3, round(mask[box].shape[0] * zoom))
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    crop = cv2.resize(luma(picture)[box], size, interpolation=method)
    inside = cv2.resize(mask[box].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    return float(cv2.Laplacian(crop, cv2.CV_32F)[inside].var())


def seam_gradient(picture: np.ndarray, region: np.ndarray, eye_px: float) -> float:
    """Whether a pasted region shows its border. Target 1 or the truth's (more is a visible seam); no unit, 0 and up.

    Definition: the step of luma across the region's border, over the step found the same way along borders moved
    inwards and outwards. A step is the difference between the means on both sides of the border in bands 4% of the
    interocular distance wide, looked at in patches along it; the patches' root mean square counts. Source: ours. Cannot
    see: seams elsewhere; a face on a plain background has true edges at its outline, so compare with the truth.
    """
    band = max(2, round(0.04 * eye_px))
    distance = _signed_distance(region)
    grey = luma(picture)
    at_border = _step(grey, distance, 0.0, band, eye_px)
    beside = [_step(grey, distance, shift * 3 * band, band, eye_px) for shift in (-2, -1, 1, 2)]
    floor = float(np.nanmean(beside)) if np.isfinite(beside).any() else float("nan")
    return at_border / floor if floor > 0 else float("nan")


def _step(grey: np.ndarray, distance: np.ndarray, at: float, band: int, eye_px: float) -> float:
    """Root mean square over patches of the difference of means on both sides of the contour where the signed distance
    is `at`.
    """
    inside = (distance > at) & (distance <= at + band)
    outside = (distance <= at) & (distance > at - band)
    size = int(max(4, 0.15 * eye_px))
    across = -(-grey.shape[1] // size)
    cell = (np.arange(grey.shape[0])[:, None] // size) * across + np.arange(grey.shape[1])[None] // size
    count = int(cell[-1, -1]) + 1
    inner, outer = _cell_means(grey, cell, inside, count), _cell_means(grey, cell, outside, count)
    steps = inner - outer
    return float(np.sqrt(np.nanmean(steps**2))) if np.isfinite(steps).any() else float("nan")


def _cell_means(grey: np.ndarray, cell: np.ndarray, mask: np.ndarray, count: int) -> np.ndarray:
    """`[count]`: the mean of each cell's pixels within the mask, NaN without any."""
    names = cell[mask]
    pixels = np.bincount(names, minlength=count)
    total = np.bincount(names, grey[mask], minlength=count)
    return np.where(pixels > 0, total / np.maximum(pixels, 1), np.nan)


def _signed_distance(region: np.ndarray) -> np.ndarray:
    """Pixels from the border, positive inside."""
    inside = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5)
    return inside - outside


def _blur(values: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(values, (_SSIM_SIZE, _SSIM_SIZE), _SSIM_SIGMA, borderType=cv2.BORDER_REFLECT_101)
