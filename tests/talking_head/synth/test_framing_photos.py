"""What of a photo is painted with: large ones reduced, or cut around a small face."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.inputs.faces import Portrait
from foundation.shipped import shipped
from preprocessing.portrait import find_portrait
from talking_head.enrollment.from_photo import FRAMED_FACE_PX, LONGEST_PX, framed, photo_in


@pytest.fixture(scope="module")
def person(landmarker: None) -> Portrait:
    picture = np.asarray(Image.open(shipped("astronaut/preview.jpg")).convert("RGB"))
    found = find_portrait(picture, "astronaut")
    return Portrait(found.picture_rgb, found.landmarks_px)


@pytest.mark.parametrize(
    ("face_px", "size", "at", "cut"),
    [
        (180, (1280, 720), (0.5, 0.5), False), (90, (1280, 720), (0.5, 0.5), False),
        (500, (2560, 1440), (0.5, 0.5), False),
        (300, (4000, 3000), (0.9, 0.1), True), (130, (3000, 2000), (0.0, 1.0), True),
        (100, (2400, 700), (0.5, 0.5), True),
    ],
)  # fmt: skip
def test_the_face_stays_large_enough_and_where_it_was(
    person: Portrait, face_px: float, size: tuple[int, int], at: tuple[float, float], cut: bool, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = person.resized(face_px, *size, *at)
    cv2.imwrite(str(tmp_path / "a.png"), whole.picture[..., ::-1])
    with caplog.at_level(logging.WARNING):
        photo = photo_in(tmp_path / "a.png")
    assert photo is not None and ("around the face" in caplog.text) == cut == bool(photo.notes)
    height_px, width_px = photo.picture_rgb.shape[:2]
    assert height_px % 2 == width_px % 2 == 0 and max(height_px, width_px) <= LONGEST_PX
    assert width_px / height_px == pytest.approx(size[0] / size[1], rel=0.02), "its shape stays"
    painted = np.ptp(photo.landmarks_px[:, :2], axis=0).max()
    assert painted > 0.95 * min(face_px, FRAMED_FACE_PX)
    middles = (points[:, :2].mean(0) / frame.shape[1::-1] for points, frame in (
        (photo.landmarks_px, photo.picture_rgb), (whole.points, whole.picture),
    ))  # fmt: skip
    assert np.abs(np.subtract(*middles)).max() < 0.02, "so does the face's place in it"


def test_what_is_cut_is_the_photos_own(person: Portrait) -> None:
    whole = person.resized(112, 3000, 2000, 0.3, 0.6)
    photo = framed(find_portrait(whole.picture, "a"))
    shown = photo.picture_rgb.astype(float)
    left, top = np.round((whole.points - photo.landmarks_px)[:, :2].mean(0)).astype(int)
    own = whole.picture[top : top + shown.shape[0], left : left + shown.shape[1]].astype(float)
    assert np.abs(shown - own).mean() < 2.5
