"""Frames at hand by their number, wherever they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Frames(Protocol):
    """Frames `[H, W, 3]` uint8 RGB by their number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray: ...

    def window(self, index: int, rows: slice, columns: slice, /) -> np.ndarray:
        """A rectangle of a frame."""
        ...


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
