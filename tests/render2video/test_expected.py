"""How a face is expected to look: its light goes with the motion, its detail stays, and what is no face stays whole."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from face_model.tracks import FaceMotion
from render2video.conditioning import HeadRenderer
from render2video.footage.bend import Bend
from render2video.footage.config import FootageConfig
from render2video.footage.expected import LIPS, ExpectedFace, Spots, Told, parts_weights
from render2video.footage.expecting import expected_looks
from render2video.footage.footage import Footage, open_eyed_px
from render2video.footage.masks import mouth_outline, polygon_patch
from render2video.footage.network import MouthFinisher
from render2video.footage.painter import FootagePainter, Wanted
from render2video.footage.registration import Registration
from tests.render2video.drawn_person import MODEL, filmed, talking_track
from tests.render2video.in_memory import Pictures

COUNT, OUT = 96, slice(60, 72)  # frames, and those that nothing is learned from


class Lit:
    """A person whose light goes with the turn of their head."""

    def __init__(self) -> None:
        still = talking_track(COUNT)
        self.motion = replace(still.motion, blink=np.full(COUNT, 0.3, np.float32))
        head = HeadRenderer(MODEL, still.person, still.camera, 1)
        self.points = open_eyed_px(head, self.motion).astype(np.float32)
        self.bend = Bend(head)
        self.drawn = filmed(replace(still, motion=self.motion))
        self.light = 1 + 2.5 * self.motion.rotation[:, 1]
        nothing = np.zeros((1, *self.points[0].shape), np.float32)
        told = np.zeros((1 + self.motion.pack().shape[1], 1), np.float32)
        self.laid = Registration(self.points[0], nothing, np.zeros((COUNT, 1), np.float32), told)
        self.usable = np.ones(COUNT, bool)
        self.usable[OUT] = False

    def seen(self, index: int, light: float) -> np.ndarray:
        return (self.drawn[index] * light).clip(0, 255).astype(np.uint8)

    def expected(self, light: np.ndarray) -> ExpectedFace:
        frames = Pictures([self.seen(k, light[k]) for k in range(COUNT)])
        told = expected_looks(frames, self.bend, self.points, self.laid, self.motion, self.usable)
        return ExpectedFace(self.laid.canonical, told, self.bend)

    def face(self, index: int) -> np.ndarray:
        """`[H, W]` bool: well inside of it."""
        inside = np.zeros(self.drawn[0].shape[:2], np.uint8)
        cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(self.points[index][self.bend.oval]).astype(np.int32)), 1)
        return cv2.erode(inside, np.ones((9, 9))) > 0


@pytest.fixture(scope="module")
def lit():
    return Lit()


@pytest.fixture(scope="module")
def expected(lit):
    return lit.expected(lit.light)


def put(expected: ExpectedFace, frame: np.ndarray, points: np.ndarray, motion: FaceMotion) -> np.ndarray:
    made = frame.copy()
    spots = {name: spot[0] for name, spot in expected.spots(motion).items()}
    expected.put(made, points, expected.look(spots))
    return made


def off(one: np.ndarray, other: np.ndarray, mask: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other)[mask].mean())


def test_a_face_gets_the_light_of_the_motion_and_keeps_its_detail(lit, expected):
    for k in range(OUT.start, OUT.stop, 4):
        face, truth = lit.face(k), lit.seen(k, lit.light[k])
        wrong = lit.seen(k, lit.light[k] + 0.25)
        grain = np.random.default_rng(k).normal(scale=6, size=wrong.shape)
        frame = (wrong + grain).clip(0, 255).astype(np.uint8)
        made = put(expected, frame, lit.points[k], lit.motion[k : k + 1])
        assert off(cv2.blur(made, (5, 5)), cv2.blur(truth, (5, 5)), face) < 0.4 * off(wrong, truth, face)
        fine = [np.std(cv2.Laplacian(p, cv2.CV_32F)[face]) for p in (frame, made)]
        assert 0.8 < fine[1] / fine[0] < 1.3
        assert np.array_equal(made[:10], frame[:10])


def test_a_hand_before_the_face_stays(lit, expected):
    k = OUT.start
    frame = lit.seen(k, lit.light[k])
    x, y = np.rint(lit.points[k][205]).astype(int)  # on a cheek
    hand = np.s_[y - 8 : y + 8, x - 8 : x + 8]
    frame[hand] = (250, 20, 20)
    made = put(expected, frame, lit.points[k], lit.motion[k : k + 1])
    assert np.abs(made[hand].astype(int) - frame[hand])[4:-4, 4:-4].mean() < 4


def test_a_motion_that_the_footage_never_shows_is_left_alone(lit, expected):
    k = OUT.start
    frame, motion = lit.seen(k, 0.6), lit.motion[k : k + 1]
    strange = replace(motion, expression=motion.expression + 30)
    assert np.array_equal(put(expected, frame, lit.points[k], strange), frame)


def test_light_that_goes_with_nothing_is_not_told(lit):
    """Where chance alone changes the light, what is told is about the mean: no frame's own."""
    light = 1 + 0.3 * np.random.default_rng(3).uniform(-1, 1, COUNT)
    expected, middle = lit.expected(light), float(light[lit.usable].mean())
    for k in range(OUT.start, OUT.stop, 4):
        made = put(expected, lit.seen(k, middle), lit.points[k], lit.motion[k : k + 1])
        assert off(cv2.blur(made, (5, 5)), cv2.blur(lit.seen(k, middle), (5, 5)), lit.face(k)) < 12


def test_a_part_of_a_face_keeps_the_light_of_the_frame(lit, expected):
    """As in a dub: nothing changes around the part, and in it the light stays, however the motion would have it."""
    k = OUT.start
    frame, outline = lit.seen(k, lit.light[k] + 0.2), mouth_outline(lit.points[k])
    within = polygon_patch(outline, 1.5, frame.shape[1], frame.shape[0])
    made = frame.copy()
    spots = {name: spot[0] for name, spot in expected.spots(lit.motion[k : k + 1]).items()}
    expected.put(made, lit.points[k], expected.look(spots), within)
    outside = np.ones(frame.shape[:2], bool)
    outside[within.rows, within.columns] = False
    assert np.array_equal(made[outside], frame[outside])
    mouth = ~outside
    whole = put(expected, frame, lit.points[k], lit.motion[k : k + 1])
    moved = [float((p.astype(float) - frame)[mouth].mean()) for p in (made, whole)]
    assert abs(moved[0]) < 0.3 * abs(moved[1])


GREY, SWING, PERIOD_PX = 120.0, 40.0, 4  # of a grating: the finest that a filter of a few pixels can keep whole


def grating(height: int, width: int, shift_px: float) -> np.ndarray:
    """`[H, W, 3]` uint8: upright stripes, moved to the right."""
    across = np.sin(2 * np.pi * (np.arange(width) - shift_px) / PERIOD_PX)
    return np.rint(GREY + SWING * np.broadcast_to(across[None, :, None], (height, width, 3))).astype(np.uint8)


def swing(picture: np.ndarray, mask: np.ndarray, shift_px: float) -> float:
    """How strong the grating is where the mask is, with the phase that it must have (least squares)."""
    rows, columns = np.nonzero(mask)
    wave = np.sin(2 * np.pi * (columns - shift_px) / PERIOD_PX)
    level = picture[rows, columns, 1].astype(float)
    return float((wave * (level - level.mean())).sum() / np.square(wave).sum())


@pytest.mark.parametrize("told", [False, True], ids=["as it is", "under a look that is told"])
def test_a_mouth_keeps_its_detail(lit, told):
    """A grating is taken from a real mouth half a pixel aside: its swing is the same, not that of two interpolations,
    nor of two mouths mixed, here of opposite phases. A told look is grey: on it, it swings no less.
    """
    head, (height, width) = lit.bend.head, lit.drawn[0].shape[:2]
    frames = Pictures([grating(height, width, PERIOD_PX / 2 * (k % 2)) for k in range(COUNT)])
    places = parts_weights(lit.laid.canonical, lit.bend.oval)["mouth"]
    spot = Spots(head.model)(lit.motion[4:5])["mouth"]
    grey = np.full((*places.shape, 3), GREY, np.float32)
    look = Told(
        spot, np.ones(1, np.float32), np.zeros((1, 1), np.float32), np.zeros_like(grey)[None], grey,
        np.zeros(2, np.int32),
    )
    footage = Footage(
        frames, head, lit.motion, np.ones(COUNT, bool), np.zeros(COUNT, bool), np.zeros((COUNT, 1), np.float32),
        registration=lit.laid, told={"mouth": look} if told else {},
    )
    painter = FootagePainter(footage, MouthFinisher(48, 8), FootageConfig())
    points = footage.points_px[4] + np.float32(0.5) * np.array((1, 0), np.float32)
    want = Wanted(points, footage.lips_mm[4], lit.motion[4:5])
    made = np.full((height, width, 3), round(GREY), np.uint8)
    painter.paint_finished(made, want, [(5, 0.5), (4, 0.5)] if told else [(4, 1.0)], 4)
    lips = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(lips, cv2.convexHull(np.rint(points[list(LIPS)]).astype(np.int32)), 1)
    kept = swing(made, lips > 0, 0.5) / SWING
    assert kept > 0.93
    assert kept < (1.4 if told else 1.05)
