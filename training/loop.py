"""The loop. Everything random in a step is a pure function of (seed, step), so a resumed run repeats an uninterrupted
one.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping
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
from foundation.progress import Advance, progress
from training import distributed
from training.averaging import Average
from training.checkpoint import load_checkpoint, save_checkpoint
from training.duration import Duration
from training.recovery import NotFiniteError, Recovery, not_finite, weights_are_finite
from training.validation import Judge, Standing, Validation

_STATE, _CONFIG, METRICS, _VERSIONS = "state.safetensors", "config.json", "metrics.jsonl", "versions.json"
_DISK_BYTES_A_S = 3e8


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
    """A finished run. networks: the averaged weights, in evaluation mode; steps; elapsed_s: time over all resumes,
    checkpoints and judgements included. standing: how the judging ended; None for a run that did not judge itself.
    """

    networks: nn.Module
    steps: int
    elapsed_s: float
    standing: Standing | None = None


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
    validation: Validation | None = None,
    spent_s: float = 0.0,
) -> RunResult:
    """Train until the duration is over; the same call resumes after a kill and returns at once when done.

    When checkpoints are taken does not change the result. The run folder holds `config.json`, `metrics.jsonl` (a line
    every `log_every` steps; TensorBoard files too when it is installed), `state.safetensors`, `versions.json` of the
    code that ran last, and the files of `training.validation`. A budget holds for all, the last checkpoint too.

    In every process of a torchrun launch, inside of `training.distributed.joined`, the processes train one run together
    and the first keeps the folder. config: what decides the result, JSON-able; a run folder of another is refused.
    validation: how the run judges itself, if it does. spent_s: of a budget, before this call.

    A loss or weight that is no number any more sends the run back to its last checkpoint, to go on with smaller steps.

    Raises:
        InputError: the folder holds another run, its checkpoint is damaged, or losses stay no numbers whatever the
            steps.
    """
    keeps, begun_s = distributed.rank() == 0, time.perf_counter() - spent_s
    if keeps:
        decisive = {"seed": seed, **vars(duration), "average_decay": average_decay}
        _claim(run_dir, dict(config) | decisive)
    distributed.synchronise(trainable.networks)
    average = Average(trainable.networks, average_decay)
    recovery = Recovery(trainable.networks, average.networks, trainable.optimizers)

    def keeper(step: int, standing: Standing) -> _Keeper | None:
        if not keeps:
            return None
        judge = Judge(run_dir, validation, standing, step) if validation else None
        metrics = _Metrics(run_dir, step, log_every)
        return _Keeper(run_dir, trainable, average, judge, metrics, checkpoint_every_s, recovery)

    patient = validation is not None and validation.patience > 0
    while True:
        try:
            with progress(description, 100.0) if keeps else nullcontext(_unseen) as advance:
                return _run(
                    trainable, average, run_dir, duration, seed, keeper, recovery, begun_s, patient, advance
                )
        except NotFiniteError as bad:
            begun_s = time.perf_counter()
            recovery.go_back(bad, run_dir, description)


def _run(
    trainable: Trainable, average: Average, run_dir: Path, duration: Duration, seed: int,
    keeper_of: Callable[[int, Standing], _Keeper | None], recovery: Recovery, begun_s: float, patient: bool,
    advance: Advance,
) -> RunResult:
    """From the last checkpoint to the end, in the words of `train`.

    Raises:
        NotFiniteError: a loss or weight is no number.
    """
    device = next(trainable.networks.parameters()).device
    step, elapsed_s, standing, setbacks = _resume(run_dir, trainable, average, device)
    recovery.resume(setbacks)
    keeper = keeper_of(step, standing)
    clock, over = _Clock(max(elapsed_s, recovery.elapsed_s), begun_s, device, keeper), _is_over(keeper, device)
    with keeper or nullcontext():
        while not over and (share := duration.progress(step, clock.ahead_s)) < 1.0:
            torch.manual_seed(_torch_seed(seed, step, recovery))
            trainable.networks.train()
            draws = np.random.default_rng([seed, step, 1, *recovery.draw()])
            losses = distributed.mean(trainable.training_step(step, share, draws), device)
            if bad := not_finite(losses):
                clock.tick()
                raise NotFiniteError(bad, step, clock.elapsed_s)
            average.update(trainable.networks, step)
            step += 1
            clock.tick()
            done = duration.progress(step, clock.ahead_s)
            if keeper is not None:
                keeper.after(step, losses, clock.elapsed_s, done >= 1.0)
            over = patient and _is_over(keeper, device)
            advance(100.0 * done, _note(losses))
            clock.tick()
    if not distributed.first(float(weights_are_finite(trainable.networks)), device):
        raise NotFiniteError(["a weight"], step, clock.elapsed_s)
    if keeper is not None:
        keeper.save(step, clock.elapsed_s)
    ended = keeper.judge.standing if keeper and keeper.judge else None
    return RunResult(average.networks, step, clock.elapsed_s, ended)


class _Keeper:
    """What the first process keeps of a run: numbers, judgements and checkpoints.

    Where a checkpoint takes long they are rarer, a twentieth of the time at most. cost_s: what one takes.
    """

    def __init__(
        self, run_dir: Path, trainable: Trainable, average: Average, judge: Judge | None, metrics: _Metrics,
        every_s: float, recovery: Recovery,
    ) -> None:
        self.recovery = recovery
        self.run_dir, self.trainable, self.average, self.judge = run_dir, trainable, average, judge
        self.metrics, self.every_s, self.saved_s = metrics, every_s, time.monotonic()
        weights = sum(value.numel() for value in trainable.networks.parameters())
        self.cost_s = 4 * 4 * weights / _DISK_BYTES_A_S  # until one is measured: weights, average and two moments

    def __enter__(self) -> _Keeper:
        self.metrics.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.metrics.__exit__(*error)

    def after(self, step: int, losses: Mapping[str, float], elapsed_s: float, last: bool) -> None:
        """What is due after a step."""
        if step % self.metrics.every == 0:
            self.metrics.write(step, losses)
        if self.judge is not None and self.judge.is_due(step, last):
            measures = self.judge(self.average.networks, step)
            self.metrics.show(step, {f"val/{name}": value for name, value in measures.items()})
        if time.monotonic() - self.saved_s > max(self.every_s, 20 * self.cost_s):
            self.save(step, elapsed_s)

    def save(self, step: int, elapsed_s: float) -> None:
        """Write the checkpoint, unless a weight is no number: the one that is there is then the one to go back to."""
        started_s = self.saved_s = time.monotonic()
        if not weights_are_finite(self.trainable.networks):
            return
        metadata: dict[str, Any] = {"step": step, "elapsed_s": elapsed_s, "setbacks": self.recovery.setbacks}
        metadata |= {"standing": self.judge.standing.to_json()} if self.judge is not None else {}
        path, trainable = self.run_dir / _STATE, self.trainable
        save_checkpoint(path, trainable.networks, self.average.networks, trainable.optimizers, metadata)
        self.recovery.has_checkpoint()
        self.saved_s = time.monotonic()
        self.cost_s = self.saved_s - started_s


def _is_over(keeper: _Keeper | None, device: torch.device) -> bool:
    """Whether the judging ends the run, in all processes alike."""
    judge = keeper.judge if keeper is not None else None
    return bool(distributed.first(float(judge is not None and judge.is_over), device))


class _Clock:
    """Seconds that a run took, over all resumes; the same in all processes."""

    def __init__(self, elapsed_s: float, begun_s: float, device: torch.device, keeper: _Keeper | None) -> None:
        self.elapsed_s, self._last_s, self._device, self._keeper = elapsed_s, begun_s, device, keeper
        self.tick()

    def tick(self) -> None:
        """Count the time since the last call."""
        now_s = time.perf_counter()
        took_s = distributed.first(now_s - self._last_s, self._device)
        self.elapsed_s, self._last_s = self.elapsed_s + took_s, now_s

    @property
    def ahead_s(self) -> float:
        """The time that the run will have taken when it ends now: with its last checkpoint."""
        cost_s = self._keeper.cost_s if self._keeper is not None else 0.0
        return self.elapsed_s + distributed.first(cost_s, self._device)


def _torch_seed(seed: int, step: int, recovery: Recovery) -> int:
    """Of a step; each process of several draws its own, or all would drop out the same units of different windows."""
    process = [distributed.rank()] if distributed.rank() else []
    return int(np.random.SeedSequence([seed, step, *process, *recovery.draw()]).generate_state(1)[0])


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
    """Write the run's configuration, or check that the folder's is the same; and what code runs."""
    run_dir.mkdir(parents=True, exist_ok=True)
    write_json(run_dir / _VERSIONS, _versions())
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


def _resume(
    run_dir: Path, trainable: Trainable, average: Average, device: torch.device
) -> tuple[int, float, Standing, int]:
    with distributed.file_of_first(run_dir / _STATE, device) as path:
        if path is None:
            return 0, 0.0, Standing(), 0
        metadata = load_checkpoint(path, trainable.networks, average.networks, trainable.optimizers)
    standing = Standing.from_json(metadata["standing"]) if "standing" in metadata else Standing()
    return int(metadata["step"]), float(metadata["elapsed_s"]), standing, int(metadata.get("setbacks", 0))


def _note(losses: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.3g}" for name, value in list(losses.items())[:4])


class _Metrics:
    """`metrics.jsonl`, cut back to the step that a run resumes from, and TensorBoard when it is installed."""

    def __init__(self, run_dir: Path, step: int, every: int) -> None:
        self.path, self.every = run_dir / METRICS, every
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
        self.show(step, losses)

    def show(self, step: int, values: Mapping[str, float]) -> None:
        """To TensorBoard alone."""
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(name, value, step)


def _step_of(line: str) -> float:
    """The step of a metrics line; infinite for a line that a kill cut short, so that it is dropped."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
