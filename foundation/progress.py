"""Progress with time left: a live bar on a terminal, a line every tenth or half a minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

ItemT = TypeVar("ItemT")
QUIET_S = 30.0  # a log says something at least so often


class Advance(Protocol):
    """Report that the work is at `done` of the total, with an optional short note (a loss, say)."""

    def __call__(self, done: float, note: str = "") -> None: ...


def console() -> Console:
    """Where progress and results for people go: standard error, so that standard output stays for data."""
    return Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """Tell people one line that is neither a result nor a warning."""
    print(line, file=sys.stderr)


@contextmanager
def progress(description: str, total: float | None) -> Iterator[Advance]:
    """Yield a function to call with the amount done so far; `total` None when it is not known."""
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
            TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=console()) as bar:
            task = bar.add_task(description, total=total, note="")
            yield lambda done, note="": bar.update(task, completed=done, note=note)
        return
    yield _Lines(description, total)


class _Lines:
    """Progress for logs: one line each tenth of the way, and every half a minute."""

    def __init__(self, description: str, total: float | None) -> None:
        self.description, self.total = description, total
        self.told_s = time.monotonic()
        self.told_tenth = -1  # so that the first piece done is told
        self.first: tuple[float, float] | None = None  # when the first piece was done, and how far the work was then

    def __call__(self, done: float, note: str = "") -> None:
        now_s = time.monotonic()
        if self.total:
            if self.first is None:
                self.first = now_s, done
            tenth = int(10 * done / self.total)
            if tenth <= self.told_tenth and now_s - self.told_s < QUIET_S:
                return
            self.told_tenth, self.told_s = tenth, now_s
            share = f"{100 * done / self.total:.0f}%"
            parts = (f"{self.description}: {share}", self._time_left(done, now_s), note)
            print(" ".join(part for part in parts if part), file=sys.stderr)
        elif now_s - self.told_s >= QUIET_S:
            self.told_s = now_s
            print(f"{self.description}: {done:g} done {note}".rstrip(), file=sys.stderr)

    def _time_left(self, done: float, now_s: float) -> str:
        """`(12 s left)`, by the pace since the first piece, which waits for what loads or ends what was resumed."""
        since_s, before = self.first or (now_s, done)
        if self.total is None or done <= before:
            return ""
        return f"({(now_s - since_s) * (self.total - done) / (done - before):.0f} s left)"


def track(items: Iterable[ItemT], description: str, total: int | None = None) -> Iterator[ItemT]:
    """Iterate with progress."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with progress(description, total) as advance:
        for done, item in enumerate(items, start=1):
            yield item
            advance(done)
