"""What several processes train together, and one alone: a toy with batch normalisation, and a tiny FACIAL-GAN.

    torchrun --nproc-per-node 2 -m tests.training.together FOLDER
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from foundation.files import write_json, write_tensors
from tests.facial_gan.synthetic import config, example, general
from training import Duration, RunResult, train
from training.distributed import joined, rank, share, size

TOY_STEPS, GAN_STEPS, BATCH = 40, 10, 16


class SharedToy:
    """Learns the sum of three numbers; each process from its share of the batch."""

    def __init__(self) -> None:
        torch.manual_seed(rank())  # the processes start apart: training must bring them together
        self.networks: nn.Module = nn.Sequential(
            nn.Linear(3, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1)
        )
        self.optimizers = {"toy": torch.optim.SGD(self.networks.parameters(), lr=0.05, momentum=0.9)}

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        inputs = torch.from_numpy(generator.standard_normal((BATCH, 3)).astype(np.float32))[share(BATCH)]
        loss = ((self.networks(inputs) - inputs.sum(1, keepdim=True)) ** 2).mean()
        self.optimizers["toy"].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.networks.parameters(), 0.5)
        self.optimizers["toy"].step()
        return {"loss": loss.item()}


class SpoiltToy(SharedToy):
    """The last process's loss is no number at one step, as long as steps are large."""

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        losses = super().training_step(step, progress, generator)
        large = self.optimizers["toy"].param_groups[0]["lr"] > 0.04
        return {"loss": float("nan")} if step == 20 and large and rank() == size() - 1 else losses


def train_toy(folder: Path, kind: type[SharedToy] = SharedToy, name: str = "toy") -> RunResult:
    """Processes but the first are given a folder of their own, as on a machine that shares no disk."""
    own = folder / name if rank() == 0 else folder / f"elsewhere{rank()}"
    return train(kind(), own, Duration(TOY_STEPS), config={}, average_decay=0.7, log_every=1)


def launched(rank: int, port: int, folder: Path) -> None:
    """One of two processes in the environment that torchrun gives them; its store listens at a port."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()}, TORCHELASTIC_USE_AGENT_STORE="True")
    main(folder)


def main(folder: Path) -> None:
    """Train both; leave what each process ended with in FOLDER."""
    torch.set_num_threads(1)
    with joined("cpu"):
        train_toy(folder)
        again = train_toy(folder)  # done: only the checkpoint is read
        weights = {name: value.numpy() for name, value in again.networks.state_dict().items()}
        write_tensors(folder / f"toy{rank()}.safetensors", weights, {"steps": again.steps})
        spoilt = train_toy(folder, SpoiltToy, "spoilt").networks.state_dict()
        write_tensors(folder / f"spoilt{rank()}.safetensors", {name: value.numpy() for name, value in spoilt.items()})
        settings = config(GAN_STEPS)
        settings.architecture = replace(settings.architecture, dropout=0.0)
        general([example(5.0, 0, "a"), example(5.0, 1, "b")], folder / "gan", settings)
        write_json(folder / f"world{rank()}.json", size())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
