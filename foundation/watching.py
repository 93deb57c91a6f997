"""Pictures of work that takes long, for whoever watches it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np

EVERY_S = 10.0
COST_SHARE = 0.03  # of the work's time that its pictures may take


@dataclass
class _Watcher:
    give: Callable[[np.ndarray], None]
    next_s: float = 0.0


_WATCHER: ContextVar[_Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(give: Callable[[np.ndarray], None]) -> Iterator[None]:
    """Let pictures `[H, W, 3]` uint8 RGB of all work inside be given to somebody, now and then."""
    token = _WATCHER.set(_Watcher(give))
    try:
        yield
    finally:
        _WATCHER.reset(token)


def show(paint: Callable[[], np.ndarray]) -> None:
    """Show how the work looks now; painted only where somebody watches, and seldom."""
    watcher, now_s = _WATCHER.get(), time.monotonic()
    if watcher is None or now_s < watcher.next_s:
        return
    watcher.give(paint())
    done_s = time.monotonic()
    watcher.next_s = done_s + max(EVERY_S, (done_s - now_s) / COST_SHARE)
