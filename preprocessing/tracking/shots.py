"""Hard cuts in a film, by how structure and colours of small pictures change from frame to frame.

A cut is one step between two runs of frames that change little. A pan or a fast turn of a head changes many frames in a
row; a flash comes back to what was there before; noise is gone in a small picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

LOOK_PX = 64  # longer side of the small picture
MARGIN = 6  # a sixth of it, each way, is how far a picture may have moved on and still be the same
COLOUR_BITS = 3  # a channel, of the palette
FLAT = 2.0  # standard deviation in grey levels, below which a picture shows nothing
PALETTE_WEIGHT = 2.0
NEAR = 3  # frames on either side, with which a step is compared
RETURN = 6  # frames; what is back as it was within so many was a flash, or an insert
CUT, CUT_RATIO = 0.2, 2.5  # least change at a cut, and as a multiple of the changes about it
JUMP, JUMP_RATIO = 0.04, 5.0  # the same at a jump within one scene: less, but out of stillness
STALLED = 1e-4  # the picture stands: a smaller change than the next after it is no sign of a jump
SCENE = 0.3  # from here on it is another scene even so
RETURNED = 0.35  # of the change, at most, between the pictures before and after a flash
FLASH_LEVELS = 12.0  # by so much brighter at least


@dataclass(frozen=True)
class Look:
    """A frame in small. grey: `[h, w]` float32, 0-255. palette: `[512]` shares of colours."""

    grey: np.ndarray
    palette: np.ndarray

    @staticmethod
    def at(frame_rgb: np.ndarray) -> Look:
        """Of a frame `[H, W, 3]` uint8."""
        height, width = frame_rgb.shape[:2]
        scale = LOOK_PX / max(height, width)
        size = max(2 * MARGIN, round(width * scale)), max(2 * MARGIN, round(height * scale))
        small = cv2.resize(frame_rgb, size, interpolation=cv2.INTER_AREA)
        coarse = small.astype(np.int32) >> (8 - COLOUR_BITS)
        index = (coarse[..., 0] << 2 * COLOUR_BITS) | (coarse[..., 1] << COLOUR_BITS) | coarse[..., 2]
        palette = np.bincount(index.ravel(), minlength=1 << 3 * COLOUR_BITS) / index.size
        return Look(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32), palette.astype(np.float32))


def _structure_change(one: np.ndarray, other: np.ndarray) -> float:
    """0 for the same structure, wherever it moved by up to a sixth of the picture; 1 for none in common."""
    flat = one.std() < FLAT, other.std() < FLAT
    if any(flat):
        return 0.0 if all(flat) else 1.0
    dy, dx = one.shape[0] // MARGIN, one.shape[1] // MARGIN
    middle = slice(dy, one.shape[0] - dy), slice(dx, one.shape[1] - dx)
    found = [cv2.matchTemplate(b, a[middle], cv2.TM_CCOEFF_NORMED) for a, b in ((one, other), (other, one))]
    return float(np.clip(1 - max(np.nan_to_num(match).max() for match in found), 0, 1))


def change(one: Look, other: Look) -> float:
    """How unlike two frames are: about 0.01 between neighbours, from 0.3 on between two scenes."""
    shared = float(np.sqrt(one.palette * other.palette).sum())
    return _structure_change(one.grey, other.grey) + PALETTE_WEIGHT * max(0.0, 1 - shared)


class _Steps:
    """The film's looks about the frame that is judged, and all changes so far."""

    def __init__(self) -> None:
        self.looks: dict[int, Look] = {}
        self.changes: list[float] = []

    def add(self, look: Look) -> None:
        index = len(self.changes)
        self.changes.append(change(self.looks[index - 1], look) if index else 0.0)
        self.looks[index] = look
        self.looks.pop(index - 2 * RETURN - 2, None)

    def is_cut(self, index: int) -> bool:
        """Whether a shot begins at this frame; `RETURN` frames after it are known, or the film's end."""
        here = self.changes[index]
        if here < JUMP:
            return False
        before = self.changes[max(1, index - NEAR) : index]
        after = self.changes[index + 1 : index + 1 + NEAR]
        about = sorted(before + after)
        # The second largest: two cuts, or a flash, may be as near as this.
        usual = about[-2] if len(about) > 1 else (about[0] if about else 0.0)
        cut = here >= CUT and here >= CUT_RATIO * usual
        jump = bool(before and after) and here >= JUMP_RATIO * about[-1]
        stood = bool(before) and before[-1] <= STALLED and here < SCENE
        return (cut or jump) and not stood and not self._flash(index, here)

    def _flash(self, index: int, here: float) -> bool:
        """Whether this step only goes into a flash, or comes out of one."""
        last = max(self.looks)
        after = [k for k in range(index + 1, index + 1 + RETURN) if k <= last]
        earlier = [k for k in range(index - 2, index - 2 - RETURN, -1) if k in self.looks]
        pairs = [(index - 1, k, index) for k in after] + [(k, index, index - 1) for k in earlier]
        return any(
            change(self.looks[a], self.looks[b]) < RETURNED * here and self._brighter(between, a, b)
            for a, b, between in pairs
        )

    def _brighter(self, between: int, a: int, b: int) -> bool:
        level = self.looks[between].grey.mean()
        return bool(level > max(self.looks[a].grey.mean(), self.looks[b].grey.mean()) + FLASH_LEVELS)


def find_breaks(frames: Iterable[np.ndarray]) -> np.ndarray:
    """`[T]` bool: True at the first frame of each shot, so at frame 0, of frames `[H, W, 3]` uint8 read one at a time.

    A picture that stands for some frames may hide a jump within one scene; dissolves and fades are no cuts.
    """
    steps, breaks = _Steps(), list[bool]()
    for frame in frames:
        steps.add(Look.at(frame))
        if len(steps.changes) > RETURN:
            breaks.append(steps.is_cut(len(breaks)))
    while len(breaks) < len(steps.changes):
        breaks.append(steps.is_cut(len(breaks)))
    found = np.array(breaks, bool)
    found[:1] = True
    return found
