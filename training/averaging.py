"""Exponential moving averages of weights: what a run hands out.

torch's `AveragedModel` would begin with a copy of the weights after the first step and keep a counter among them; this
one follows faster at first, and its state is weights alone. The update itself is torch's.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


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
        follow = get_ema_multi_avg_fn(min(self.decay, (1 + step) / (10 + step)))
        follow(list(self.networks.parameters()), list(networks.parameters()), step)
        for kept, current in zip(self.networks.buffers(), networks.buffers(), strict=True):
            kept.copy_(current)
