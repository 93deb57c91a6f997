"""Displaced pictures are what OpenCV's Lanczos filter makes of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from render2video.footage.resampling import LANCZOS, SHORT, Filter, displaced

STEP_PX, SIZE_PX = 4, (93, 130)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE_PX, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 0.7)


def grid(largest_px: float) -> np.ndarray:
    cells = -(-SIZE_PX[0] // STEP_PX), -(-SIZE_PX[1] // STEP_PX)
    rough = np.random.default_rng(1).normal(size=(*cells, 2)).astype(np.float32)
    smooth = cv2.GaussianBlur(rough, (0, 0), 4)
    return smooth * np.float32(largest_px / np.abs(smooth).max())


def remapped(picture: np.ndarray, shifts: np.ndarray, way: int = cv2.INTER_LANCZOS4) -> np.ndarray:
    height, width = picture.shape[:2]
    y, x = (np.mgrid[:height, :width].astype(np.float32) + 0.5) / STEP_PX - 0.5
    moved = cv2.remap(shifts, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(picture, columns + moved[..., 0], rows + moved[..., 1], way, borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("through, way", [(LANCZOS, cv2.INTER_LANCZOS4), (SHORT, cv2.INTER_CUBIC)])
@pytest.mark.parametrize("largest_px", [0.4, 9.0, 60.0])
def test_it_is_what_opencv_gives(picture: np.ndarray, largest_px: float, through: Filter, way: int) -> None:
    """Places are rounded to 32nds of a pixel, here and there, and a few lie just between two."""
    shifts, whole = grid(largest_px), (slice(0, SIZE_PX[0]), slice(0, SIZE_PX[1]))
    made = displaced(picture, shifts, STEP_PX, 0.0, *whole, through=through)
    away = np.abs(made.astype(int) - remapped(picture, shifts, way))
    assert (away <= 1).mean() > 0.99 and away.max() < 12
    green = displaced(np.ascontiguousarray(picture[..., 1]), shifts, STEP_PX, 0.0, *whole, through=through)
    assert np.abs(green.astype(int) - made[..., 1]).max() <= 1


def test_a_part_from_a_part_is_that_of_the_whole(picture: np.ndarray) -> None:
    shifts, rows, columns = grid(3.0), slice(40, 61), slice(37, 70)
    whole = displaced(picture, shifts, STEP_PX, 0.0, slice(0, SIZE_PX[0]), slice(0, SIZE_PX[1]))
    top, left = 19, 16
    part = displaced(
        picture[top:82, left:105], shifts[5:, 6:], STEP_PX, 0.0, rows, columns, origin=(5, 6), corner=(top, left)
    )
    assert np.abs(part.astype(int) - whole[rows, columns]).max() <= 1


def test_what_hardly_moves_is_copied(picture: np.ndarray) -> None:
    shifts = np.full((len(grid(1.0)), grid(1.0).shape[1], 2), 0.01, np.float32)
    rows, columns = slice(3, 50), slice(2, 99)
    assert np.array_equal(displaced(picture, shifts, STEP_PX, 0.02, rows, columns), picture[rows, columns])
