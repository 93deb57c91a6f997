"""Picture measures against closed forms and a second implementation."""

import cv2
import numpy as np
import pytest

from evaluation.metrics import image, video
from evaluation.regions import background_mask, eye_distance_px, face_mask, mouth_mask
from tests.evaluation.synthetic import EYE_PX, landmarks

SIDE = 400


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Smooth colourful noise: texture at several scales."""
    random = np.random.default_rng(0)
    layers = [
        cv2.resize(random.uniform(0, 255, (n, n, 3)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        for n in (8, 40, 200)
    ]
    return np.clip(sum(layers) / 3, 0, 255).astype(np.uint8)


def test_psnr_closed_form(picture):
    off = np.clip(picture, 0, 245) + 10
    assert image.psnr_db(off.astype(np.uint8), np.clip(picture, 0, 245)) == pytest.approx(
        10 * np.log10(255**2 / 100), abs=1e-4
    )
    assert image.psnr_db(picture, picture) == image.PSNR_CEILING_DB
    assert np.isnan(image.psnr_db(picture, picture, np.zeros((SIDE, SIDE), bool)))


def test_ssim_against_plain_sums(picture):
    """One window summed by hand with an explicit Gaussian."""
    other = cv2.GaussianBlur(picture, (7, 7), 2)
    x, y = (image.luma(p).astype(float)[95:106, 145:156] for p in (picture, other))
    axis = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weight = np.outer(axis, axis) / axis.sum() ** 2
    mx, my = (weight * x).sum(), (weight * y).sum()
    vx, vy, vxy = (weight * (x - mx) ** 2).sum(), (weight * (y - my) ** 2).sum(), (weight * (x - mx) * (y - my)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert image.ssim_map(picture, other)[100, 150] == pytest.approx(expected, abs=1e-4)
    assert image.ssim(picture, picture) == pytest.approx(1)


def test_masks_hold_what_they_name():
    points = landmarks(20)
    face, mouth = face_mask(points[0], SIDE, SIDE), mouth_mask(points[0], SIDE, SIDE)
    lips = points[0, 13].round().astype(int)
    assert eye_distance_px(points[0]) == pytest.approx(EYE_PX, rel=1e-3)
    assert mouth[lips[1], lips[0]] and face[lips[1], lips[0]] and face.sum() > mouth.sum()
    still = background_mask(points, np.ones(20, bool), SIDE, SIDE)
    assert still is not None and not (still & face).any()
    close = landmarks(20, eye_px=160.0)
    assert background_mask(close, np.ones(20, bool), SIDE, SIDE) is None  # a tight crop has no background


def test_sharpness_falls_with_blur_and_not_with_size(picture):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[100:300, 100:300] = True
    picture = cv2.GaussianBlur(picture, (0, 0), 1)
    sharp = image.sharpness(picture, mask, EYE_PX)
    assert image.sharpness(cv2.GaussianBlur(picture, (0, 0), 2), mask, EYE_PX) < 0.3 * sharp
    double = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    mask_double = np.kron(mask, np.ones((2, 2), bool))
    assert image.sharpness(double, mask_double, 2 * EYE_PX) == pytest.approx(sharp, rel=0.15)


def test_a_seam_is_seen_where_it_is(picture):
    region = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (200, 200), 100, 1, -1).astype(bool)
    smooth = cv2.GaussianBlur(picture, (0, 0), 6)
    pasted = np.clip(smooth.astype(int) + 12 * region[..., None], 0, 255).astype(np.uint8)
    assert image.seam_gradient(smooth, region, EYE_PX) == pytest.approx(1, abs=0.4)
    assert image.seam_gradient(pasted, region, EYE_PX) > 2


def test_flicker_and_repeats(picture):
    points, valid = landmarks(12), np.ones(12, bool)
    base = np.clip(picture, 10, 245)
    flickering = [base + np.uint8(6 * (k % 2)) for k in range(12)]
    curves = video.own_curves(iter(flickering), points, valid, 25.0)
    for name in ("flicker_face", "flicker_background"):
        assert np.nanmean(curves[name]) == pytest.approx(12, abs=0.1)  # |0 - 2 * 6 + 0|
    assert np.nanmean(curves["change"]) == pytest.approx(6, abs=0.1)
    fading = [base + np.uint8(k) for k in range(12)]  # steady change is no flicker
    assert np.nanmean(video.own_curves(fading, points, valid, 25.0)["flicker_face"]) == pytest.approx(0, abs=0.05)
    change = np.array([np.nan, 3, 3, 0, 6, 3, 0, 6, 3, 3])
    assert video.repeated_share(change) == pytest.approx(2 / 9)


def test_pair_curves_keep_regions_apart(picture):
    points, valid = landmarks(3), np.array([True, True, False])
    mouth = mouth_mask(points[0], SIDE, SIDE)
    wrong = np.where(mouth[..., None], 255 - picture, picture)
    curves = video.pair_curves([wrong] * 3, [picture] * 3, points, valid)
    assert curves["psnr_mouth"][0] < curves["psnr_face"][0] < curves["psnr_whole"][0]
    assert curves["ssim_mouth"][1] < curves["ssim_face"][1] < curves["ssim_whole"][1]
    assert np.isnan(curves["psnr_mouth"][2]) and np.isfinite(curves["psnr_whole"][2])
