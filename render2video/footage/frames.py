"""Frames at hand by their number, wherever they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from preprocessing.media.frame_file import FrameFile
from preprocessing.media.yuv import Planes


class Frames(Protocol):
    """Frames `[H, W, 3]` uint8 RGB by their number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray: ...

    def window(self, index: int, rows: slice, columns: slice, /) -> np.ndarray:
        """A rectangle of a frame."""
        ...

    def planes(self, index: int, /) -> Planes:
        """A frame as it is coded; its sides are even."""
        ...


def keep_parts(frames: Frames, boxes: np.ndarray) -> None:
    """Keep a part `[T, 4]` (top, left, bottom, right) of each frame in memory, of frames that lie in a file."""
    if isinstance(frames, FrameFile):
        frames.keep_parts(boxes)
    elif isinstance(frames, Part):
        whole = np.zeros((len(frames.frames), 4), boxes.dtype)
        whole[frames.numbers] = boxes
        keep_parts(frames.frames, whole)


@dataclass(frozen=True)
class Part:
    """Some of the frames of others. numbers: `[N]`, which."""

    frames: Frames
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int, /) -> np.ndarray:
        return self.frames[int(self.numbers[index])]

    def window(self, index: int, rows: slice, columns: slice, /) -> np.ndarray:
        """A rectangle of a frame."""
        return self.frames.window(int(self.numbers[index]), rows, columns)

    def planes(self, index: int, /) -> Planes:
        """A frame as it is coded."""
        return self.frames.planes(int(self.numbers[index]))
