"""What a campaign of broken files or failing systems tried, and what was wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from benchmarks.result_files import Measure, added


@dataclass
class Tried:
    """What was tried with one reader or command.

    tries: inputs, kills, faults of the system. figures: others, by name; those called largest are no sums. faults: what
    was wrong, and how often.
    """

    tries: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tried) -> None:
        """Take over what was tried elsewhere."""
        self.tries += other.tries
        rows = added(Measure("", "", what, value) for one in (self, other) for what, value in one.figures.items())
        self.figures = {row.system: row.value for row in rows}
        self.faults.update(other.faults)

    def measures(self, part: str, name: str, tries: str) -> list[Measure]:
        """A row of a table. tries: what they are called there."""
        values = {tries: float(self.tries), **self.figures, "faults": float(self.faults.total())}
        return [Measure(part, name, what, value) for what, value in values.items()]
