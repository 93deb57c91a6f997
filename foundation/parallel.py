"""Work side by side, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
MOST_WORKERS = 8
AHEAD = 2  # items a worker that are begun before they are asked for


def side_by_side(
    work: Callable[[ItemT], ResultT], items: Iterable[ItemT], begin: Callable[[], None], workers: int | None = None
) -> Iterator[ResultT]:
    """`map` by threads, in order; for work that lets go of Python's lock. Memory does not grow with the items.

    Args:
        begin: called once in each thread before its first item.
        workers: threads; None: one a processor core.
    """
    count = workers or min(MOST_WORKERS, cores())
    waiting: deque[Future[ResultT]] = deque()
    with ThreadPoolExecutor(count, initializer=begin) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > AHEAD * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def cores() -> int:
    """Processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
