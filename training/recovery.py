"""What a run does when a loss or a weight is no number any more: it goes back to where all was well, and takes smaller
steps from there on, with other draws.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from foundation.errors import InputError
from training.schedules import scale_learning_rate

log = logging.getLogger(__name__)

SMALLER = 0.5  # times as large are the steps after each setback
MOST_SETBACKS = 8  # then steps are 1/256 of what they were, and something else is wrong


class NotFiniteError(Exception):
    """A loss or weight is NaN or infinite. names: of what; step: after so many; elapsed_s: that the run has taken."""

    def __init__(self, names: list[str], step: int, elapsed_s: float) -> None:
        super().__init__(names, step, elapsed_s)
        self.names, self.step, self.elapsed_s = names, step, elapsed_s


class Recovery:
    """The setbacks of a run, and the start to go back to while there is no checkpoint.

    Args:
        networks, average, optimizers: of a run that did not begin yet.
    """

    def __init__(self, networks: nn.Module, average: nn.Module, optimizers: Mapping[str, Optimizer]) -> None:
        self.networks, self.average, self.optimizers = networks, average, optimizers
        self.start: dict[str, Tensor] | None = {k: v.detach().cpu().clone() for k, v in networks.state_dict().items()}
        self.setbacks, self.elapsed_s = 0, 0.0

    def resume(self, setbacks: int) -> None:
        """Let steps be as small as all setbacks so far ask for. setbacks: the loaded checkpoint knew of."""
        self.setbacks = max(self.setbacks, setbacks)
        for optimizer in self.optimizers.values():
            scale_learning_rate(optimizer, SMALLER ** (self.setbacks - setbacks))

    def go_back(self, bad: NotFiniteError, run_dir: Path, description: str) -> None:
        """Put the start back; a checkpoint is loaded over it.

        Raises:
            InputError: it went wrong too often.
        """
        self.setbacks, self.elapsed_s = self.setbacks + 1, bad.elapsed_s
        names, place = ", ".join(bad.names), f"step {bad.step} of {run_dir}"
        if self.setbacks > MOST_SETBACKS:
            raise InputError(
                f"{names} stopped being finite at {place}, with steps {MOST_SETBACKS} times halved",
                "finite losses", "other footage, or other settings in another folder; the last checkpoint is kept",
            )
        log.warning(
            "%s: %s is no number after step %d; going back to the last checkpoint, with steps half as large",
            description, names, bad.step,
        )
        if self.start is not None:
            self.networks.load_state_dict(self.start)
            self.average.load_state_dict(self.start)
        for optimizer in self.optimizers.values():
            optimizer.state.clear()
            scale_learning_rate(optimizer, SMALLER ** (1 - self.setbacks))  # `resume` makes all of them smaller again

    def has_checkpoint(self) -> None:
        """There is one now, so the start need not be kept."""
        self.start = None

    def draw(self) -> list[int]:
        """What the draws of a step depend on beside seed and step: nothing before the first setback."""
        return [self.setbacks] if self.setbacks else []


def not_finite(losses: Mapping[str, float]) -> list[str]:
    """Names of the losses that are no numbers."""
    return [name for name, value in losses.items() if not math.isfinite(value)]


@torch.no_grad()
def weights_are_finite(networks: nn.Module) -> bool:
    """Whether every weight and every running statistic is a number."""
    values = [*networks.parameters(), *networks.buffers()]
    return all(bool(torch.isfinite(value).all()) for value in values if value.is_floating_point())
