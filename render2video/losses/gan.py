"""The paper's loss: adversarial plus weighted terms, with the discriminators and their optimiser inside.

L = L_adversarial + 2 L_feature_matching + 10 L_perceptual + 50 L_reconstruction. FACIAL gives lambda = (2, 10, 50);
which term each belongs to is our reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from render2video.losses.adversarial import discriminator_loss, generator_loss
from render2video.losses.feature_matching import feature_matching_loss
from render2video.losses.perceptual import PerceptualLoss
from render2video.losses.reconstruction import reconstruction_loss


@dataclass(frozen=True)
class PaperLossWeights:
    """What each term is multiplied by (FACIAL, section 4.1; the assignment is our reading)."""

    adversarial: float = 1.0
    feature_matching: float = 2.0
    perceptual: float = 10.0
    reconstruction: float = 50.0


class GanLosses:
    """What the generator minimises, and the discriminators that learn against it.

    One step of training: make frames; `train_discriminator`; `generator_losses`, whose `total` is the generator's to
    minimise.

    Args:
        discriminator: called with (condition, frame), returns outputs per scale and stage, as
        `MultiScaleDiscriminator`. optimizer: of the discriminator's parameters. weights: of the terms. perceptual: None
        leaves the term out (no VGG19 weights at hand).
    """

    def __init__(
        self,
        discriminator: nn.Module,
        optimizer: torch.optim.Optimizer,
        weights: PaperLossWeights,
        perceptual: PerceptualLoss | None = None,
    ) -> None:
        self.discriminator, self.optimizer = discriminator, optimizer
        self.weights, self.perceptual = weights, perceptual

    def train_discriminator(self, condition: Tensor, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """One step of the discriminators' optimiser. Returns the detached loss as `discriminator`.

        Args:
            condition: `[B, C, H, W]` or `[B, N, C, H, W]`, what the frames are made from.
            made, real: `[B, 3, H, W]`, RGB 0-1. No gradient flows back into `made`.
        """
        loss = discriminator_loss(self.discriminator(condition, real), self.discriminator(condition, made.detach()))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return {"discriminator": loss.detach()}

    def generator_losses(
        self, condition: Tensor, made: Tensor, real: Tensor, weight: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The terms by name, before their weights, and their weighted sum as `total`. Leaves the discriminators as they
        are.

        Args:
            condition, made, real: as in `train_discriminator`; gradients flow into `made`.
            weight: `[B, 1, H, W]`, how much each pixel counts in the reconstruction; None for all alike.
        """
        with _frozen(self.discriminator):
            judged = self.discriminator(condition, made)
            with torch.no_grad():
                goal = self.discriminator(condition, real)
        terms = {
            "adversarial": generator_loss(judged),
            "feature_matching": feature_matching_loss(goal, judged),
            "reconstruction": reconstruction_loss(made, real, weight),
        }
        if self.perceptual is not None:
            terms["perceptual"] = self.perceptual(made, real)
        total = torch.stack([getattr(self.weights, name) * value for name, value in terms.items()]).sum()
        return {**terms, "total": total}


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """No gradients for the network's parameters inside the block; they still flow through it."""
    learning = [p for p in network.parameters() if p.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
