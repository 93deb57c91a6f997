"""The losses of FACIAL-GAN on clips that it does not learn from, beside what every model is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from face_model.tracks import EXPRESSION
from facial_gan.config import Augmentation
from facial_gan.data import Batch, WindowSet
from facial_gan.losses import LossWeights, regression_losses, weighted_sum
from facial_gan.synthesis import FacialGan
from motion_models.examples import MotionExample
from motion_models.interface import MotionModel
from motion_models.lips import Lips
from motion_models.people import person_statistics

LOSS_WINDOWS, WINDOW_STEP = 64, 64
STILL = Augmentation(0.0, 0.0, 0.0, 0, 0.0, [0.3, 2.5], 0.0)


class HeldLosses:
    """The losses over whole windows as they were filmed.

    Args:
        held: clips of people that are not learned from.
        weights, lips: of the losses.
    """

    def __init__(self, held: Sequence[MotionExample], weights: LossWeights, lips: Lips | None) -> None:
        self.held, self.weights, self.lips = list(held), weights, lips
        self._batch: Batch | None = None

    @torch.no_grad()
    def __call__(self, model: MotionModel) -> dict[str, float]:
        """Losses by name."""
        assert isinstance(model, FacialGan)
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
