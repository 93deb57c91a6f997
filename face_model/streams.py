"""Motion that comes in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from face_model.tracks import MOTION_SIZE, FaceMotion


def resampled_pieces(pieces: Iterable[FaceMotion], fps: float, frames: Callable[[], int]) -> Iterator[FaceMotion]:
    """`FaceMotion.resampled` of a motion in pieces, to the bit. A frame is given as soon as the two that it lies
    between have come, so it looks ahead by one of the motion's frames.

    Args:
        fps: frames a second that are wanted.
        frames: how many in all; asked once the pieces have ended.
    """
    kept, first, done = np.zeros((0, MOTION_SIZE), np.float32), 0, 0  # first: number of kept[0]; done: frames given
    rate, face_model = fps, ""
    for piece in pieces:
        rate, face_model = piece.fps, piece.face_model
        kept = np.concatenate([kept, piece.pack()])
        last = first + len(kept) - 1
        wanted = np.arange(done, int(last * fps / rate) + 2)
        wanted = wanted[np.floor(wanted * (rate / fps)) + 1 <= last]
        if len(wanted):
            yield FaceMotion.unpack(_between(kept, first, wanted * (rate / fps)), fps, face_model)
            done = int(wanted[-1]) + 1
            spent = max(0, min(int(done * (rate / fps)) - first, len(kept) - 1))
            kept, first = kept[spent:], first + spent
    wanted = np.arange(done, frames())
    if len(wanted):
        yield FaceMotion.unpack(_between(kept, first, wanted * (rate / fps)), fps, face_model)


def _between(kept: np.ndarray, first: int, position: np.ndarray) -> np.ndarray:
    """Rows `[N, 71]` at positions, where `kept[0]` has number `first`; held at the end."""
    position = np.minimum(position, first + len(kept) - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, first + len(kept) - 1)
    weight = (position - low)[:, None].astype(kept.dtype)
    between: np.ndarray = kept[low - first] * (1 - weight) + kept[high - first] * weight
    return between
