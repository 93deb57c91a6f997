"""Footage without a file."""

from __future__ import annotations

import numpy as np


class Pictures(list[np.ndarray]):
    """Frames in memory."""

    def window(self, index: int, rows: slice, columns: slice, /) -> np.ndarray:
        """A rectangle of a frame."""
        return self[index][rows, columns]
