"""A run that judges itself on what it does not learn from: how often, by what, which weights are kept, when it ends."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from training.checkpoint import load_arrays, networks_arrays

JUDGED, BEST_STATE = "judged.jsonl", "best_state.safetensors"


@dataclass(frozen=True)
class Validation:
    """How a run judges itself.

    judge: the averaged networks, in evaluation mode, to named measures; what it draws at random it seeds itself. score:
    the measure that tells the best, larger is better. every_steps: between judgements; the last step is judged too.
    patience: judgements in a row without a better one, after which the run ends; 0 for never.
    """

    judge: Callable[[nn.Module], dict[str, float]]
    score: str
    every_steps: int = 200
    patience: int = 0

    def __post_init__(self) -> None:
        if self.every_steps < 1 or self.patience < 0:
            received = f"a judgement every {self.every_steps} steps with a patience of {self.patience}"
            raise InputError(received, "at least 1, and 0 or more")


@dataclass(frozen=True)
class Standing:
    """How far the judging of a run is. best: the highest score, at best_step. waited: judgements since. judged_step:
    of the last one.
    """

    best: float = -math.inf
    best_step: int = 0
    waited: int = 0
    judged_step: int = 0

    def to_json(self) -> dict[str, float | int | None]:
        """For a checkpoint's metadata; no score is null there."""
        best = self.best if math.isfinite(self.best) else None
        return {"best": best, "best_step": self.best_step, "waited": self.waited, "judged_step": self.judged_step}

    @staticmethod
    def from_json(content: Mapping[str, float | int | None]) -> Standing:
        """The inverse of `to_json`."""
        best = content["best"]
        steps = {name: int(content[name] or 0) for name in ("best_step", "waited", "judged_step")}
        return Standing(-math.inf if best is None else float(best), **steps)


class Judge:
    """Keeps a run's judgements: `judged.jsonl`, a line each, and the best weights.

    Args:
        run_dir: the run's folder. validation: see there. standing: that the run goes on from.
    """

    def __init__(self, run_dir: Path, validation: Validation, standing: Standing, step: int) -> None:
        self.folder, self.validation, self.standing = run_dir, validation, standing
        path = run_dir / JUDGED
        kept = [line for line in judgements(path) if line["step"] <= step]
        path.write_text("".join(json.dumps(line) + "\n" for line in kept))

    def is_due(self, step: int, last: bool) -> bool:
        """Whether to judge after so many steps."""
        return step > self.standing.judged_step and (last or step % self.validation.every_steps == 0)

    def __call__(self, networks: nn.Module, step: int) -> dict[str, float]:
        """Judge averaged networks; returns the measures, and keeps the networks when they are the best."""
        measures = self.validation.judge(networks)
        with (self.folder / JUDGED).open("a") as file:
            file.write(json.dumps({"step": step, **{k: _plain(v) for k, v in measures.items()}}) + "\n")
        value = measures.get(self.validation.score, math.nan)
        if value > self.standing.best:
            write_tensors(self.folder / BEST_STATE, networks_arrays(networks), {"step": step})
            self.standing = Standing(value, step, 0, step)
        else:
            self.standing = replace(self.standing, waited=self.standing.waited + 1, judged_step=step)
        return measures

    @property
    def is_over(self) -> bool:
        """Whether nothing got better for as long as the patience lasts."""
        return 0 < self.validation.patience <= self.standing.waited


def _plain(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def judgements(path: Path) -> list[dict[str, float]]:
    """The lines of a `judged.jsonl` or `metrics.jsonl`, NaN where a measure has no number; one that a kill cut short is
    left out.
    """
    lines = []
    for text in path.read_text().splitlines() if path.is_file() else ():
        try:
            content = json.loads(text)
            lines.append({k: math.nan if v is None else float(v) for k, v in content.items()} | {
                "step": int(content["step"])
            })  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return lines


def best_networks(run_dir: Path, networks: nn.Module) -> int | None:
    """Load the best weights of a run into networks; returns the step that they are of, None when none were kept."""
    path = run_dir / BEST_STATE
    if not path.is_file():
        return None
    arrays, metadata = read_tensors(path)
    load_arrays(path, networks, arrays)
    return int(metadata["step"])
