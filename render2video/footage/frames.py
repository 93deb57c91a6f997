"""Frames at hand by their number, wherever they are kept."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Frames(Protocol):
    """Frames `[H, W, 3]` uint8 RGB by their number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> np.ndarray: ...
