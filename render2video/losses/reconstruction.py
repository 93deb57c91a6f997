"""Weighted L1 between made and real frames: parts that matter (face, mouth, eyes) can weigh more."""

from __future__ import annotations

from torch import Tensor


def reconstruction_loss(made: Tensor, real: Tensor, weight: Tensor | None = None) -> Tensor:
    """The weighted mean of absolute differences.

    Args:
        made, real: `[B, 3, H, W]`, RGB 0-1. weight: `[B, 1, H, W]` or broadcastable, non-negative; None weighs all
        pixels alike. Only ratios matter: the sum of
            differences is divided by the sum of weights.
    """
    difference = (made - real).abs()
    if weight is None:
        return difference.mean()
    weight = weight.expand_as(difference)
    return (difference * weight).sum() / weight.sum().clamp(min=1e-8)
