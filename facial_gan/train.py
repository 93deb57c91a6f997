"""General training over many people, and fine-tuning to one, through the one loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from face_model import mp478
from face_model.blinks import seen_curves
from face_model.tracks import EXPRESSION, MOTION_FPS
from facial_gan.building import build_discriminator, build_generator
from facial_gan.config import FacialGanConfig, Schedule
from facial_gan.data import WindowSet
from facial_gan.judging import HeldLosses
from facial_gan.losses import (
    LossWeights,
    discriminator_adversarial,
    generator_adversarial,
    loss_weights,
    regression_losses,
    weighted_sum,
)
from facial_gan.networks import Discriminator, Generator, with_velocity
from facial_gan.synthesis import FacialGan
from motion_models.examples import MotionExample, frame_rows
from motion_models.judging import judging
from motion_models.learning import BEST_FILE, Held, Kind, Mode, held_digest, kind_of
from motion_models.lips import Lips, lips_of
from motion_models.liveliness import measure_blinks
from motion_models.people import Habits, feature_statistics, footage, person_statistics, valid_expressions
from motion_models.statistics import FeatureStatistics, mean_statistics
from training import Duration, linear_decay_from, train
from training.distributed import share
from training.optimising import numbers, update
from training.schedules import set_learning_rate
from training.validation import best_networks

MODEL_FILE = "facial_gan.safetensors"
POSED = 16  # clips that tell, on the way, what spread of the pose the network lacks; at the end all do


class FacialGanTraining:
    """What the loop trains: generator and discriminator, each with its optimiser.

    Args:
        generator, discriminator: the networks, on the device to train on.
        windows: batches.
        weights: of the losses.
        lips: the lips' part of the loss, or None.
        schedule: see there.
        seed: of the order of the windows.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        windows: WindowSet,
        weights: LossWeights,
        lips: Lips | None,
        schedule: Schedule,
        seed: int,
    ) -> None:
        self.networks: nn.Module = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
        self.generator, self.discriminator = generator, discriminator
        self.device = next(generator.parameters()).device
        self.windows, self.weights, self.schedule, self.seed = windows, weights, schedule, seed
        self.lips = None if lips is None else lips.to(self.device)
        self.generator_optimizer = AdamW(
            generator.parameters(), lr=schedule.learning_rate, betas=(0.9, 0.99), weight_decay=schedule.weight_decay
        )
        self.discriminator_optimizer = AdamW(
            discriminator.parameters(), lr=schedule.discriminator_rate, betas=(0.5, 0.99), weight_decay=0.0
        )
        self.optimizers: Mapping[str, Optimizer] = {
            "generator": self.generator_optimizer,
            "discriminator": self.discriminator_optimizer,
        }

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One update of the discriminator, then one of the generator."""
        until = self.schedule.made_until
        made_share = self.schedule.made_share * max(0.0, 1.0 - progress / until) if until > 0 else 0.0
        batch = self.windows.batch(step, self.schedule.batch_size, self.seed, generator, made_share)
        own = share(self.schedule.batch_size)
        windows, real, initial, mask = (
            part[own].to(self.device) for part in (batch.windows, batch.motion, batch.initial, batch.mask)
        )
        factor = linear_decay_from(progress, self.schedule.constant_share)
        for optimizer in self.optimizers.values():
            set_learning_rate(optimizer, factor)
        made = self.generator(windows, initial)
        shown = torch.where(mask[..., None] > 0, made, real)  # frames that nobody saw tell the discriminator nothing
        real_picture, made_picture = with_velocity(real), with_velocity(shown)
        named = regression_losses(made, real, initial, mask, self.lips)
        judged: dict[str, Tensor] = {}
        if self.weights.adversarial > 0:
            real_scores, made_scores = self.discriminator(real_picture), self.discriminator(made_picture.detach())
            judged["discriminator"] = discriminator_adversarial(real_scores, made_scores)
            update(judged["discriminator"], self.discriminator_optimizer, self.discriminator.parameters())
            self.discriminator.requires_grad_(False)
            named["adversarial"] = generator_adversarial(self.discriminator(made_picture))
            self.discriminator.requires_grad_(True)
        total = weighted_sum(named, self.weights)
        update(total, self.generator_optimizer, self.generator.parameters())
        return numbers({"total": total} | named | judged)


@dataclass(frozen=True)
class _Beginning:
    """What training starts from. features: of the speech. scale: of expressions, to share between people; None: each
    person's own. base: digest of the model gone on from.
    """

    generator: Generator
    discriminator: Discriminator
    features: FeatureStatistics
    scale: float | None
    config: FacialGanConfig
    schedule: Schedule
    base: str = ""


def _anew(
    examples: list[MotionExample], real: list[MotionExample], mode: Mode, config: FacialGanConfig, seed: int,
    device: str,
) -> _Beginning:
    features = feature_statistics(examples, lambda one: frame_rows(one.features, len(one.motion)))
    networks = _fresh(config, len(features.mean), seed, device)
    if mode == "person":
        return _Beginning(*networks, features, None, config, config.from_scratch)
    # One expression scale for everybody: a lively face stays livelier than a still one.
    scale = float(person_statistics(real).scale[EXPRESSION][0])
    return _Beginning(*networks, features, scale, config, config.general)


def _from(start: Path, examples: list[MotionExample], mode: Mode, config: FacialGanConfig, seed: int, device: str
          ) -> _Beginning:  # fmt: skip
    """The model to go on from; its architecture, feature statistics and expression scale are taken over."""
    base = FacialGan.load(start, device)
    kind_of(examples, mode).refuse_other(base, start)
    config = replace(config, architecture=base.architecture)
    _, judge = _fresh(config, len(base.features.mean), seed, device)
    schedule = config.fine_tune if mode == "person" else config.general
    return _Beginning(
        base.generator.requires_grad_(True), base.discriminator or judge, base.features,
        float(base.statistics.scale[EXPRESSION][0]), config, schedule, base.digest(),
    )  # fmt: skip


def _fresh(config: FacialGanConfig, feature_size: int, seed: int, device: str) -> tuple[Generator, Discriminator]:
    torch.manual_seed(seed)
    generator = build_generator(config.architecture, feature_size).to(device)
    return generator, build_discriminator(config.architecture).to(device)


def _lips(examples: list[MotionExample], scale: float) -> Lips | None:
    if examples[0].motion.face_model != mp478.ID:
        return None
    return lips_of(mp478.load(), valid_expressions(examples), scale)


def learn(
    examples: Sequence[MotionExample], start: Path | None, run: Path, *, mode: Mode, duration: Duration | None = None,
    seed: int = 0, device: str = "cpu", config: FacialGanConfig | None = None, held: Held | None = None,
) -> Path:
    """See `motion_models.learning.Learn`. Motion that was made teaches the network; what a person is like, footage says
    alone.

    Raises:
        InputError: made motion of somebody without footage, too.
    """
    examples, config = list(examples), config or FacialGanConfig()
    kind = kind_of(examples, mode)
    if mode == "person":
        examples = [replace(example, speaker="") for example in examples]
    real = footage(examples)
    if start is None:
        begun = _anew(examples, real, mode, config, seed, device)
    else:
        begun = _from(start, examples, mode, config, seed, device)
    config, schedule = begun.config, begun.schedule
    speakers = sorted({example.speaker for example in real})
    people = {s: person_statistics([e for e in real if e.speaker == s], begun.scale) for s in speakers}
    windows = WindowSet(examples, people, begun.features, config.augmentation, config.window_step)
    scale = float(people[speakers[0]].scale[EXPRESSION][0])
    training = FacialGanTraining(
        begun.generator, begun.discriminator, windows, loss_weights(config.losses, config.custom_losses),
        _lips(real, scale), schedule, seed,
    )  # fmt: skip
    own = mean_statistics(list(people.values())) if len(people) > 1 else people[speakers[0]]
    blinks = measure_blinks([c for e in real for c in seen_curves(e.motion.blink, e.valid, MOTION_FPS)], MOTION_FPS)

    def assembled(networks: nn.Module) -> FacialGan:
        return _assembled(networks, Habits(own, blinks), begun.features, config, kind)

    if duration is None or duration.steps is None:
        steps = max(schedule.min_steps, schedule.epochs * windows.steps_an_epoch(schedule.batch_size))
        duration = Duration(steps, duration.budget_s if duration else None)
    resolved = asdict(config) | {
        "data": [e.digest() for e in examples], "base": begun.base,
        "kind": "general" if mode == "general" else "fine_tune",
    } | held_digest(held)  # fmt: skip
    losses = None if held is None else HeldLosses(held.examples, training.weights, training.lips)

    def on_the_way(networks: nn.Module) -> FacialGan:
        return assembled(networks).with_measured_pose(real[:POSED])

    doing = "general training" if mode == "general" else "fine-tuning" if start else "training from scratch"
    result = train(
        training, run, duration, config=resolved, seed=seed, average_decay=schedule.average_decay, description=doing,
        validation=judging(held, on_the_way, losses),
    )  # fmt: skip
    assembled(result.networks).with_measured_pose(real).save(run / MODEL_FILE)
    if best_networks(run, result.networks) is not None:
        assembled(result.networks).with_measured_pose(real).save(run / BEST_FILE)
    return run / MODEL_FILE


def _assembled(
    networks: nn.Module, person: Habits, features: FeatureStatistics, config: FacialGanConfig, kind: Kind
) -> FacialGan:
    """The model of trained networks."""
    assert isinstance(networks, nn.ModuleDict)
    generator, judge = networks["generator"], networks["discriminator"]
    assert isinstance(generator, Generator) and isinstance(judge, Discriminator)
    return FacialGan(
        generator, person.statistics, features, person.blinks, config.architecture, kind.extractor, kind.face_model,
        judge, articulation=config.articulation, rounding=config.rounding,
    )  # fmt: skip
