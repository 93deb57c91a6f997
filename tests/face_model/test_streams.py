"""A motion in pieces at another rate."""

from __future__ import annotations

import numpy as np
import pytest

from face_model.streams import resampled_pieces
from face_model.tracks import FaceMotion


def motion(frames: int, seed: int = 0) -> FaceMotion:
    return FaceMotion.unpack(np.random.default_rng(seed).normal(size=(frames, 71)))


@pytest.mark.parametrize("fps", [15.0, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60.0])
@pytest.mark.parametrize("size", [1, 2, 7, 200])
def test_pieces_make_the_whole_to_the_bit(fps: float, size: int) -> None:
    whole = motion(100)
    count = round(100 / 30 * fps)
    pieces = [whole[start : start + size] for start in range(0, 100, size)]
    made = [piece.pack() for piece in resampled_pieces(pieces, fps, lambda: count)]
    np.testing.assert_array_equal(np.concatenate(made), whole.resampled(fps, count).pack())


def test_a_frame_waits_for_one_more_and_no_longer() -> None:
    given = 0

    def counted() -> object:
        nonlocal given
        for index in range(60):
            given = index + 1
            yield motion(60)[index : index + 1]

    done = 0
    for piece in resampled_pieces(counted(), 25.0, lambda: 50):  # type: ignore[arg-type]
        done += len(piece)
        if given < 60:
            assert given == np.floor((done - 1) * 30 / 25) + 2  # the two that the last one lies between


def test_the_end_is_held() -> None:
    whole = motion(3)
    made = list(resampled_pieces([whole], 30.0, lambda: 6))
    flat = np.concatenate([piece.pack() for piece in made])
    np.testing.assert_array_equal(flat[3:], np.repeat(whole.pack()[2:], 3, axis=0))
