"""How a target is to speak."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from foundation.errors import InputError


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
