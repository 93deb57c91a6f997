"""Work that goes well, badly, or takes its process with it: for other processes to import, so it imports little."""

from __future__ import annotations

import atexit
import os
import signal
import time
from pathlib import Path


def square(item: tuple[str, int]) -> int:
    """The square of a number; -1 raises, -2 dies, -3 dies the first time. A file in the folder counts the calls."""
    folder, number = item
    marks = Path(folder) / f"{number}-{time.monotonic_ns()}"
    marks.touch()
    if number == -1:
        raise ValueError("not this\none")
    if number == -2 or (number == -3 and len(list(Path(folder).glob("-3-*"))) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def end_slowly(mark: str) -> str:
    """Let this process take a second to end, and touch a file as it begins to."""
    atexit.register(time.sleep, 1.0)
    atexit.register(Path(mark).touch)  # the last registered is called first
    return mark


def slow_square(item: tuple[str, int]) -> tuple[int, str]:
    """The square, after a second, and which machine of a Ray cluster found it."""
    import ray

    folder, number = item
    node = str(ray.get_runtime_context().get_node_id())
    (Path(folder) / f"{number}-{node}").touch()
    time.sleep(1.0)
    return number * number, node
