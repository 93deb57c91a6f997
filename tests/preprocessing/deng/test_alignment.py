"""The crop that the regressor sees against the published procedure and other libraries' resizing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
import torch.nn.functional as torch_functional

from face_model import deng
from foundation.errors import InputError
from preprocessing.deng import Crop, DengFiles, align, cut, standard_points
from tests.preprocessing.deng.parts import FIVE_DM, seen_face


def plain_alignment(five_px: np.ndarray, frame_px: tuple[int, int]) -> tuple[float, np.ndarray]:
    """Scale and shift of the published procedure, by normal equations; points from the first pixel's centre, y up."""
    width, height = frame_px
    points = np.stack([five_px[:, 0] - 0.5, height - 1 - (five_px[:, 1] - 0.5)], axis=1)
    rows = np.zeros((10, 8))
    for k in range(5):
        rows[2 * k, :3], rows[2 * k, 3] = FIVE_DM[k], 1
        rows[2 * k + 1, 4:7], rows[2 * k + 1, 7] = FIVE_DM[k], 1
    k = np.linalg.inv(rows.T @ rows) @ rows.T @ points.ravel()
    return 102 / ((np.linalg.norm(k[:3]) + np.linalg.norm(k[4:7])) / 2), k[[3, 7]]


@pytest.mark.parametrize("px_per_dm", [31.0, 102.0, 240.0])
def test_the_crop_is_the_published_one(px_per_dm: float) -> None:
    rng = np.random.default_rng(0)
    for frame_px in ((640, 360), (450, 451), (301, 707)):
        five = seen_face(rng, frame_px, px_per_dm)
        crop = align(five, FIVE_DM, frame_px)
        scale, shift = plain_alignment(five, frame_px)
        width, height = (np.array(frame_px) * scale).astype(np.int32)
        left = np.array(width / 2 - 112 + (shift[0] - frame_px[0] / 2) * scale).astype(np.int32)
        top = np.array(height / 2 - 112 + (frame_px[1] / 2 - shift[1]) * scale).astype(np.int32)
        assert (crop.resized_px, crop.corner_px) == ((width, height), (left, top))


def test_a_straight_face_stands_in_the_picture_as_the_standard_one() -> None:
    """The model's origin in the middle, 102 pixels a decimetre, upright and not mirrored."""
    frame_px, origin = (640, 360), np.array([250.0, 200.0])
    crop = align(FIVE_DM[:, :2] * (1, -1) * 60 + origin, FIVE_DM, frame_px)
    expected = FIVE_DM[:, :2] * (1, -1) * 102 + 112
    np.testing.assert_allclose(crop.to_frame(expected), FIVE_DM[:, :2] * (1, -1) * 60 + origin, atol=1.0)


CROPS = [
    Crop((200, 150), (640, 480), (100, 90)), Crop((200, 150), (640, 480), (-60, 400)),
    Crop((500, 400), (260, 208), (10, -20)), Crop((900, 700), (120, 93), (-50, -70)),
    Crop((224, 224), (224, 224), (0, 0)),
]


@pytest.mark.parametrize("crop", CROPS)
def test_resizing_is_that_of_pillow(crop: Crop) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    width, height = crop.frame_px
    frame = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    left, top = crop.corner_px
    whole = image.fromarray(frame).resize(crop.resized_px, resample=image.Resampling.BICUBIC)
    expected = np.asarray(whole.crop((left, top, left + 224, top + 224))).astype(int)
    got = cut(frame, crop)
    assert got.shape == (224, 224, 3) and got.dtype == np.uint8
    assert np.abs(got - expected).max() <= 1 and (got != expected).mean() < 0.002


@pytest.mark.parametrize("crop", CROPS)
def test_resizing_is_that_of_torch(crop: Crop) -> None:
    """Its antialiased bicubic is of the same kind; it does not round in between."""
    width, height = crop.frame_px
    frame = np.random.default_rng(2).integers(60, 196, (height, width, 3), np.uint8)
    size = crop.resized_px[::-1]
    planes = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    whole = torch_functional.interpolate(planes, size, mode="bicubic", antialias=True)[0].permute(1, 2, 0).numpy()
    canvas = np.zeros((224, 224, 3))
    left, top = crop.corner_px
    rows, columns = (np.arange(224) + top, np.arange(224) + left)
    inside = (rows >= 0) & (rows < size[0]), (columns >= 0) & (columns < size[1])
    canvas[np.ix_(*inside)] = whole[np.ix_(rows[inside[0]], columns[inside[1]])]
    assert np.abs(cut(frame, crop).astype(float) - np.clip(canvas, 0, 255)).max() < 1.6


def test_points_that_are_no_face_are_refused() -> None:
    with pytest.raises(InputError, match="five points"):
        align(np.full((5, 2), 100.0), FIVE_DM, (640, 360))


def test_the_standard_face_is_the_models_or_the_published_file(files: DengFiles, tmp_path: Path) -> None:
    model = deng.load(files.bfm)
    five = standard_points(model, files.bfm)
    np.testing.assert_allclose(five, FIVE_DM - model.centre_mm / 100, atol=1e-5)
    landmarks = np.random.default_rng(3).normal(size=(68, 3)).astype(np.float32)
    scipy.io.savemat(tmp_path / "similarity_Lm3D_all.mat", {"lm": landmarks})
    eyes = [(landmarks[36] + landmarks[39]) / 2, (landmarks[42] + landmarks[45]) / 2]
    expected = np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])
    np.testing.assert_allclose(standard_points(model, tmp_path / "BFM_model_front.mat"), expected, atol=1e-6)
    scipy.io.savemat(tmp_path / "similarity_Lm3D_all.mat", {"lm": landmarks[:67]})
    with pytest.raises(InputError, match="67"):
        standard_points(model, tmp_path / "BFM_model_front.mat")


def test_the_crops_camera_sees_the_same_in_the_frame() -> None:
    points = torch.from_numpy(np.random.default_rng(4).uniform(-90, 90, (50, 3)))
    shift = torch.tensor([20.0, -10.0, -1000.0], dtype=torch.float64)
    crop = Crop((1280, 720), (731, 411), (230, 95))
    in_picture, _ = deng.camera().project(points, shift)
    in_frame, _ = crop.camera().project(points, shift)
    np.testing.assert_allclose(in_frame.numpy(), crop.to_frame(in_picture.numpy()), atol=0.3)
