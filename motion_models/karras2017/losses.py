"""The loss, three ways, each term in units of its own size (Karras et al. 2017, section 4.2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

TINY = 1e-12


def position_loss(made: Tensor, real: Tensor, weight: Tensor) -> Tensor:
    """P: mean squared vertex error (equation 1), of `[R, n, 3V]`, weighted by `[R, n, 3V]`."""
    return (weight * (made - real).square()).sum() / weight.sum().clamp_min(1.0)


def motion_loss(made: Tensor, real: Tensor, weight: Tensor) -> Tensor:
    """M: the same of the differences of neighbouring frames, doubled (equation 2)."""
    both = weight[:, 1:] * weight[:, :-1]
    error = (made.diff(dim=1) - real.diff(dim=1)).square()
    return 2.0 * (both * error).sum() / both.sum().clamp_min(1.0)


def slowness_loss(emotion: Tensor, centre: Tensor) -> Tensor:
    """R: mean squared frame difference of emotion vectors `[R, n, E]` over their mean square, doubled (equations 3, 4).

    Divided by their size, it cannot be had by making them small; nor by moving them all away from zero, since the size
    is taken about `centre` `[E]`, the mean of all.
    """
    size = (emotion - centre).square().mean()
    return 2.0 * emotion.diff(dim=1).square().mean() / size.clamp_min(TINY)


class Balance(nn.Module):
    """Sums losses that are each divided by the running root mean square of its own value, bias-corrected as in Adam.

    So no weights need tuning (section 4.2). Its state is part of the run.

    Args:
        names: of the losses.
        decay: of the running mean.
    """

    mean_square: Tensor
    updates: Tensor

    def __init__(self, names: tuple[str, ...], decay: float = 0.99) -> None:
        super().__init__()
        self.names, self.decay = names, decay
        self.register_buffer("mean_square", torch.zeros(len(names)))
        self.register_buffer("updates", torch.zeros(()))

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The sum, after taking these losses into account."""
        values = torch.stack([losses[name] for name in self.names])
        with torch.no_grad():
            self.updates += 1
            self.mean_square.lerp_(values.detach().square(), 1 - self.decay)
            size = (self.mean_square / (1 - self.decay**self.updates)).sqrt()
        return (values / (size + TINY)).sum()
