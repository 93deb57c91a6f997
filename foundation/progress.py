"""Progress with time left: a live bar on a terminal, a line every tenth or half a minute elsewhere, and whoever else
listens.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

ItemT = TypeVar("ItemT")
QUIET_S = 30.0  # a log says something at least so often


class Advance(Protocol):
    """Report that the work is at `done` of the total, with an optional short note (a loss, say)."""

    def __call__(self, done: float, note: str = "") -> None: ...


class Listener(Protocol):
    """Hear how far a piece of work is: what it is called, `done` of `total` (None: not known), and a short note."""

    def __call__(self, description: str, done: float, total: float | None, note: str) -> None: ...


_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)
_CALLED: ContextVar[str] = ContextVar("called", default="")
_DETAILS: ContextVar[bool] = ContextVar("details", default=False)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let a listener hear all progress that is made inside, beside what people are shown."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


@contextmanager
def called(description: str) -> Iterator[None]:
    """Call all work inside so, in words for people; its notes (losses) are shown where `details` are."""
    token = _CALLED.set(description)
    try:
        yield
    finally:
        _CALLED.reset(token)


def details(wanted: bool) -> None:
    """Whether people are shown what is for experts: the notes of work that has a plain name."""
    _DETAILS.set(wanted)


def console() -> Console:
    """Where progress and results for people go: standard error, so that standard output stays for data."""
    return Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """Tell people one line that is neither a result nor a warning."""
    print(line, file=sys.stderr)


@contextmanager
def progress(description: str, total: float | None) -> Iterator[Advance]:
    """Yield a function to call with the amount done so far; `total` None when it is not known."""
    plain = _CALLED.get()
    description = plain or description
    with _shown(description, total) as told:

        def shown(done: float, note: str = "") -> None:
            told(done, note if not plain or _DETAILS.get() else "")

        listener = _LISTENER.get()
        if listener is None:
            yield shown
            return

        def advance(done: float, note: str = "") -> None:
            shown(done, note)
            listener(description, done, total, note)

        listener(description, 0.0, total, "")
        yield advance


@contextmanager
def _shown(description: str, total: float | None) -> Iterator[Advance]:
    """Progress for people."""
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


class Pace:
    """How fast work goes, by what was done since its first piece, which waits for what loads or ends what was resumed.
    """

    def __init__(self) -> None:
        self.first: tuple[float, float] | None = None  # when the first piece was done, and how far the work was then

    def left_s(self, done: float, total: float | None) -> float | None:
        """Seconds left, asked at each piece; None while there is nothing to judge it by."""
        now_s = time.monotonic()
        if self.first is None:
            self.first = now_s, done
        since_s, before = self.first
        return None if total is None or done <= before else (now_s - since_s) * (total - done) / (done - before)


class _Lines:
    """Progress for logs: one line each tenth of the way, and every half a minute."""

    def __init__(self, description: str, total: float | None) -> None:
        self.description, self.total = description, total
        self.told_s = time.monotonic()
        self.told_tenth = -1  # so that the first piece done is told
        self.pace = Pace()
        if total is None:
            print(f"{description} ...", file=sys.stderr)

    def __call__(self, done: float, note: str = "") -> None:
        now_s = time.monotonic()
        if self.total:
            left_s = self.pace.left_s(done, self.total)
            tenth = int(10 * done / self.total)
            if tenth <= self.told_tenth and now_s - self.told_s < QUIET_S:
                return
            self.told_tenth, self.told_s = tenth, now_s
            share = f"{100 * done / self.total:.0f}%"
            left = "" if left_s is None else f"({left_s:.0f} s left)"
            parts = (f"{self.description}: {share}", left, note)
            print(" ".join(part for part in parts if part), file=sys.stderr)
        elif now_s - self.told_s >= QUIET_S:
            self.told_s = now_s
            print(f"{self.description}: {done:g} done {note}".rstrip(), file=sys.stderr)


def track(items: Iterable[ItemT], description: str, total: int | None = None) -> Iterator[ItemT]:
    """Iterate with progress."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    with progress(description, total) as advance:
        for done, item in enumerate(items, start=1):
            yield item
            advance(done)
