"""How a target is to speak."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from foundation.errors import InputError
from motion_models.directions import Delivery

if TYPE_CHECKING:  # curves bring the face model, and with it torch
    from talking_head.motion.curves import Acting

HEAD = {"still": 0.0, "calm": 0.5, "natural": 1.0, "lively": 1.5}  # times the person's own; eyes stay alive in all
HEAD_LIMITS = 0.0, 2.0


@dataclass(frozen=True)
class Directions:
    """How to speak. model: a motion model's name, None for FACIAL-GAN.

    emotion: `NAME` or `NAME:SHARE`. emotions: a file of emotions over time. style: a name. Which of them a model takes,
    it says itself. head: how much the head moves, a name of `HEAD` or a number; None: as the person's.
    weights: a motion model's file or run folder, to speak through instead of the target's. curves: added to the motion.
    lips_closed: (start, end) in seconds of p, b and m in the sound, where whoever made it tells; while the sound is
    still being made, more may be added.
    """

    model: str | None = None
    emotion: str | None = None
    emotions: Path | None = None
    style: str | None = None
    head: str | float | None = None
    weights: Path | None = None
    curves: Acting | None = None
    lips_closed: Sequence[tuple[float, float]] = ()

    @property
    def delivery(self) -> Delivery:
        """What the motion model is told."""
        return Delivery(self.emotion, self.emotions, self.style)

    def head_share(self) -> float:
        """How many times as far as the person's the head moves.

        Raises:
            InputError: neither a name of `HEAD` nor a number in `HEAD_LIMITS`.
        """
        if self.head is None:
            return 1.0
        low, high = HEAD_LIMITS
        with suppress(ValueError):
            share = HEAD[self.head] if isinstance(self.head, str) and self.head in HEAD else float(self.head)
            if low <= share <= high:
                return share
        raise InputError(f"--head '{self.head}'", f"{', '.join(HEAD)}, or a number from {low:g} to {high:g}")

    def refuse_head_beside(self, motion: Path) -> None:
        """Tell that a file of the head's motion leaves no choice of it.

        Raises:
            InputError: the head is directed.
        """
        if self.head is not None:
            raise InputError(
                f"--head with {motion}, which already says how the head moves", "one or the other", "leave out --head"
            )

    def refuse_beside(self, motion: Path) -> None:
        """Tell that a file of a whole face's motion leaves nothing to direct.

        Raises:
            InputError: something is directed.
        """
        given = [f"--{'motion' if name == 'model' else name}" for name, value in asdict(self).items() if value]
        if given:
            raise InputError(
                f"{' and '.join(given)} with {motion}, which already says how the whole face moves",
                "one or the other", f"leave out {' and '.join(given)}",
            )
