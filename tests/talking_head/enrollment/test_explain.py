"""`enroll --explain FILE.png`: a picture of what was found where something is refused for what it shows."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from foundation.shipped import shipped
from preprocessing.explaining import BAD_RGB
from tests.preprocessing.making import grey, write_media
from tests.talking_head.media import voice
from tests.talking_head.test_bad_input import left_behind, refused


def reds(path: Path) -> int:
    """Pixels of boxes and words that say what was wrong."""
    drawn = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return int((np.abs(drawn - BAD_RGB).max(-1) < 12).sum())


@pytest.fixture
def portrait() -> np.ndarray:
    return np.asarray(Image.open(shipped("astronaut/preview.jpg")).convert("RGB"))


def explained(source: Path, reason: str, folder: Path) -> Path:
    why, home = folder / "why.png", folder / "home"
    words = ["enroll", source, "--id", "ana", "--consent", "yes", "--home", home, "--explain", why]
    refused(words, reason)
    refused(words, f"{why} shows what was found")
    assert left_behind(home) == []
    return why


def test_two_people_in_a_photo(portrait: np.ndarray, tmp_path: Path, landmarker: None) -> None:
    Image.fromarray(np.concatenate([portrait, portrait], axis=1)).save(tmp_path / "a.jpg")
    why = explained(tmp_path / "a.jpg", "two faces of similar size", tmp_path)
    drawn = cv2.imread(str(why))
    assert drawn.shape[1] == 960 and reds(why) > 1000
    left, right = reds_of_halves(drawn)
    assert min(left, right) > 500, "both are shown"


def reds_of_halves(drawn_bgr: np.ndarray) -> tuple[int, int]:
    red = np.abs(drawn_bgr[..., ::-1].astype(int) - BAD_RGB).max(-1) < 12
    middle = red.shape[1] // 2
    return int(red[:, :middle].sum()), int(red[:, middle:].sum())


def test_a_video_without_a_face_in_most_of_it(portrait: np.ndarray, tmp_path: Path, landmarker: None) -> None:
    small = cv2.resize(portrait, (192, 192), interpolation=cv2.INTER_AREA)
    path = write_media(tmp_path / "a.mp4", [small] * 40 + [grey(90, 192, 192)] * 100, sound=voice(5.6))
    why = explained(path, "the face is seen in 29% of the frames", tmp_path)
    assert cv2.imread(str(why)).shape[1] == 384 and min(reds_of_halves(cv2.imread(str(why)))) > 100


def test_what_is_not_refused_for_what_it_shows_leaves_no_picture(tmp_path: Path) -> None:
    words = ["enroll", tmp_path / "none.mp4", "--id", "ana", "--consent", "yes", "--home", tmp_path / "home"]
    refused([*words, "--explain", tmp_path / "why.png"], "does not exist")
    refused([*words, "--explain", tmp_path / "why.jpg"], "a name that ends in .png; try why.png")
    assert left_behind(tmp_path) == []
