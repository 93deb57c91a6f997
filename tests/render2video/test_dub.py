"""A film that goes on after its end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from render2video.conditioning import HeadRenderer
from render2video.footage.config import FootageConfig
from render2video.footage.dub import continued
from render2video.footage.footage import Footage
from render2video.footage.network import MouthFinisher
from render2video.footage.painter import FootagePainter
from render2video.footage.path import PathCosts
from tests.render2video.drawn_person import MODEL, filmed, talking_track
from tests.render2video.in_memory import Pictures

HALF, AWAY_MM = 20, 20.0


@pytest.fixture(scope="module")
def painter() -> FootagePainter:
    """Two shots of a person who stands elsewhere in the second; what was just shown is soon left."""
    track = talking_track(2 * HALF)
    where = track.motion.translation.copy()
    where[HALF:, 0] += AWAY_MM
    motion = replace(track.motion, translation=where)
    frames = filmed(replace(track, motion=motion))
    head, second = HeadRenderer(MODEL, track.person, track.camera, 1), np.arange(2 * HALF) == HALF
    thumbnails = np.zeros((2 * HALF, 4), np.float32)
    footage = Footage(Pictures(frames), head, motion, np.ones(2 * HALF, bool), second, thumbnails)
    config = FootageConfig(width=8, head=PathCosts(jump=0.0, again=3.0))
    return FootagePainter(footage, MouthFinisher(48, 8), config)


def test_a_head_goes_over_to_another_pose_and_its_face_is_told_where_it_is(painter: FootagePainter) -> None:
    made = list(continued(painter, 2 * HALF - 1, 80))
    indices = np.array([index for index, _, _ in made])
    first = indices < HALF
    jumps = np.flatnonzero(first[1:] != first[:-1])
    assert len(jumps) and first.any() and not first.all(), "it uses both shots"
    face = len(painter.footage.head.neutral_mm)
    told = np.array([points[:face].mean(0) for _, _, points in made])[:, 0]
    own = painter.footage.points_px[:, :face].mean(1)[:, 0]
    apart = np.ptp(own)
    assert np.abs(np.diff(told)).max() < 0.3 * apart, "no jump of a head"
    measured = max(abs(middle(coded(painter, index)) - x) for index, x in enumerate(own))
    off = max(abs(middle(picture) - x) for (_, picture, _), x in zip(made, told, strict=True))
    assert off < measured + 0.5, "the face is where it is said to be"


@pytest.mark.parametrize("last", [2 * HALF - 1, 2 * HALF + 60])
def test_after_frames_without_a_face_or_beyond_what_is_kept_it_cuts_to_one(painter: FootagePainter, last: int) -> None:
    usable = np.arange(2 * HALF) < HALF
    footage = replace(painter.footage, usable=usable)
    made = list(continued(FootagePainter(footage, painter.generator, painter.config), last, 60))
    indices = [index for index, _, _ in made]
    assert np.array_equal(made[0][1], coded(painter, indices[0])), "no mixture of both"
    assert len(indices) == 60 and usable[indices].all() and len(set(indices)) > 10


def coded(painter: FootagePainter, index: int) -> np.ndarray:
    """A frame of the footage, whose colours are kept at half of its pixels."""
    frames = painter.footage.frames
    height, width = frames[index].shape[:2]
    return frames.planes(index).rgb(slice(0, height), slice(0, width))


def middle(picture: np.ndarray) -> float:
    """Column in the middle of what is as red as the face."""
    return float(np.where(picture[..., 0].astype(int) - picture[..., 2] > 30)[1].mean())
