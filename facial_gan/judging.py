"""FACIAL-GAN in training, judged on clips that it does not learn from: as every model is, and by its own losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from face_model.tracks import EXPRESSION
from facial_gan.config import Augmentation
from facial_gan.data import Batch, WindowSet
from facial_gan.losses import LossWeights, regression_losses, weighted_sum
from facial_gan.synthesis import FacialGan
from motion_models.examples import MotionExample
from motion_models.judging import judged
from motion_models.lips import Lips
from motion_models.people import person_statistics

LOSS_WINDOWS, WINDOW_STEP = 64, 64
STILL = Augmentation(0.0, 0.0, 0.0, 0, 0.0, [0.3, 2.5], 0.0)


class HeldOut:
    """Judges networks in training: `judged`, and the losses over whole windows as they were filmed.

    Args:
        held: clips of people that are not learned from.
        assembled: makes the model of networks.
        weights, lips: of the losses.
    """

    def __init__(
        self, held: Sequence[MotionExample], assembled: Callable[[nn.Module], FacialGan], weights: LossWeights,
        lips: Lips | None,
    ) -> None:
        self.held, self.assembled, self.weights, self.lips = list(held), assembled, weights, lips
        self._batch: Batch | None = None

    def __call__(self, networks: nn.Module) -> dict[str, float]:
        """Measures by name."""
        model = self.assembled(networks)
        return judged(model, self.held) | self._losses(model)

    @torch.no_grad()
    def _losses(self, model: FacialGan) -> dict[str, float]:
        device = next(model.generator.parameters()).device
        batch = self._batch = self._batch or self._windows(model)
        windows, real, initial, mask = (part.to(device) for part in vars(batch).values())
        named = regression_losses(model.generator(windows, initial), real, initial, mask, self.lips)
        total = weighted_sum(named, replace(self.weights, adversarial=0.0))
        return {f"loss_{name}": float(value) for name, value in ({"total": total} | named).items()}

    def _windows(self, model: FacialGan) -> Batch:
        scale = float(model.statistics.scale[EXPRESSION][0])
        speakers = {example.speaker for example in self.held}
        people = {s: person_statistics([e for e in self.held if e.speaker == s], scale) for s in speakers}
        windows = WindowSet(self.held, people, model.features, STILL, WINDOW_STEP)
        return windows.batch(0, min(LOSS_WINDOWS, len(windows.windows)), 0, np.random.default_rng(0))
