"""Waiting for what must come, however busy the machine is. A test asks whether it comes, never how soon."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 300.0  # after which something that must come is taken never to come


def until(true: Callable[[], object], told: Callable[[], object] = lambda: "it never came") -> None:
    """Wait for a condition.

    Args:
        told: what to say when it is never met.
    """
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s, told()
        time.sleep(0.01)


class Clock:
    """A stand-in for the module `time` whose seconds pass in sleep alone."""

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s, self.slept = now_s, list[float]()

    def __call__(self) -> float:
        return self.now_s

    monotonic = perf_counter = __call__

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept.append(seconds)
