"""The loop. Everything random in a step is a pure function of (seed, step), so a resumed run repeats an uninterrupted
one.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from foundation.errors import InputError
from foundation.files import read_json, write_json
from foundation.progress import progress
from training import distributed
from training.averaging import Average
from training.checkpoint import load_checkpoint, save_checkpoint
from training.duration import Duration

_STATE, _CONFIG, _METRICS, _VERSIONS = "state.safetensors", "config.json", "metrics.jsonl", "versions.json"


class Trainable(Protocol):
    """What the loop trains. The model's side owns networks, optimisers, losses and data; the loop owns the bookkeeping.

    networks: all that is trained; averaged and saved whole. optimizers: by name, over parameters of `networks`.
    """

    @property
    def networks(self) -> nn.Module: ...

    @property
    def optimizers(self) -> Mapping[str, Optimizer]: ...

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """Draw a batch, update the networks once, and name the losses.

        Args:
            step: 0 first.
            progress: 0 to 1, for schedules.
            generator: the only source of randomness besides torch's own, both seeded by (seed, step). Processes that
            train together get the same one, so that they draw the same batch, of which each takes its
            `training.distributed.share`.
        """
        ...


@dataclass(frozen=True)
class RunResult:
    """A finished run. networks: the averaged weights, in evaluation mode; steps; elapsed_s: training time over all
    resumes.
    """

    networks: nn.Module
    steps: int
    elapsed_s: float


def train(
    trainable: Trainable,
    run_dir: Path,
    duration: Duration,
    *,
    config: Mapping[str, Any],
    seed: int = 0,
    average_decay: float = 0.999,
    checkpoint_every_s: float = 20.0,
    log_every: int = 10,
    description: str = "training",
) -> RunResult:
    """Train until the duration is over; the same call resumes after a kill and returns at once when done.

    When checkpoints are taken does not change the result. The run folder holds `config.json`, `metrics.jsonl` (a line
    every `log_every` steps; TensorBoard files too when it is installed), `state.safetensors` and, of the code that ran
    last, `versions.json`.

    Called in every process of a torchrun launch, inside of `training.distributed.joined`, the processes train one run
    together and the first keeps the folder.

    Args:
        config: what decides the result, JSON-able; a run folder of another configuration is refused.

    Raises:
        InputError: the folder holds another run, its checkpoint is damaged, or a loss is no longer finite.
    """
    keeps = distributed.rank() == 0
    if keeps:
        decisive = {"seed": seed, "steps": duration.steps, "budget_s": duration.budget_s}
        _claim(run_dir, dict(config) | decisive | {"average_decay": average_decay})
        write_json(run_dir / _VERSIONS, _versions())
    device = next(trainable.networks.parameters()).device
    distributed.synchronise(trainable.networks)
    average = Average(trainable.networks, average_decay)
    step, elapsed_s = _resume(run_dir, trainable, average, device)
    average.networks.to(device)
    metrics = _Metrics(run_dir, step) if keeps else None
    saved_s, losses = time.monotonic(), {}
    with metrics or nullcontext(), progress(description, 100.0) if keeps else nullcontext(_unseen) as advance:
        while (share := duration.progress(step, elapsed_s)) < 1.0:
            started_s = time.perf_counter()
            torch.manual_seed(_torch_seed(seed, step))
            trainable.networks.train()
            losses = trainable.training_step(step, share, np.random.default_rng([seed, step, 1]))
            losses = distributed.mean(losses, device)
            _check_finite(losses, step, run_dir)
            average.update(trainable.networks, step)
            step += 1
            elapsed_s = distributed.first(elapsed_s + time.perf_counter() - started_s, device)
            if metrics is not None and step % log_every == 0:
                metrics.write(step, losses)
            advance(100.0 * duration.progress(step, elapsed_s), _note(losses))
            if keeps and time.monotonic() - saved_s > checkpoint_every_s:
                _save(run_dir, trainable, average, step, elapsed_s)
                saved_s = time.monotonic()
    if keeps:
        _save(run_dir, trainable, average, step, elapsed_s)
    return RunResult(average.networks, step, elapsed_s)


def _torch_seed(seed: int, step: int) -> int:
    """Of a step; each process of several draws its own, or all would drop out the same units of different windows."""
    process = [distributed.rank()] if distributed.rank() else []
    return int(np.random.SeedSequence([seed, step, *process]).generate_state(1)[0])


def _unseen(done: float, note: str = "") -> None:
    """The progress of a process that is not the first."""


def _versions() -> dict[str, str]:
    """Of what the numbers of a run depend on."""
    packages = {"torch": torch.__version__, "numpy": np.__version__}
    try:
        return packages | {"talking-head": version("talking-head")}
    except PackageNotFoundError:
        return packages | {"talking-head": "not installed"}


def _claim(run_dir: Path, config: dict[str, Any]) -> None:
    """Write the run's configuration, or check that the folder's is the same."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / _CONFIG
    wanted = json.loads(json.dumps(config))
    if not path.exists():
        write_json(path, wanted)
        return
    present = read_json(path)
    if present != wanted:
        differing = sorted(k for k in present.keys() | wanted.keys() if present.get(k) != wanted.get(k))
        raise InputError(
            f"{run_dir} holds a run with another {', '.join(differing)}",
            "a run of the same configuration",
            "use another folder or delete this one",
        )


def _resume(run_dir: Path, trainable: Trainable, average: Average, device: torch.device) -> tuple[int, float]:
    with distributed.file_of_first(run_dir / _STATE, device) as path:
        if path is None:
            return 0, 0.0
        metadata = load_checkpoint(path, trainable.networks, average.networks, trainable.optimizers)
    return int(metadata["step"]), float(metadata["elapsed_s"])


def _save(run_dir: Path, trainable: Trainable, average: Average, step: int, elapsed_s: float) -> None:
    metadata = {"step": step, "elapsed_s": elapsed_s}
    save_checkpoint(run_dir / _STATE, trainable.networks, average.networks, trainable.optimizers, metadata)


def _check_finite(losses: Mapping[str, float], step: int, run_dir: Path) -> None:
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    if bad:
        raise InputError(
            f"{', '.join(bad)} stopped being finite at step {step} of {run_dir}",
            "finite losses",
            "the last good checkpoint is kept: lower the learning rate and train anew from it",
        )


def _note(losses: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.3g}" for name, value in list(losses.items())[:4])


class _Metrics:
    """`metrics.jsonl`, cut back to the step that a run resumes from, and TensorBoard when it is installed."""

    def __init__(self, run_dir: Path, step: int) -> None:
        self.path = run_dir / _METRICS
        if self.path.exists():
            kept = [line for line in self.path.read_text().splitlines() if _step_of(line) <= step]
            self.path.write_text("".join(line + "\n" for line in kept))
        try:
            from torch.utils.tensorboard import SummaryWriter

            self.board: Any = SummaryWriter(str(run_dir), purge_step=step)
        except ImportError:
            self.board = None

    def __enter__(self) -> _Metrics:
        self.file = self.path.open("a")
        return self

    def __exit__(self, *_: object) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        if self.board is not None:
            self.board.close()

    def write(self, step: int, losses: Mapping[str, float]) -> None:
        self.file.write(json.dumps({"step": step, **{k: round(v, 6) for k, v in losses.items()}}) + "\n")
        self.file.flush()
        if self.board is not None:
            for name, value in losses.items():
                self.board.add_scalar(name, value, step)


def _step_of(line: str) -> float:
    """The step of a metrics line; infinite for a line that a kill cut short, so that it is dropped."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
