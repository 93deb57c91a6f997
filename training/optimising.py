"""One update of networks, as every model's training step does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

GRADIENT_LIMIT = 1.0


def update(
    loss: Tensor, optimizer: Optimizer, parameters: Iterable[nn.Parameter], limit: float | None = GRADIENT_LIMIT
) -> None:
    """One step down a loss.

    Args:
        parameters: whose gradient, all together, is made no longer than `limit`; None leaves it as it is.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if limit is not None:
        clip_grad_norm_(parameters, limit)
    optimizer.step()


def numbers(losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Losses as a step reports them."""
    return {name: float(value.detach()) for name, value in losses.items()}
