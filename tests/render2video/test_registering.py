"""Frames laid on a person's mean face: a mesh goes where the face is, and what goes with a motion is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from face_model import mp478
from render2video.conditioning import HeadRenderer
from render2video.footage.bend import Bend
from render2video.footage.footage import open_eyed_px
from render2video.footage.registering import LEAST_TOLD, described, registered
from render2video.footage.registration import Registration
from tests.render2video.drawn_person import MODEL, filmed, talking_track
from tests.render2video.in_memory import Pictures
from tests.render2video.test_footage import with_mouths

FRAMES = 24
SKIN = [*mp478.RIGHT_BROW, *mp478.LEFT_BROW, 4, 5, 195, 205, 425, 50, 280, 151, 9, 8]


@pytest.fixture(scope="module")
def person():
    """Its head, and the registration of frames that a tracker put its mesh beside the face of."""
    talking = talking_track(FRAMES)
    track = replace(talking, motion=replace(talking.motion, blink=np.full(FRAMES, 0.3, np.float32)))
    head = HeadRenderer(MODEL, track.person, track.camera, 1)
    true = open_eyed_px(head, track.motion)
    sway = 1.6 * np.sin(np.arange(FRAMES)[:, None] * np.array([1.1, 1.7]))
    tracked = (true + sway[:, None]).astype(np.float32)
    usable = np.ones(FRAMES, bool)
    usable[5] = False
    frames = Pictures(with_mouths(track, filmed(track)))
    return true, tracked, usable, registered(frames, Bend(head), tracked, track.motion, usable)


def off_px(points: np.ndarray, true: np.ndarray) -> float:
    """How far skin is from where it is in truth, but for what is the same in all frames."""
    away = (points - true)[:, SKIN]
    return float(np.linalg.norm(away - away.mean(0), axis=-1).mean())


def test_a_mesh_goes_to_where_the_face_is(person):
    true, tracked, usable, laid = person
    before, after = (off_px(points[usable], true[usable]) for points in (tracked, laid.moved(tracked)))
    assert before > 1.2 and after < 0.5 * before


def test_a_frame_alone_is_moved_as_among_all(person):
    _, tracked, _, laid = person
    np.testing.assert_allclose(laid.moved(tracked[3:4], slice(3, 4))[0], laid.moved(tracked)[3], atol=1e-4)


def test_little_footage_tells_nothing_of_other_motions(person):
    _, tracked, _, laid = person
    assert FRAMES < LEAST_TOLD
    motion = talking_track(FRAMES).motion
    np.testing.assert_array_equal(laid.wanted(tracked, motion), tracked)


def _told(share: float) -> tuple[Registration, np.ndarray, np.ndarray]:
    """Offsets of which a share goes with the turn of the head, the rest with nothing, and what is told of another."""
    count, dice = 200, np.random.default_rng(0)
    motion = talking_track(count).motion
    places = open_eyed_px(HeadRenderer(MODEL, talking_track(1).person, talking_track(1).camera, 1), motion[:1])[0]
    shape = dice.normal(size=places.shape)
    numbers = share * motion.rotation[:, 1] / motion.rotation[:, 1].std() + (1 - share) * dice.normal(size=count)
    laid = described(places, (numbers[:, None, None] * shape).astype(np.float32), motion, np.arange(count))
    return laid, laid.told[0] + motion.pack() @ laid.told[1:], laid.frames


def test_what_goes_with_the_motion_is_told_and_chance_is_not():
    _, told, true = _told(1.0)
    assert np.square(true - told).sum() < 0.05 * np.square(true).sum()
    laid, told, true = _told(0.0)
    assert np.square(told).sum() < 0.1 * np.square(true).sum()
