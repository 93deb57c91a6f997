"""A toy to train, with everything that a resumed run could get wrong: moments, batch norm, dropout, drawn batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training import Duration, RunResult, cosine_decay, train
from training.schedules import set_learning_rate


class Toy:
    """pause_s: of a step, slept by `sleep`. nan_at: a step whose loss is no number."""

    def __init__(
        self, pause_s: float = 0.0, nan_at: int | None = None, lr: float = 1e-2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        torch.manual_seed(0)
        self.networks: nn.Module = nn.Sequential(
            nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1)
        )
        self.optimizer = torch.optim.AdamW(self.networks.parameters(), lr=lr)
        self.optimizers = {"toy": self.optimizer}
        self.pause_s, self.nan_at, self.sleep, self.done = pause_s, nan_at, sleep, 0

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        self.sleep(self.pause_s)
        set_learning_rate(self.optimizer, cosine_decay(progress))
        inputs = torch.from_numpy(generator.standard_normal((16, 3)).astype(np.float32))
        loss = ((self.networks(inputs) - inputs.sum(1, keepdim=True)) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.done += 1
        return {"loss": float("nan") if step == self.nan_at else loss.item()}


def run(toy: Toy, folder: Path, steps: int, seed: int = 0) -> RunResult:
    return train(toy, folder, Duration(steps), config={"toy": 1}, seed=seed, checkpoint_every_s=0.02, log_every=5)


def toy_run(folder: Path, steps: int) -> None:
    """What a process of its own does."""
    run(Toy(), folder, steps)


def toy_run_to_be_killed(folder: Path, steps: int, halts_at: int) -> None:
    """The same, slowly, and never to its end: it halts at a step until it is killed."""

    class Halting(Toy):
        def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
            if step == halts_at:
                time.sleep(1e6)
            return super().training_step(step, progress, generator)

    run(Halting(pause_s=0.01), folder, steps)
