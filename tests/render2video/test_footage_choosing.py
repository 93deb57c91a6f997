"""Of long footage, the part that shows most of what there is; nothing depends on the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from face_model.tracks import FaceMotion
from render2video.conditioning import HeadRenderer
from render2video.footage.choosing import MOST_FRAMES, useful
from render2video.footage.config import FootageConfig
from render2video.footage.distances import deviations, mean_apart
from render2video.footage.footage import Footage
from render2video.footage.network import MouthFinisher
from render2video.footage.painter import FootagePainter, Wanted
from tests.render2video.drawn_person import HEIGHT_PX, MODEL, WIDTH_PX, talking_track
from tests.render2video.in_memory import Pictures

MINUTE, FPS = 1500, 25.0
TURNED_FROM, TURNED_TO = 20_010, 20_040


@pytest.fixture(scope="module")
def footage() -> Footage:
    """Twenty minutes of somebody who holds still but for a second in the middle; every frame tells its number."""
    track, count = talking_track(2), 20 * MINUTE
    still = np.repeat(track.motion.pack()[:1], count, axis=0)
    motion = FaceMotion.unpack(still, FPS, track.motion.face_model)
    motion.rotation[TURNED_FROM:TURNED_TO, 1] += np.linspace(0, 0.5, TURNED_TO - TURNED_FROM, dtype=np.float32)
    frames = Pictures([np.full((HEIGHT_PX, WIDTH_PX, 3), 7, np.uint8)])
    numbered = np.arange(count, dtype=np.float32)[:, None]
    head = HeadRenderer(MODEL, track.person, track.camera, 1)
    return Footage(frames, head, motion, np.ones(count, bool), np.zeros(count, bool), numbered)


def test_what_is_seen_once_is_kept(footage: Footage) -> None:
    part = useful(footage, 3000)
    numbers = part.thumbnails[:, 0].astype(int)
    assert len(part) <= 3000 and set(range(TURNED_FROM, TURNED_TO)) <= set(numbers)
    assert np.array_equal(part.motion.pack(), footage.motion.pack()[numbers])
    assert np.array_equal(part.breaks[1:], np.diff(numbers) != 1), "it jumps only where frames are missing"
    assert part.frames.numbers.tolist() == numbers.tolist()  # type: ignore[attr-defined]


def test_short_footage_is_left_as_it_is(footage: Footage) -> None:
    short = footage.part(np.arange(100))
    assert useful(short, 3000) is short


def test_lost_frames_are_not_worth_keeping(footage: Footage) -> None:
    lost = np.arange(len(footage)) // MINUTE % 2 == 0
    lost[TURNED_FROM:TURNED_TO] = False
    part = useful(replace(footage, usable=~lost), 3000)
    assert part.usable.any() and set(range(TURNED_FROM, TURNED_TO)) <= set(part.thumbnails[:, 0].astype(int))


def test_distances_are_those_of_plain_arithmetic() -> None:
    generator = np.random.default_rng(4)
    points, wanted = generator.normal(size=(50, 12, 2)).astype(np.float32), generator.normal(size=(12, 2))
    truth = np.linalg.norm(points - wanted, axis=-1).mean(-1)
    np.testing.assert_allclose(mean_apart(points, wanted), truth, rtol=1e-5)
    lips, asked = generator.normal(size=(50, 40, 3)).astype(np.float32), generator.normal(size=(40, 3))
    truth = np.sqrt(np.square(lips - asked).sum(-1).mean(-1))
    np.testing.assert_allclose(deviations(lips, asked), truth, rtol=1e-5)


def test_mouths_of_long_footage_come_from_what_shows_most(footage: Footage) -> None:
    """A second of open lips in twenty minutes is found, and few of the other frames are looked at."""
    opened = footage.motion.expression.copy()
    opened[TURNED_FROM:TURNED_TO] += talking_track(32).motion.expression[16]
    spoken = replace(footage, motion=replace(footage.motion, expression=opened))
    painter = FootagePainter(spoken, MouthFinisher(48, 8), FootageConfig())
    middle = (TURNED_FROM + TURNED_TO) // 2
    wanted = Wanted(spoken.points_px[middle], spoken.lips_mm[middle], spoken.motion[middle : middle + 1])
    (mouths,) = painter.mouth_path([wanted])
    assert TURNED_FROM <= mouths[-1][0] < TURNED_TO
    assert len(painter._with_mouths[1]) <= MOST_FRAMES < len(spoken)
