"""Frames of a photo are painted by several threads: in order, and as one thread paints them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from face_model import mp478
from face_model.tracks import FaceMotion
from foundation.memory import keep_freed_memory
from foundation.shipped import shipped
from render2video import side_by_side
from render2video.painter import load_painter

FRAMES = 6


@pytest.fixture(scope="module")
def motion() -> FaceMotion:
    made = FaceMotion.unpack(np.zeros((FRAMES, 71), np.float32))
    made.translation[:, 2] = -600
    made.rotation[:, 1] = np.linspace(-0.1, 0.1, FRAMES)
    made.blink[:] = np.linspace(0, 4, FRAMES)
    return made


def test_threads_paint_what_one_paints(motion: FaceMotion, monkeypatch: pytest.MonkeyPatch) -> None:
    painter = load_painter(shipped("astronaut"), mp478.load())
    made = list(painter.frames(motion))
    monkeypatch.setattr(side_by_side, "side_by_side", lambda work, items, begin: map(work, items))
    np.testing.assert_array_equal(np.stack(made), np.stack(list(painter.frames(motion))))
    assert len({frame.tobytes() for frame in made}) == FRAMES


def test_a_frame_begun_does_not_wait_for_the_next(motion: FaceMotion) -> None:
    asked = 0

    def slowly() -> Iterator[FaceMotion]:
        nonlocal asked
        for index in range(3):
            asked += 1
            yield motion[index : index + 1]

    painter, before = load_painter(shipped("astronaut"), mp478.load()), threading.active_count()
    for count, future in enumerate(painter.begun(slowly())):
        assert asked == count + 1
        assert future is not None and future.result().dtype == np.uint8
    assert threading.active_count() < before + 20


def test_keeping_memory_is_no_error() -> None:
    assert keep_freed_memory() in (True, False)
