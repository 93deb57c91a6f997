"""Small faces: found in tiles, placed in close-ups, followed in a window that moves with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.small_faces import error, laid
from foundation.shipped import shipped
from preprocessing.media.stills import read_still
from preprocessing.tracking import FaceObservation, follow_face
from preprocessing.tracking.close_up import Window, distinct, find_faces
from preprocessing.tracking.mediapipe_tracker import MediaPipeTracker
from preprocessing.tracking.watching import CloseUpWatch

SHAPE = np.random.default_rng(0).uniform(-0.5, 0.5, (478, 3)).astype(np.float32)
SHAPE[0], SHAPE[1] = (-0.5, -0.5, 0), (0.5, 0.5, 0)


class Discs:
    """Sees white discs on black, as the real detector sees faces: none under an eighth of the view, and those under a
    quarter of it beside where they are.
    """

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self, picture_rgb: np.ndarray) -> list[FaceObservation]:
        self.looks += 1
        count, _, boxes, middles = cv2.connectedComponentsWithStats((picture_rgb[..., 0] > 127).astype(np.uint8))
        found = []
        for (_, _, width, height, _), middle in list(zip(boxes, middles, strict=True))[1:count]:
            share = max(width, height) / max(picture_rgb.shape[:2])
            if share >= 0.125 and max(width, height) < 1.2 * min(width, height):
                beside = 0.2 * width if share < 0.25 else 0.0
                points = SHAPE * width + np.array([*(middle + 0.5 + beside), 0], np.float32)
                found.append(FaceObservation(points.astype(np.float32), np.zeros(52, np.float32)))
        return found


def discs(*places: tuple[float, float, float], size: tuple[int, int] = (1280, 720)) -> np.ndarray:
    """White discs (x, y, diameter) on black."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    for x, y, diameter in places:
        centre = round((x - 0.5) * 16), round((y - 0.5) * 16)
        cv2.circle(picture, centre, round(diameter * 8), (255, 255, 255), -1, cv2.LINE_AA, 4)
    return picture


@pytest.mark.parametrize("diameter", [64, 90, 140, 300, 600])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.0, 0.0), (1.0, 0.4), (0.281, 0.62)])
def test_a_face_of_any_size_is_found_wherever_it_lies(diameter: float, place: tuple[float, float]) -> None:
    margin = diameter / 2 + 4
    x, y = (margin + share * (side - 2 * margin) for share, side in zip(place, (1280, 720), strict=True))
    faces = find_faces(Discs(), discs((x, y, diameter)))
    assert len(faces) == 1
    assert np.abs(faces[0].centre_px - (x, y)).max() < 0.03 * diameter
    assert faces[0].size_px == pytest.approx(diameter, rel=0.05)


def test_a_rival_is_found_and_a_passer_by_costs_no_search() -> None:
    sizes = [face.size_px for face in find_faces(Discs(), discs((400, 300, 120), (900, 500, 90)))]
    assert sizes == pytest.approx([120, 90], rel=0.05)
    look = Discs()
    assert len(find_faces(look, discs((640, 360, 400), (80, 80, 60)))) == 1 and look.looks < 6


def test_views_show_what_lies_there() -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 400)[None, :, None], (300, 400, 3)).astype(np.uint8)
    for side, centre in ((100, 200.5), (640, 200.0), (2000, 200.0)):
        window = Window(centre, 150, side)
        view = window.view(ramp)
        assert view.shape == (window.view_px, window.view_px, 3)
        assert view[window.view_px // 2, window.view_px // 2, 0] == pytest.approx(127.8 * centre / 200, abs=1.5)


def test_one_face_found_twice_is_one() -> None:
    one = FaceObservation(SHAPE * 100, np.zeros(52, np.float32))
    inside = FaceObservation(SHAPE * 55 + 10, np.zeros(52, np.float32))
    beside = FaceObservation(SHAPE * 90 + 100, np.zeros(52, np.float32))
    assert distinct([inside, one, beside]) == [one, beside]


def test_a_window_moves_with_its_face_and_is_left_where_the_face_is_large() -> None:
    look = Discs()
    watch = CloseUpWatch(lambda picture, _: look(picture), look, lambda: None)
    places = [(100 + 6 * k, 300 + 2 * k, 80) for k in range(60)]
    for k, place in enumerate(places):
        seen = watch.observe(discs(place), k / 25)
        assert len(seen) == 1 and np.abs(seen[0].centre_px - place[:2]).max() < 3, k
    assert look.looks < 60 + 140, "looked for once, then only followed"
    for k in range(60, 70):
        seen = watch.observe(discs((500, 400, 80 + 30 * (k - 59))), k / 25)
    before = look.looks
    assert seen[0].size_px == pytest.approx(380, rel=0.05) and len(watch.observe(discs((500, 400, 380)), 2.9)) == 1
    assert look.looks == before + 1, "a large face is watched in the whole frame, looked at once"


def test_a_face_that_is_nowhere_is_not_looked_for_all_the_time() -> None:
    look = Discs()
    watch = CloseUpWatch(lambda picture, _: look(picture), look, lambda: None)
    empty = discs()
    for k in range(100):
        assert watch.observe(empty, k / 25) == []
    first = Discs()
    find_faces(first, empty)
    assert look.looks <= 100 + 4 * first.looks, "4 s: at 0, 0.5, 1.5 and 3.5 s"
    assert len(watch.observe(discs((300, 300, 80)), 6.0)) == 1


@pytest.fixture(scope="module")
def tracker(model_path: Path) -> Iterator[MediaPipeTracker]:
    tracker = MediaPipeTracker(model_path)
    yield tracker
    tracker.close()


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    still = read_still(shipped("astronaut/preview.jpg"))
    assert still is not None
    return still.picture_rgb


@pytest.mark.parametrize("size_px", [64, 90, 128])
def test_lips_of_small_faces_lie_where_those_of_large_ones_do(
    tracker: MediaPipeTracker, portrait: np.ndarray, size_px: float
) -> None:
    truth = tracker.confirm(portrait)[0]
    frames = [laid(portrait, size_px / truth.size_px, (1280, 720), k / 3) for k in range(6)]
    assert len(tracker.confirm(frames[0][0])) == 1
    assert error(tracker.confirm(frames[0][0])[0].landmarks_px, truth.landmarks_px, frames[0][1]) < 0.02
    track = follow_face(tracker, [frame for frame, _ in frames], 25)
    assert track.valid.all()
    for points, (_, matrix) in zip(track.landmarks_px, frames, strict=True):
        assert error(points, truth.landmarks_px, matrix) < 0.02
