"""A photo taken apart: nothing of the person stays on the wall, nothing of the wall goes along with the person."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from face_model import mp478
from face_model.tracks import FaceTrack
from preprocessing.photo_fitting import fit_photo
from render2video.photo.bent import over
from render2video.photo.filling import continued
from render2video.photo.person import photo_person
from tests.render2video.photo_scenes import SIZE_PX, painter_of, smiling_face, wild

HAIR, SKIN, COAT = (95, 60, 30), (215, 165, 140), (60, 40, 45)
SHELF_EVERY_PX, SHELF = 32, np.array([240.0, 230.0, 90.0])
BOOKS = (40, 90, 60), (40, 120, 170), (90, 150, 90), (60, 80, 150), (170, 190, 220)


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return fit_photo(smiling_face()[0], SIZE_PX, SIZE_PX, "made")


def before(wall: np.ndarray, track: FaceTrack) -> tuple[np.ndarray, np.ndarray]:
    """A photo `[S, S, 3]` of a head and shoulders before a wall, and where the person is `[S, S]` bool."""
    points = track.landmarks_px[0, :, :2]
    oval = points[list(mp478.FACE_OVAL)]
    centre, chin, height = oval.mean(0), points[152], float(np.linalg.norm(points[152] - points[10]))
    head = centre + (oval - centre) * 1.3 - (0, 0.08 * height)
    body = chin + height * np.array([(-0.3, -0.2), (0.3, -0.2), (0.35, 0.3), (1.1, 0.6), (1.1, 3), (-1.1, 3),
                                     (-1.1, 0.6), (-0.35, 0.3)])  # fmt: skip
    person = np.zeros((SIZE_PX, SIZE_PX), np.uint8)
    picture = wall.copy()
    for outline, colour in ((body, COAT), (head, HAIR), (oval, SKIN)):
        cv2.fillPoly(person, [np.rint(outline).astype(np.int32)], 1)
        cv2.fillPoly(picture, [np.rint(outline).astype(np.int32)], colour)
    picture = picture + np.random.default_rng(3).normal(0, 3, picture.shape)
    return cv2.GaussianBlur(picture, (0, 0), 0.8).clip(0, 255).astype(np.uint8), person > 0


@pytest.fixture(scope="module")
def scene(track: FaceTrack) -> tuple[np.ndarray, np.ndarray]:
    """Before a spotted wall."""
    random = np.random.default_rng(3)
    spots = cv2.resize(random.uniform(-40, 40, (32, 32, 1)).astype(np.float32), (SIZE_PX, SIZE_PX))[..., None]
    return before(np.clip(np.array([120.0, 150.0, 190.0]) + spots, 0, 255), track)


@pytest.fixture(scope="module")
def crowded(track: FaceTrack) -> tuple[np.ndarray, np.ndarray]:
    """Before bookshelves, with no colour on them as red as hair and skin, but for the shelves' yellow."""
    random = np.random.default_rng(6)
    wall = np.zeros((SIZE_PX, SIZE_PX, 3))
    for top in range(0, SIZE_PX, SHELF_EVERY_PX):
        for left in range(0, SIZE_PX, 9):
            wall[top : top + SHELF_EVERY_PX, left : left + 9] = BOOKS[random.integers(len(BOOKS))]
        wall[top : top + 5] = SHELF
    return before(wall, track)


def away_px(person: np.ndarray) -> np.ndarray:
    """`[S, S]`: how far each pixel is from the person."""
    return cv2.distanceTransform((~person).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def test_the_wall_stands_still_however_the_head_moves(scene: tuple[np.ndarray, np.ndarray], track: FaceTrack) -> None:
    photo, person = scene
    far = away_px(person) > 20  # the head itself goes as far as 15
    assert far.mean() > 0.2
    for frame in photo_person(photo, track, np.zeros(64, np.float32)).frames(wild(track, 12)):
        assert np.abs(frame[far].astype(int) - photo[far]).max() <= 1


def test_person_and_wall_are_told_apart_and_together_give_the_photo(
    scene: tuple[np.ndarray, np.ndarray], track: FaceTrack
) -> None:
    photo, person = scene
    painter = painter_of(photo_person(photo, track, np.zeros(64, np.float32)))
    coverage = painter.person[..., 3] / 255.0
    assert (coverage[person & (away_px(~person) > 3)] > 0.95).mean() > 0.99
    assert (coverage[away_px(person) > 6] < 0.05).mean() > 0.99
    again = over(painter.person, painter.background)
    assert np.quantile(np.abs(again.astype(int) - photo).max(-1), 0.99) < 20  # mixed edges are a guess
    behind = painter.background[person & (away_px(~person) < 15)].astype(int)
    assert (behind[:, 2] > behind[:, 0]).mean() > 0.99  # wall goes on behind the person: blue, as neither hair nor skin


def test_nothing_of_the_head_stays_on_a_crowded_wall_that_it_uncovers(
    crowded: tuple[np.ndarray, np.ndarray], track: FaceTrack
) -> None:
    photo, person = crowded
    painter = painter_of(photo_person(photo, track, np.zeros(64, np.float32)))
    coverage = painter.person[..., 3] / 255.0
    points = painter.geometry.landmarks_px
    rows = np.arange(SIZE_PX)[:, None]
    height = (rows > points[10, 1]) & (rows < points[152, 1])  # above, how high the hair goes is not told by the face
    head, beside = person & height, ~person & (away_px(person) > 4) & height
    assert (coverage[head & (away_px(~person) > 3)] > 0.95).mean() > 0.99
    assert (coverage[beside] < 0.05).mean() > 0.98  # no book goes along with the head
    uncovered = painter.background[head & (away_px(~person) < 12)].astype(float)
    red = uncovered[:, 0] - np.maximum(uncovered[:, 1], uncovered[:, 2])
    assert (red < 15).mean() > 0.99  # hair has 35, skin 50


def test_a_line_that_runs_behind_the_person_goes_on(crowded: tuple[np.ndarray, np.ndarray]) -> None:
    photo, person = crowded
    whole = continued(photo.astype(np.float32), away_px(person) > 3)
    depth = away_px(~person)
    for top in range(96, 160, SHELF_EVERY_PX):  # beside the face
        hidden = np.flatnonzero(person[top + 2] & (depth[top + 2] < 6))
        assert len(hidden) > 6
        line = whole[top + 2, hidden]
        assert (np.linalg.norm(line - SHELF, axis=-1) < 60).mean() > 0.8
        between = np.flatnonzero(person[top + 16] & (depth[top + 16] < 6))
        assert (np.linalg.norm(whole[top + 16, between] - SHELF, axis=-1) > 60).mean() > 0.8
