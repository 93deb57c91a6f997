"""Walls that stand still are kept still, and eyes look where a motion's own gaze does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from face_model import mp478
from render2video.conditioning import HeadRenderer
from render2video.footage.gaze import Following, gaze_of
from render2video.footage.wall import StillWall, sampled
from tests.render2video.drawn_person import HEIGHT_PX, MODEL, WIDTH_PX, talking_track

FRAMES, FPS = 24, 25.0
CORNER, BESIDE = np.s_[10:50, 10:50], np.s_[10:50, 170:210]


@pytest.fixture(scope="module")
def head() -> HeadRenderer:
    track = talking_track(FRAMES)
    return HeadRenderer(MODEL, track.person, track.camera, 1)


def noisy_walls(levels: float = 2.0) -> list[np.ndarray]:
    """Frames of one textured wall, each with its own grain; a curtain on the right moves."""
    dice = np.random.default_rng(0)
    wall = dice.integers(60, 130, (HEIGHT_PX // 10, WIDTH_PX // 10)).repeat(10, 0).repeat(10, 1)
    wall = wall[..., None].repeat(3, 2).astype(np.float32)
    frames = [wall + dice.normal(0, levels, wall.shape) for _ in range(FRAMES)]
    for index, frame in enumerate(frames):
        frame[:, 160:] = np.roll(wall, 10 * index, axis=0)[:, 160:]
    return [frame.round().clip(0, 255).astype(np.uint8) for frame in frames]


def change(frames: list[np.ndarray], part: tuple[slice, slice]) -> float:
    return float(np.mean([np.abs(a[part].astype(float) - b[part]) for a, b in zip(frames, frames[1:], strict=False)]))


def test_a_still_wall_changes_less_and_what_moves_is_left_alone(head):
    frames = noisy_walls()
    wall = StillWall.of(frames, head, talking_track(FRAMES).motion)
    assert wall is not None
    made = [wall(frame) for frame in frames]
    assert change(made, CORNER) < 0.6 * change(frames, CORNER)
    np.testing.assert_array_equal(made[3][BESIDE], frames[3][BESIDE])
    middle = head.vertices_px(talking_track(FRAMES).motion)[0][0, 4].astype(int)
    face = np.s_[middle[1] - 5 : middle[1] + 5, middle[0] - 5 : middle[0] + 5]
    np.testing.assert_array_equal(made[3][face], frames[3][face])


def test_what_passes_before_a_still_wall_stays_whole(head):
    frames = noisy_walls()
    wall = StillWall.of(frames, head, talking_track(FRAMES).motion)
    hand = frames[5].copy()
    hand[15:45, 15:45] = (190, 140, 120)
    assert wall is not None
    np.testing.assert_array_equal(wall(hand)[20:40, 20:40], hand[20:40, 20:40])


def test_few_frames_tell_of_no_wall(head):
    assert StillWall.of(noisy_walls()[:3], head, talking_track(FRAMES).motion) is None


def test_samples_are_spread_over_all_frames():
    frames = [np.full((2, 2, 3), k, np.uint8) for k in range(100)]
    samples: list[np.ndarray] = []
    assert len(list(sampled(iter(frames), 100, samples))) == 100
    assert 20 <= len(samples) <= 60 and samples[-1][0, 0, 0] > 90


def test_a_gaze_goes_with_the_irises(head):
    """Where the model itself puts irises that its own expression moves."""
    expression = np.random.default_rng(1).normal(0, 1, (40, 64)).astype(np.float32)
    gaze = gaze_of(head, expression)
    motion = replace(
        talking_track(40).motion, expression=expression, rotation=np.zeros((40, 3), np.float32),
        blink=np.zeros(40, np.float32),
    )
    points = head.vertices_px(motion)[0]
    along = []
    for ring, iris in ((mp478.RIGHT_EYE, mp478.RIGHT_IRIS), (mp478.LEFT_EYE, mp478.LEFT_IRIS)):
        corner, other = points[:, ring[0]], points[:, ring[8]]
        middle = (corner + other) / 2
        along.append(((points[:, iris[0]] - middle) * (other - corner)).sum(1) / np.square(other - corner).sum(1))
    assert np.corrcoef(np.mean(along, axis=0), gaze[:, 0])[0, 1] > 0.9


def test_a_living_gaze_is_followed_and_a_staring_one_is_not():
    dice = np.random.default_rng(0)
    own = np.repeat(dice.normal(0, 0.015, (60, 2)), 5, axis=0)
    alive, staring, asking = (Following(own, FPS) for _ in range(3))
    for look in own[:150]:
        lively, dead = alive((look[0], look[1])), staring((0.05 * look[0], 0.05 * look[1]))
    assert lively > 0.9 and dead == 0
    asked = [asking((0.06, 0.0)) for _ in range(100)]
    assert min(asked) == 1.0


def test_a_living_gaze_is_followed_from_the_third_frame_on_and_a_staring_one_never():
    """Of somebody whose eyes move all the time, every frame; a motion that begins is not taken for one that stares."""
    own = np.random.default_rng(0).normal(0, 0.01, (300, 2))
    lively, dead = Following(own, FPS), Following(own, FPS)
    shares = [lively((x, y)) for x, y in own[:40]]
    assert min(shares[2:]) > 0.6
    assert max(dead((0.01 + 0.05 * x, 0.05 * y)) for x, y in own[:40]) == 0
