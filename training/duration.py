"""How long a run lasts."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.errors import InputError


@dataclass(frozen=True)
class Duration:
    """Until `steps` are done, or `budget_s` seconds of training are spent, whichever comes first.

    With `steps` alone a run is repeatable to the bit on one machine. A budget lets the clock say where in the schedule
    a step stands, so two runs differ by the speed of the machine; the seconds spent are kept in the checkpoints, so a
    resumed run spends the rest.
    """

    steps: int | None = None
    budget_s: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.steps, self.budget_s) if value is not None]
        if not given or min(given) <= 0:
            received = f"a duration of {self.steps} steps and {self.budget_s} s"
            raise InputError(received, "positive steps, a positive budget, or both")

    def progress(self, step: int, elapsed_s: float) -> float:
        """Where a run stands, 0 at its start to 1 at its end, when `step` steps and `elapsed_s` seconds are done."""
        shares = [0.0]
        if self.steps is not None:
            shares.append(step / self.steps)
        if self.budget_s is not None:
            shares.append(elapsed_s / self.budget_s)
        return min(1.0, max(shares))
