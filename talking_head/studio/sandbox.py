"""Looking into files that anybody may have made: in a process of its own, with limits on memory and time."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from foundation.errors import InputError
from talking_head.studio.answers import StudioError

AT_ONCE = 2  # processes; whoever comes later waits
PRELOADED = ["talking_head.studio.looking"]
_turns = threading.Semaphore(AT_ONCE)


def _context() -> Any:
    """Processes that are forked from one that has imported what they need, where the system can."""
    kinds = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in kinds else "spawn")
    if "forkserver" in kinds:
        context.set_forkserver_preload(PRELOADED)
    return context


_CONTEXT = _context()


def warm_up() -> None:
    """Start the process that the others are forked from, so that the first upload does not wait for its imports."""
    confined(int, seconds=60.0, memory_bytes=8 << 30)


def confined(function: Callable[..., Any], *args: Any, seconds: float, memory_bytes: int) -> Any:
    """What a function of a module returns, run in a process that may use so much processor time and memory.

    Raises:
        InputError: what the function raised, or that it needed more than that, or that it died of what it read.
    """
    receiving, sending = _CONTEXT.Pipe(duplex=False)
    with _turns:
        process = _CONTEXT.Process(
            target=_run, args=(sending, function, args, seconds, memory_bytes), daemon=True, name="look-into"
        )
        process.start()
        sending.close()
        try:
            found = receiving.recv() if receiving.poll(4 * seconds) else None
        except EOFError:
            found = None
        finally:
            receiving.close()
            process.kill()
            process.join()
            process.close()
    if found is None:
        raise StudioError(422, "a file that needs too much memory or time to look into, or breaks what reads it",
                          "a plain video, photo or sound file", "save it anew with another program")  # fmt: skip
    kind, value = found
    if kind == "error":
        raise InputError(*value)
    return value


def _run(sending: Connection, function: Callable[..., Any], args: tuple[Any, ...], seconds: float, memory: int) -> None:
    _limit(seconds, memory)
    try:
        sending.send(("done", function(*args)))
    except InputError as error:
        sending.send(("error", (error.received, error.expected, error.remedy)))
    except MemoryError:
        pass


def _limit(seconds: float, memory_bytes: int) -> None:
    """The system ends the process where it wants more. On systems without such limits the time alone holds."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        whole = int(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
