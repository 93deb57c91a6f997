"""Exponential moving averages of weights: what a run hands out."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """A slowly following copy of networks. Buffers (batch-norm statistics) are copied, not averaged.

    Args:
        networks: what to follow.
        decay: share of the old value kept at each update, after a warm-up that follows faster.
    """

    def __init__(self, networks: nn.Module, decay: float) -> None:
        self.networks = copy.deepcopy(networks).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, networks: nn.Module, step: int) -> None:
        """Follow after training step number `step` (0 first)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mean, value in zip(self.networks.parameters(), networks.parameters(), strict=True):
            mean.data.lerp_(value, 1 - decay)
        for kept, current in zip(self.networks.buffers(), networks.buffers(), strict=True):
            kept.copy_(current)
