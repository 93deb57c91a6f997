"""Footage without a file."""

from __future__ import annotations

import numpy as np

from preprocessing.media.yuv import Planes, packed


class Pictures(list[np.ndarray]):
    """Frames in memory."""

    def window(self, index: int, rows: slice, columns: slice, /) -> np.ndarray:
        """A rectangle of a frame."""
        return self[index][rows, columns]

    def planes(self, index: int, /) -> Planes:
        """A frame as it is coded."""
        return Planes.of(packed(self[index]))
