"""General training over many people, and fine-tuning to one, through the one loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW, Optimizer

from face_model import mp478
from face_model.blinks import seen_curves
from face_model.tracks import EXPRESSION, MOTION_FPS, same_encoder
from facial_gan.building import build_discriminator, build_generator
from facial_gan.config import FacialGanConfig, Schedule
from facial_gan.data import WindowSet
from facial_gan.judging import SCORE, HeldOut
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
from foundation.errors import InputError
from motion_models.examples import MotionExample, frame_rows
from motion_models.interface import Held
from motion_models.lips import Lips, lips_of
from motion_models.liveliness import measure_blinks
from motion_models.people import footage, person_statistics, valid_motion
from motion_models.statistics import (
    FeatureStatistics,
    MotionStatistics,
    mean_statistics,
    measure_features,
)
from training import Duration, Validation, linear_decay_from, train
from training.distributed import share
from training.schedules import set_learning_rate
from training.validation import best_networks

MODEL_FILE, BEST_FILE = "facial_gan.safetensors", "best.safetensors"
GRADIENT_LIMIT = 1.0


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
        if self.weights.adversarial > 0:
            judged = discriminator_adversarial(
                self.discriminator(real_picture), self.discriminator(made_picture.detach())
            )
            self._update(judged, self.discriminator_optimizer, self.discriminator)
            self.discriminator.requires_grad_(False)
            named["adversarial"] = generator_adversarial(self.discriminator(made_picture))
            self.discriminator.requires_grad_(True)
        total = weighted_sum(named, self.weights)
        self._update(total, self.generator_optimizer, self.generator)
        report = {"total": total} | named
        if self.weights.adversarial > 0:
            report["discriminator"] = judged
        return {name: float(value.detach()) for name, value in report.items()}

    @staticmethod
    def _update(loss: torch.Tensor, optimizer: Optimizer, network: nn.Module) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_norm_(network.parameters(), GRADIENT_LIMIT)
        optimizer.step()


def _uniform(examples: list[MotionExample]) -> tuple[str, str, int]:
    """Extractor, face model and feature size that all examples share."""
    if not examples:
        raise InputError("nothing to learn from", "at least one example")
    kinds = {(e.features.extractor, e.motion.face_model, e.features.values.shape[1]) for e in examples}
    if len(kinds) != 1:
        raise InputError(
            f"examples of {len(kinds)} kinds of features or face models", "one speech encoder, one face model"
        )
    return kinds.pop()


def _feature_statistics(examples: list[MotionExample]) -> FeatureStatistics:
    rows = np.concatenate([frame_rows(example.features, len(example.motion)) for example in examples])
    return measure_features(rows, next((e.silence for e in examples if e.silence is not None), None))


def _lips(examples: list[MotionExample], scale: float) -> Lips | None:
    if examples[0].motion.face_model != mp478.ID:
        return None
    expression = np.concatenate([valid_motion(example)[:, EXPRESSION] for example in examples])
    return lips_of(mp478.load(), expression, scale)


def _run(
    examples: list[MotionExample],
    people: dict[str, MotionStatistics],
    features: FeatureStatistics,
    start: tuple[Generator, Discriminator],
    config: FacialGanConfig,
    schedule: Schedule,
    run_dir: Path,
    description: str,
    extra: dict[str, str],
    budget_s: float | None,
    held: Held | None = None,
) -> Path:
    """Train and write the model file; of a run that judges itself, the best one beside it."""
    generator, discriminator = start
    windows = WindowSet(examples, people, features, config.augmentation, config.window_step)
    scale = float(next(iter(people.values())).scale[EXPRESSION][0])
    real = footage(examples)
    training = FacialGanTraining(
        generator, discriminator, windows, loss_weights(config.losses, config.custom_losses),
        _lips(real, scale), schedule, config.seed,
    )  # fmt: skip
    steps = max(schedule.min_steps, schedule.epochs * windows.steps_an_epoch(schedule.batch_size))
    resolved = asdict(config) | {"data": [example.digest() for example in examples]} | extra
    extractor, face_model, _ = _uniform(examples)
    own = people[next(iter(people))] if len(people) == 1 else mean_statistics(list(people.values()))
    habit = measure_blinks([c for e in real for c in seen_curves(e.motion.blink, e.valid, MOTION_FPS)], MOTION_FPS)

    def assembled(networks: nn.Module) -> FacialGan:
        assert isinstance(networks, nn.ModuleDict)
        trained, judge = networks["generator"], networks["discriminator"]
        assert isinstance(trained, Generator) and isinstance(judge, Discriminator)
        return FacialGan(
            trained.eval(), own, features, habit, config.architecture, extractor, face_model, discriminator=judge,
            articulation=config.articulation, rounding=config.rounding,
        )  # fmt: skip

    validation = None
    if held is not None:
        resolved |= {"held": [example.digest() for example in held.examples], "patience": held.patience}
        judge = HeldOut(held.examples, assembled, training.weights, training.lips)
        validation = Validation(judge, SCORE, held.every_steps, held.patience)
    result = train(
        training, run_dir, Duration(steps, budget_s), config=resolved, seed=config.seed,
        average_decay=schedule.average_decay, description=description, validation=validation,
    )  # fmt: skip
    assembled(result.networks).with_measured_pose(real).save(run_dir / MODEL_FILE)
    if best_networks(run_dir, result.networks) is not None:
        assembled(result.networks).with_measured_pose(real).save(run_dir / BEST_FILE)
    return run_dir / MODEL_FILE


def _device(device: str | None) -> torch.device:
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def _fresh(config: FacialGanConfig, feature_size: int, device: torch.device) -> tuple[Generator, Discriminator]:
    torch.manual_seed(config.seed)
    generator = build_generator(config.architecture, feature_size).to(device)
    return generator, build_discriminator(config.architecture).to(device)


def _base(
    checkpoint: Path | str, examples: list[MotionExample], config: FacialGanConfig, device: torch.device
) -> tuple[FacialGan, tuple[Generator, Discriminator]]:
    """The model to go on from, and its networks to train.

    Raises:
        InputError: it is for other features or another face model.
    """
    extractor, face_model, size = _uniform(examples)
    base = FacialGan.load(checkpoint, device)
    if not same_encoder(base.speech_extractor, extractor) or base.face_model != face_model:
        raise InputError(
            f"{checkpoint} is for {base.speech_extractor} features and face model {base.face_model}",
            f"{extractor} and {face_model}",
        )
    _, judge = _fresh(replace(config, architecture=base.architecture), size, device)
    return base, (base.generator.requires_grad_(True), base.discriminator or judge)


def train_general(
    examples: list[MotionExample], config: FacialGanConfig, run_dir: Path | str, device: str | None = None,
    budget_s: float | None = None, base_checkpoint: Path | str | None = None, held: Held | None = None,
) -> Path:
    """Train on many people; the same call resumes a run that was killed and returns at once when it is done.

    Args:
        budget_s: stop after so many seconds of training; the result then depends on the machine's speed.
        base_checkpoint: a general model to go on from; its architecture and feature statistics are taken over.
        held: clips that the run judges itself on; the best model is then kept beside the last.

    Returns:
        The model file in `run_dir`, for `FacialGan.load` or as a base for `fine_tune`.

    Raises:
        InputError: no example, examples of several kinds, made motion of somebody without footage, a base for other
            features or another face model, or what `training.train` raises.
    """
    examples = list(examples)
    _, _, size = _uniform(examples)
    real = footage(examples)
    speakers = sorted({example.speaker for example in real})
    # One expression scale for everybody: a lively face stays livelier than a still one.
    if base_checkpoint is None:
        scale, features = person_statistics(real).scale[EXPRESSION][0], _feature_statistics(examples)
        start, extra = _fresh(config, size, _device(device)), {"kind": "general"}
    else:
        base, start = _base(base_checkpoint, examples, config, _device(device))
        config = replace(config, architecture=base.architecture)
        scale, features = base.statistics.scale[EXPRESSION][0], base.features
        extra = {"kind": "general", "base": base.digest()}
    people = {s: person_statistics([e for e in real if e.speaker == s], float(scale)) for s in speakers}
    return _run(
        examples, people, features, start, config, config.general, Path(run_dir), "general training", extra, budget_s,
        held,
    )  # fmt: skip


def fine_tune(
    examples: MotionExample | list[MotionExample],
    base_checkpoint: Path | str | None,
    config: FacialGanConfig,
    run_dir: Path | str,
    device: str | None = None,
    budget_s: float | None = None,
    held: Held | None = None,
) -> Path:
    """Train on one person, from a general checkpoint or, without one, from scratch; resumes as `train_general` does.

    Args:
        base_checkpoint: what `train_general` returned; its architecture and feature statistics are taken over.
        budget_s: stop after so many seconds of training; the result then depends on the machine's speed.
        held: as in `train_general`.

    Raises:
        InputError: as `train_general`; a base for other features or another face model.
    """
    examples = [examples] if isinstance(examples, MotionExample) else list(examples)
    _, _, size = _uniform(examples)
    examples = [replace(example, speaker="") for example in examples]
    real = footage(examples)
    extra = {"kind": "fine_tune", "base": ""}
    if base_checkpoint is None:
        people, features = {"": person_statistics(real)}, _feature_statistics(examples)
        start, schedule = _fresh(config, size, _device(device)), config.from_scratch
    else:
        base, start = _base(base_checkpoint, examples, config, _device(device))
        config = replace(config, architecture=base.architecture)
        people = {"": person_statistics(real, float(base.statistics.scale[EXPRESSION][0]))}
        features, schedule = base.features, config.fine_tune
        extra["base"] = base.digest()
    doing = "fine-tuning" if base_checkpoint else "training from scratch"
    return _run(examples, people, features, start, config, schedule, Path(run_dir), doing, extra, budget_s, held)
