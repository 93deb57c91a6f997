"""General training over many people, and learning one person, through the one loop."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW, Optimizer

from face_model import mp478
from face_model.tracks import same_encoder
from foundation.errors import InputError
from motion_models.arkit.config import ArkitConfig
from motion_models.arkit.data import CurveWindows
from motion_models.arkit.losses import curve_losses
from motion_models.arkit.model import ArkitRegressor, create_network
from motion_models.arkit.network import SpeechToCurves
from motion_models.arkit.statistics import ASIDE, arkit_of, mean_curves, measure_curves
from motion_models.examples import MotionExample
from motion_models.statistics import FeatureStatistics, measure_features
from training import Duration, linear_decay_from, train
from training.schedules import set_learning_rate

MODEL_FILE = "arkit.safetensors"
GRADIENT_LIMIT = 1.0
CONSTANT_SHARE = 0.3  # of a run at the full learning rate, before it falls linearly


class ArkitTraining:
    """What the loop trains.

    Args:
        network: on the device to train on.
        windows: batches.
        config: see there.
    """

    def __init__(self, network: SpeechToCurves, windows: CurveWindows, config: ArkitConfig) -> None:
        self.networks: nn.Module = network
        self.network, self.windows, self.config = network, windows, config
        self.device = next(network.parameters()).device
        self.weight = torch.from_numpy(np.where(ASIDE, config.aside, 1.0).astype(np.float32)).to(self.device)
        self.optimizer = AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self.optimizers: Mapping[str, Optimizer] = {"network": self.optimizer}

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One update."""
        batch = self.windows.batch(self.config.batch_size, generator)
        rows, curves, mask = (part.to(self.device) for part in (batch.rows, batch.curves, batch.mask))
        set_learning_rate(self.optimizer, linear_decay_from(progress, CONSTANT_SHARE))
        named = curve_losses(self.network(rows), curves, mask, self.weight, self.windows.rate_hz)
        total = named["position"] + self.config.velocity * named["velocity"]
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        clip_grad_norm_(self.network.parameters(), GRADIENT_LIMIT)
        self.optimizer.step()
        return {name: float(value.detach()) for name, value in ({"total": total} | named).items()}


def _uniform(examples: Sequence[MotionExample]) -> tuple[str, float]:
    """Speech encoder and rate that all examples share; each must have ARKit values and be of `mp478`."""
    if not examples:
        raise InputError("nothing to learn from", "at least one example")
    kinds = {(e.features.extractor, e.features.rate_hz, e.features.values.shape[1]) for e in examples}
    if len(kinds) != 1:
        raise InputError(f"examples of {len(kinds)} kinds of features", "one speech encoder")
    for example in examples:
        arkit_of(example)
        if example.motion.face_model != mp478.ID:
            raise InputError(f"a motion of face model '{example.motion.face_model}'", mp478.ID)
    extractor, rate_hz, _ = kinds.pop()
    return extractor, rate_hz


def _features(examples: Sequence[MotionExample]) -> FeatureStatistics:
    rows = np.concatenate([example.features.values for example in examples])
    return measure_features(rows, next((e.silence for e in examples if e.silence is not None), None))


def _digest(examples: Sequence[MotionExample]) -> str:
    """Changes when the data does."""
    return hashlib.sha256("".join(example.digest() for example in examples).encode()).hexdigest()[:16]


def learn(
    examples: Sequence[MotionExample], start: Path | None, run: Path, *, duration: Duration | None, device: str,
    config: ArkitConfig,
) -> Path:
    """See `MotionModel.learn`: many speakers make general weights; one speaker is learned, from `start` if given."""
    extractor, rate_hz = _uniform(examples)
    speakers = sorted({example.speaker for example in examples})
    base = None if start is None else ArkitRegressor.load(start, device)
    if base is not None:
        if not same_encoder(base.speech_extractor, extractor) or base.rate_hz != rate_hz:
            raise InputError(f"{start} is for {base.speech_extractor} features", f"{extractor}, as the examples have")
        config = replace(config, architecture=base.architecture)
    features = _features(examples) if base is None else base.features
    scale = measure_curves(examples).scale if base is None else base.curves.scale
    people = {s: measure_curves([e for e in examples if e.speaker == s], scale) for s in speakers}
    torch.manual_seed(config.seed)
    network = create_network(config.architecture, len(features.mean)).to(device)
    if base is not None:
        network.load_state_dict(base.network.state_dict())
    windows = CurveWindows(examples, people, features, config.augmentation, config.window_s, network.reach)
    steps = config.general_steps if len(speakers) > 1 else config.person_steps
    resolved = asdict(config) | {"data": _digest(examples), "base": "" if base is None else base.digest()}
    result = train(
        ArkitTraining(network, windows, config), run, duration or Duration(steps), config=resolved, seed=config.seed,
        average_decay=config.average_decay, description="learning ARKit curves",
    )  # fmt: skip
    assert isinstance(result.networks, SpeechToCurves)
    model = ArkitRegressor(
        result.networks, mean_curves([people[s] for s in speakers]), features, config.architecture, extractor, rate_hz,
        articulation=config.articulation, filter=config.filter,
    )  # fmt: skip
    model.save(run / MODEL_FILE)
    return run / MODEL_FILE
