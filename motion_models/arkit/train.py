"""General training over many people, and learning one person, through the one loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim import AdamW, Optimizer

from face_model import mp478
from foundation.errors import InputError
from motion_models.arkit.config import ArkitConfig
from motion_models.arkit.data import CurveWindows
from motion_models.arkit.filters import curve_filter
from motion_models.arkit.losses import curve_losses
from motion_models.arkit.model import ArkitRegressor, create_network
from motion_models.arkit.network import SpeechToCurves
from motion_models.arkit.statistics import ASIDE, arkit_of, mean_curves, measure_curves
from motion_models.examples import MotionExample
from motion_models.judging import judging
from motion_models.learning import BEST_FILE, Held, Kind, Mode, data_digest, held_digest, kind_of
from motion_models.people import feature_statistics
from training import Duration, linear_decay_from, train
from training.optimising import numbers, update
from training.schedules import set_learning_rate
from training.validation import best_networks

MODEL_FILE = "arkit.safetensors"
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
        update(total, self.optimizer, self.network.parameters())
        return numbers({"total": total} | named)


def _check(examples: Sequence[MotionExample], kind: Kind) -> None:
    """Refuse clips without ARKit values, and other face models."""
    for example in examples:
        arkit_of(example)
    if kind.face_model != mp478.ID:
        raise InputError(f"a motion of face model '{kind.face_model}'", mp478.ID)


def learn(
    examples: Sequence[MotionExample], start: Path | None, run: Path, *, mode: Mode, duration: Duration | None = None,
    seed: int = 0, device: str = "cpu", config: ArkitConfig | None = None, held: Held | None = None,
) -> Path:
    """See `motion_models.learning.Learn`; examples need ARKit values."""
    config, kind = config or ArkitConfig(), kind_of(examples, mode)
    _check(examples, kind)
    base = None if start is None else ArkitRegressor.load(start, device)
    if base is not None:
        kind.refuse_other(base, str(start))
        if base.rate_hz != kind.rate_hz:
            raise InputError(f"{start} is for {base.rate_hz:g} features a second", f"{kind.rate_hz:g}")
        config = replace(config, architecture=base.architecture)
    speakers = sorted({example.speaker for example in examples})
    features = feature_statistics(examples, lambda one: one.features.values) if base is None else base.features
    scale = measure_curves(examples).scale if base is None else base.curves.scale
    people = {s: measure_curves([e for e in examples if e.speaker == s], scale) for s in speakers}
    torch.manual_seed(seed)
    network = create_network(config.architecture, len(features.mean)).to(device)
    if base is not None:
        network.load_state_dict(base.network.state_dict())
    windows = CurveWindows(examples, people, features, config.augmentation, config.window_s, network.reach)
    steps = config.general_steps if mode == "general" else config.person_steps
    resolved = asdict(config) | {"data": data_digest(examples), "base": "" if base is None else base.digest()}
    curves, filtered = mean_curves([people[s] for s in speakers]), curve_filter(config.filter)

    def assembled(networks: nn.Module) -> ArkitRegressor:
        assert isinstance(networks, SpeechToCurves)
        return ArkitRegressor(
            networks, curves, features, config.architecture, kind.extractor, kind.rate_hz, config.articulation, filtered
        )

    result = train(
        ArkitTraining(network, windows, config), run, duration or Duration(steps), config=resolved | held_digest(held),
        seed=seed, average_decay=config.average_decay, description="learning ARKit curves",
        validation=judging(held, assembled),
    )  # fmt: skip
    assembled(result.networks).save(run / MODEL_FILE)
    if best_networks(run, result.networks) is not None:
        assembled(result.networks).save(run / BEST_FILE)
    return run / MODEL_FILE
