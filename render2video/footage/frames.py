"""Frames at hand by their number, wherever they are kept."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Frames(Protocol):
    """Frames `[H, W, 3]` uint8 RGB by their number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray: ...

    def window(self, index: int, rows: slice, columns: slice, /) -> np.ndarray:
        """A rectangle of a frame."""
        ...


class Pictures(list[np.ndarray]):
    """Frames in memory."""

    def window(self, index: int, rows: slice, columns: slice, /) -> np.ndarray:
        """A rectangle of a frame."""
        return self[index][rows, columns]
