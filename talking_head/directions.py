"""How a target is to speak."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Directions:
    """How to speak. model: a motion model's name, None for FACIAL-GAN.

    emotion: `NAME` or `NAME:SHARE`. emotions: a file of emotions over time. style: a name. Which of them a model takes,
    it says itself.
    """

    model: str | None = None
    emotion: str | None = None
    emotions: Path | None = None
    style: str | None = None
