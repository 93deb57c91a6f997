"""Work side by side, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
MOST_WORKERS = 8
THREADS_VARIABLE = "TALKING_HEAD_THREADS"
# Environment variables that threads of libraries shall start with. They are read when torch and NumPy load. OpenMP's
# threads would otherwise spin while they wait for each other, and where another program holds a core they wait long: on
# two cores, one of them busy, the demo's first frame took twice the time. OpenBLAS's spin whatever they are told, and
# the products of a frame are small: they took 4 of the 10 s of processor time of a film of 11 s at 256 x 256.
QUIET_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
AHEAD = 2  # items a worker that are begun before they are asked for


def side_by_side(
    work: Callable[[ItemT], ResultT], items: Iterable[ItemT], begin: Callable[[], None], workers: int | None = None
) -> Iterator[ResultT]:
    """`map` by threads, in order; for work that lets go of Python's lock. Memory does not grow with the items.

    Args:
        begin: called once in each thread before its first item.
        workers: threads; None: one a processor core.
    """
    count = workers or most_workers()
    waiting: deque[Future[ResultT]] = deque()
    with closing(begun(work, items, begin, count)) as futures:
        try:
            for future in futures:
                waiting.append(future)
                if len(waiting) > AHEAD * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def begun(
    work: Callable[[ItemT], ResultT], items: Iterable[ItemT], begin: Callable[[], None], workers: int | None = None
) -> Generator[Future[ResultT], None, None]:
    """Work that threads have begun, one future an item, given out at once: for items that come slowly, none of whose
    results shall wait for the next item. Whoever asks for futures faster than work is done holds them all.

    Args:
        work, begin, workers: as in `side_by_side`.
    """
    pool = ThreadPoolExecutor(workers or most_workers(), initializer=begin)
    try:
        for item in items:
            yield pool.submit(work, item)
    finally:
        # Left half-way it may be collected in one of its own threads, which cannot wait for itself.
        pool.shutdown(wait=False)


def most_workers() -> int:
    """Threads that work side by side unless told otherwise: `TALKING_HEAD_THREADS`, else one a core."""
    told = os.environ.get(THREADS_VARIABLE, "")
    if told.isdigit() and int(told):
        return int(told)
    return min(MOST_WORKERS, cores())


def cores() -> int:
    """Processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
