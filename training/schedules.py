"""Learning-rate factors as functions of progress (0 to 1), so that they serve runs by steps and by the clock alike:
torch's schedulers count steps, and a run by the clock does not know how many it will make.
"""

from __future__ import annotations

import math

from torch.optim import Optimizer


def cosine_decay(progress: float, warm_up: float = 0.01, floor: float = 0.01) -> float:
    """A linear rise over the first `warm_up` share, then a cosine from 1 down to `floor`."""
    if progress < warm_up:
        return max(progress / warm_up, 0.05)
    share = (progress - warm_up) / (1 - warm_up)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share))


def linear_decay_from(progress: float, start: float, floor: float = 0.0) -> float:
    """1 until the `start` share, then straight down to `floor` (FACIAL, section 4: 50 epochs, decay from 30)."""
    if progress <= start:
        return 1.0
    return max(floor, 1.0 - (progress - start) / (1.0 - start))


def set_learning_rate(optimizer: Optimizer, factor: float) -> None:
    """Scale every group's learning rate to `factor` times the one that it was made with."""
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
        group["lr"] = group["initial_lr"] * factor


def scale_learning_rate(optimizer: Optimizer, factor: float) -> None:
    """Make every group's rate, and the one that it was made with, `factor` times as large from now on."""
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
        group["initial_lr"] *= factor
        group["lr"] *= factor
