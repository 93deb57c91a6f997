"""The portrait's enlargement."""

from __future__ import annotations

import numpy as np

from scripts.make_astronaut import enlarged


def test_enlarging_sharpens_edges_and_leaves_no_rim() -> None:
    picture = np.full((60, 60, 3), 200, np.uint8)
    picture[:, 30:] = 60
    large = enlarged(picture, 102)
    assert large.min() >= 60 and large.max() <= 200
    steps = np.abs(np.diff(large[50, :, 0].astype(int)))
    assert steps.max() > 100  # bare cubic enlarging reaches 90
