"""The four parts that are trained, each through the one loop: lip reader, prior, stage 1, stage 2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from motion_models.emote.config import LossWeights
from motion_models.emote.data import Batch, EmotionalWindows
from motion_models.emote.losses import Geometry, divergence, perceptual_losses, vertex_losses, weighted_sum
from motion_models.emote.network import PRIOR_WINDOW, SPEECH_REACH, WINDOW, Prior, PriorDecoder, SpeechToPrior
from motion_models.emote.readers import EmotionReader, LipReader, LipReadingNetwork
from training.optimising import numbers, update
from training.schedules import cosine_decay, set_learning_rate


@dataclass(frozen=True)
class Lesson:
    """What a part learns from, and how fast: batches, the losses' weights, windows a step, learning rate, decay."""

    windows: EmotionalWindows
    weights: LossWeights
    batch_size: int
    learning_rate: float
    weight_decay: float


class _Part:
    """What the four have in common: one network, one optimiser, and batches. `losses` is each part's own."""

    frames = WINDOW

    def __init__(self, network: nn.Module, lesson: Lesson) -> None:
        self.networks, self.lesson = network, lesson
        self.device = next(network.parameters()).device
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.optimizer = AdamW(
            trained, lr=lesson.learning_rate, betas=(0.9, 0.99), weight_decay=lesson.weight_decay
        )
        self.optimizers: Mapping[str, Optimizer] = {"adam": self.optimizer}

    def losses(self, batch: Batch, generator: np.random.Generator) -> dict[str, Tensor]:
        raise NotImplementedError

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One update; see `training.Trainable`."""
        set_learning_rate(self.optimizer, cosine_decay(progress))
        batch = self.lesson.windows.batch(self.lesson.batch_size, self.frames, generator).to(self.device)
        named = self.losses(batch, generator)
        total = weighted_sum(named, self.lesson.weights)
        update(total, self.optimizer, self.networks.parameters())
        return numbers({"total": total} | named)


class LipReaderTraining(_Part):
    """The stand-in learns to tell speech features from mouth motion.

    Args:
        reader: the network. scale: of the expressions. lesson: see there.
    """

    def __init__(self, reader: LipReadingNetwork, scale: float, lesson: Lesson) -> None:
        super().__init__(reader, lesson)
        self.reader, self.scale = reader, scale

    def losses(self, batch: Batch, generator: np.random.Generator) -> dict[str, Tensor]:
        heard = batch.rows[:, SPEECH_REACH : SPEECH_REACH + self.frames]
        error = (self.reader(batch.expression * self.scale) - heard).square().mean(-1)
        return {"lip_reading": (error * batch.mask).sum() / batch.mask.sum().clamp(min=1.0)}


class PriorTraining(_Part):
    """FLINT: vertex error and divergence (Danecek et al. 2023, section 3.1)."""

    frames = PRIOR_WINDOW

    def __init__(self, prior: Prior, geometry: Geometry, lesson: Lesson) -> None:
        super().__init__(prior, lesson)
        self.prior, self.geometry = prior, geometry

    def losses(self, batch: Batch, generator: np.random.Generator) -> dict[str, Tensor]:
        made, mean, log_variance = self.prior(batch.expression)
        named = vertex_losses(made, batch.expression, batch.mask, self.geometry)
        return named | {"kl": divergence(mean, log_variance)}


class Stage1(_Part):
    """Speech and condition to the frozen prior's latents, by vertex error alone; the speech front end learns too."""

    def __init__(self, speaker: SpeechToPrior, decoder: PriorDecoder, geometry: Geometry, lesson: Lesson) -> None:
        super().__init__(speaker, lesson)
        self.speaker, self.geometry = speaker, geometry
        self.decoder = decoder.to(self.device).eval().requires_grad_(False)

    def made(self, batch: Batch) -> Tensor:
        """The network's expression `[B, T, K]`."""
        return self.decoder(self.speaker(batch.rows, batch.condition()))

    def losses(self, batch: Batch, generator: np.random.Generator) -> dict[str, Tensor]:
        return vertex_losses(self.made(batch), batch.expression, batch.mask, self.geometry)


class Stage2(Stage1):
    """The speech front end frozen; lip reading and emotion besides the vertices, and again with exchanged emotions.

    Exchange (section 3.3): each item's words in another item's emotion; the lips must still say the words, and the
    sequence must show the other's emotion. No recording of that exists, so no vertex error can be asked.
    """

    def __init__(
        self, lips: LipReader, emotion: EmotionReader, speaker: SpeechToPrior, decoder: PriorDecoder,
        geometry: Geometry, lesson: Lesson,
    ) -> None:
        speaker.speech.requires_grad_(False)
        super().__init__(speaker, decoder, geometry, lesson)
        self.lips, self.emotion = lips, emotion

    def losses(self, batch: Batch, generator: np.random.Generator) -> dict[str, Tensor]:
        scale = self.geometry.scale
        made = self.made(batch)
        named = vertex_losses(made, batch.expression, batch.mask, self.geometry)
        own = batch.expression, batch.mask
        named |= perceptual_losses(made, *own, *own, scale, self.lips, self.emotion)
        if self.lesson.weights.exchange > 0:
            other = batch.exchanged(torch.from_numpy(generator.permutation(len(made))).to(self.device))
            exchanged = perceptual_losses(
                self.made(other), *own, other.expression, other.mask, scale, self.lips, self.emotion
            )
            named |= {f"exchanged_{name}": value for name, value in exchanged.items()}
        return named
