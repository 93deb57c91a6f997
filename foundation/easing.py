"""How a share grows from nothing to all without a jerk."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Share = TypeVar("Share", float, np.ndarray, "Tensor")


def smoothstep(share: Share) -> Share:
    """0 at 0, 1 at 1, level at both ends: 3 x^2 - 2 x^3, elementwise. A share outside of 0-1 is not clipped."""
    return share * share * (3 - 2 * share)
