"""The one face in a photo: upright whatever way the photo lies, and refusals that show what was seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from foundation.errors import InputError
from foundation.shipped import shipped
from preprocessing.explaining import BAD_RGB, UnfitError
from preprocessing.media.stills import read_still
from preprocessing.portrait import find_portrait
from preprocessing.tracking.layouts import roll_rad
from preprocessing.tracking.mediapipe_tracker import MediaPipeTracker


@pytest.fixture(scope="module")
def tracker(model_path: Path) -> Iterator[MediaPipeTracker]:
    tracker = MediaPipeTracker(model_path)
    yield tracker
    tracker.close()


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Head and shoulders, 512 x 448."""
    still = read_still(shipped("astronaut/preview.jpg"))
    assert still is not None
    return still.picture_rgb[:448]


@pytest.mark.parametrize(("turns", "said"), [(0, ""), (1, "to the right"), (2, "upside down"), (3, "to the left")])
@pytest.mark.parametrize("wide", [False, True])
def test_a_photo_is_turned_upright_and_says_so(
    tracker: MediaPipeTracker, picture: np.ndarray, turns: int, said: str, wide: bool
) -> None:
    whole = cv2.copyMakeBorder(picture, 60, 200, 900, 300, cv2.BORDER_REPLICATE) if wide else picture
    found = find_portrait(np.ascontiguousarray(np.rot90(whole, turns)), "a.jpg", tracker)
    assert found.picture_rgb.shape == whole.shape and np.array_equal(found.picture_rgb, whole)
    assert abs(roll_rad(found.landmarks_px)) < 0.2
    assert (len(found.notes) == 0) == (turns == 0) and said in " ".join(found.notes)


def test_a_tilted_head_is_left_tilted(tracker: MediaPipeTracker, picture: np.ndarray) -> None:
    tilt = cv2.getRotationMatrix2D((256, 220), 30, 1.0)
    tilted = cv2.warpAffine(picture, tilt, (512, 448), borderMode=cv2.BORDER_REPLICATE)
    found = find_portrait(tilted, "a.jpg", tracker)
    assert found.notes == () and roll_rad(found.landmarks_px) == pytest.approx(-np.pi / 6, abs=0.1)


def test_refusals_show_what_was_seen(tracker: MediaPipeTracker, picture: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match="two faces of similar size") as two:
        find_portrait(np.concatenate([picture, picture], axis=1), "pair.jpg", tracker)
    assert len(two.value.sight.marks) == 2
    two.value.sight.save(tmp_path / "why.png", str(two.value))
    drawn = cv2.imread(str(tmp_path / "why.png"))[..., ::-1]
    assert (np.abs(drawn.astype(int) - BAD_RGB).max(-1) < 12).sum() > 1000, "boxes in red"
    assert drawn.shape[0] > 448 * 960 / 1024 and drawn.shape[1] == 960, "the message stands above the picture"
    with pytest.raises(InputError, match="a face of 4. pixels; expected at least 64"):
        small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        find_portrait(cv2.copyMakeBorder(small, 99, 99, 99, 99, cv2.BORDER_REPLICATE), "small.jpg", tracker)
    with pytest.raises(UnfitError, match="no face"):
        find_portrait(np.full((300, 400, 3), 90, np.uint8), "grey.jpg", tracker)
