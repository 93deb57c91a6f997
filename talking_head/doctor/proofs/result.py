"""What a proof says: figures with their limits and the reason of each limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any


class State(Enum):
    WORKS = "works"
    FAILS = "fails"
    NOT_HERE = "not here"


class NotHereError(Exception):
    """A proof that cannot be made on this machine: something beside the file is missing.

    Args:
        found: what is missing. remedy: what mends it.
    """

    def __init__(self, found: str, remedy: str) -> None:
        self.found, self.remedy = found, remedy
        super().__init__(found)


@dataclass(frozen=True)
class Figure:
    """One number: `low <= value <= high` is right, None is no limit (a figure without limits only informs).

    reason: why the limit is where it is.
    """

    name: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    reason: str = ""

    @property
    def right(self) -> bool:
        """Whether it is finite and inside its limits."""
        value = self.value
        low, high = self.low is None or value >= self.low, self.high is None or value <= self.high
        return math.isfinite(value) and low and high

    def __str__(self) -> str:
        """`name 3.2 mm (up to 7: why)`."""
        words = f"{self.name} {_short(self.value)} {self.unit}".rstrip()
        if self.low is None and self.high is None:
            return f"{words} ({self.reason})" if self.reason else words
        if self.low is not None and self.low == self.high:
            limits = f"must be {_short(self.low)}"
        elif self.low is None:
            limits = f"up to {_short(self.high)}"
        elif self.high is None:
            limits = f"at least {_short(self.low)}"
        else:
            limits = f"{_short(self.low)} to {_short(self.high)}"
        return f"{words} ({limits}: {self.reason})" if self.reason else f"{words} ({limits})"

    def to_json(self) -> dict[str, Any]:
        """Plain values; a number that is not finite is None."""
        value = float(self.value) if math.isfinite(self.value) else None
        limits = {"low": self.low, "high": self.high, "reason": self.reason}
        return {"name": self.name, "value": value, "unit": self.unit, **limits, "right": self.right}


def _short(value: float | None) -> str:
    assert value is not None
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@dataclass(frozen=True)
class Proof:
    """One row. part: its key in `parts`. title: for people. place: the file, folder or program, "" without one.

    problem: why it is not here or could not be measured. remedy: what mends it. seconds: that the proof took.
    """

    part: str
    title: str
    state: State
    place: str = ""
    figures: tuple[Figure, ...] = ()
    problem: str = ""
    remedy: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        texts = {"part": self.part, "title": self.title, "state": self.state.value, "place": self.place}
        texts |= {"problem": self.problem, "remedy": self.remedy}
        return {**texts, "seconds": round(self.seconds, 3), "figures": [figure.to_json() for figure in self.figures]}
