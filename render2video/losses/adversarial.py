"""Least-squares adversarial loss (Mao et al. 2017): real patches are to be told 1, made ones 0.

Squares rather than logarithms: a made patch that is already taken for real, but far beyond the border, still pulls, and
the gradient does not vanish. Averaged over patches, then over the scales, so that the number of scales does not change
its weight.
"""

from __future__ import annotations

import torch
from torch import Tensor

Outputs = list[list[Tensor]]  # per scale, per stage; the last stage is the verdict `[B, 1, h, w]`


def _distance(outputs: Outputs, goal: float) -> Tensor:
    return torch.stack([(scale[-1] - goal).square().mean() for scale in outputs]).mean()


def discriminator_loss(real: Outputs, made: Outputs) -> Tensor:
    """What the discriminators minimise: half the squared distance of real verdicts to 1 and of made ones to 0."""
    return 0.5 * (_distance(real, 1.0) + _distance(made, 0.0))


def generator_loss(made: Outputs) -> Tensor:
    """What the generator minimises: the squared distance of the verdicts on its frames to 1."""
    return _distance(made, 1.0)
