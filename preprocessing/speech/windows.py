"""Cutting a long sequence into windows that overlap, so that each part is seen with its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Rows `first` to `last` are looked at; of what comes out, those from `start` to `stop` are kept."""

    first: int
    start: int
    stop: int
    last: int

    @property
    def kept(self) -> slice:
        """Where the kept rows lie in what comes out."""
        return slice(self.start - self.first, self.stop - self.first)


def windows(rows: int, core: int, context: int) -> Iterator[Window]:
    """Windows that keep `core` rows each and see `context` more on either side; a sequence of at most `core + 2 *
    context` rows is one window, seen whole.
    """
    if rows <= core + 2 * context:
        yield Window(0, 0, rows, rows)
        return
    for start in range(0, rows, core):
        stop = min(start + core, rows)
        yield Window(max(0, start - context), start, stop, min(rows, stop + context))
