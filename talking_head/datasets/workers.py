"""The same work on many items, in processes of this machine or on a Ray cluster. One bad item never stops the rest.

An item may fail in three ways: its function raises, its process dies (out of memory, a crash in a decoder), or its
machine is lost. Each ends as a `Failure` of that item alone; the last two are tried again first.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from foundation.errors import InputError
from foundation.parallel import THREADS_VARIABLE
from foundation.places import Chosen, choosing, chosen

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

ATTEMPTS = 2  # of an item whose process dies
RAY_RETRIES = 3  # of an item whose machine is lost


@dataclass(frozen=True)
class Failure:
    """Why an item has no result, in one line."""

    reason: str


@dataclass(frozen=True)
class Place(Generic[ItemT, ResultT]):
    """Where work is done. workers: processes; 1 works in this one, without shelter from crashes. ray: a cluster's
    address (`auto`, `host:6379`, `ray://host:10001`, or `local` for one on this machine) instead.
    """

    workers: int = 1
    ray: str = ""

    def run(
        self, function: Callable[[ItemT], ResultT], items: Sequence[ItemT]
    ) -> Iterator[tuple[int, ResultT | Failure]]:
        """(number of the item, its result or failure) as they come, in any order.

        Args:
            function: a module's function, and its items and results plain data, since they go to other processes.

        Raises:
            InputError: no worker, Ray is not installed, or no cluster answers.
        """
        if self.workers < 1:
            raise InputError(f"{self.workers} workers", "at least 1")
        if self.ray:
            return _on_ray(function, items, self.ray)
        if self.workers == 1 or len(items) < 2:
            return ((number, _guarded(function, item)) for number, item in enumerate(items))
        return _in_processes(function, items, min(self.workers, len(items)))


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _guarded(function: Callable[[ItemT], ResultT], item: ItemT) -> ResultT | Failure:
    try:
        return function(item)
    except Exception as error:  # whatever is wrong with one item, the others go on
        return Failure(" ".join(f"{type(error).__name__}: {error}".split())[:300])


class _Worker:
    """A process that does one item after another, and the item that it is at."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share torch's threads and the tracker's
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(function, theirs, chosen()), daemon=True)
        self.process.start()
        theirs.close()
        self.number: int | None = None

    def give(self, number: int, item: Any) -> None:
        self.number = number
        self.pipe.send(item)

    def stop(self) -> None:
        self.pipe.close()
        self.process.terminate()
        self.process.join()


def _serve(function: Callable[[Any], Any], pipe: Connection, places: Chosen) -> None:
    """A worker's life: ends when nobody is at the pipe's other end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the first process ends the others
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    one_thread()
    with choosing(places.home, places.offline), suppress(EOFError, BrokenPipeError, OSError):
        while True:
            pipe.send(_guarded(function, pipe.recv()))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # amid the interpreter's own end, an exit would be a traceback


def one_thread() -> None:
    """Let torch and OpenCV compute with one thread, where they are used, and frames be painted by one: the processes
    share the cores among them.
    """
    os.environ[THREADS_VARIABLE] = "1"
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)


def _in_processes(
    function: Callable[[ItemT], ResultT], items: Sequence[ItemT], count: int
) -> Iterator[tuple[int, ResultT | Failure]]:
    left, attempts = deque(range(len(items))), [0] * len(items)
    workers: list[_Worker] = []
    try:
        while left or workers:
            while left and len(workers) < count:
                workers.append(_Worker(function))
                _next(workers[-1], left, attempts, items)
            ready = wait([worker.pipe for worker in workers])
            for worker in [worker for worker in workers if worker.pipe in ready]:
                assert worker.number is not None
                try:
                    yield worker.number, worker.pipe.recv()
                except (EOFError, OSError):
                    workers.remove(worker)
                    worker.process.join()
                    if attempts[worker.number] < ATTEMPTS:
                        left.appendleft(worker.number)
                    else:
                        yield worker.number, Failure(f"its process died {ATTEMPTS} times ({_end_of(worker)})")
                    continue
                if left:
                    _next(worker, left, attempts, items)
                else:
                    workers.remove(worker)
                    worker.stop()
    finally:
        for worker in workers:
            worker.stop()


def _next(worker: _Worker, left: deque[int], attempts: list[int], items: Sequence[Any]) -> None:
    number = left.popleft()
    attempts[number] += 1
    with suppress(OSError):  # a worker that died at its start is noticed at its pipe
        worker.give(number, items[number])


def _end_of(worker: _Worker) -> str:
    code = worker.process.exitcode
    return f"signal {-code}, perhaps for want of memory" if code is not None and code < 0 else f"exit code {code}"


def _on_ray(
    function: Callable[[ItemT], ResultT], items: Sequence[ItemT], address: str
) -> Iterator[tuple[int, ResultT | Failure]]:
    try:
        import ray
    except ImportError as error:
        raise InputError("a Ray cluster without the package ray", "pip install 'talking-head[ray]'") from error
    if not ray.is_initialized():
        try:
            ray.init(address=None if address == "local" else address, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(
                f"a Ray cluster at '{address}' ({' '.join(str(error).split())[:200]})", "one that answers",
                "start it with `ray start --head` and give its address",
            ) from error

    @ray.remote(num_cpus=1, max_retries=RAY_RETRIES)
    def work(item: Any) -> Any:
        one_thread()
        return _guarded(function, item)

    pending = {work.remote(item): number for number, item in enumerate(items)}
    while pending:
        for done in ray.wait(list(pending))[0]:
            number = pending.pop(done)
            try:
                yield number, ray.get(done)
            except ray.exceptions.RayError as error:
                yield number, Failure(f"lost on the cluster ({' '.join(str(error).split())[:200]})")
