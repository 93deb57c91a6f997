"""A job done by another process, on a Ray cluster whose machines see the studio's home: how far it is, it tells by a
file in the job's folder.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files import read_json, write_json
from foundation.places import choosing
from foundation.progress import Listener, listening
from talking_head.datasets.workers import Failure, Place
from talking_head.studio.jobs.kinds.base import Asked
from talking_head.studio.jobs.kinds.bench import PROGRESS, Bench
from talking_head.studio.place import StudioPlace
from talking_head.target.home import Home

LOOK_S = 0.5  # between two looks at how far it is, and between two words of it
Order = tuple[Asked, str, str]
"""(what is asked for, the home, the job's key)."""


def done_elsewhere(asked: Asked, bench: Bench, where: Place[Order, Any], listener: Listener) -> dict[str, Any]:
    """What `asked.work(bench)` returns, done there.

    Raises:
        InputError: what that raises; Ray is not installed, no cluster answers, or its machine was lost.
    """
    order = asked, str(bench.home.path), bench.job
    with _followed(bench.folder / PROGRESS, listener):
        _, answer = next(iter(where.run(_worked, [order])))
    if isinstance(answer, Failure):
        raise InputError(f"a job that broke on the cluster ({answer.reason})", "one that ends", "see its machine's log")
    if "error" in answer:
        bench.names |= answer["names"]
        raise InputError(*answer["error"])
    result: dict[str, Any] = answer["result"]
    return result


def _worked(order: Order) -> dict[str, Any]:
    """Do a job; runs there."""
    asked, home, job = order
    place = StudioPlace(Home(Path(home)))
    bench = Bench(place, job, place.jobs / job)
    with choosing(home), listening(_Telling(bench.folder / PROGRESS)):
        try:
            return {"result": asked.work(bench)}
        except InputError as error:
            return {"error": (error.received, error.expected, error.remedy), "names": bench.names}


class _Telling:
    """Writes how far a job is, not too often."""

    def __init__(self, path: Path) -> None:
        self.path, self.told_s, self.stage = path, 0.0, ""

    def __call__(self, description: str, done: float, total: float | None, note: str) -> None:
        now_s = time.monotonic()
        if description == self.stage and done != total and now_s - self.told_s < LOOK_S:
            return
        self.told_s, self.stage = now_s, description
        write_json(self.path, {"description": description, "done": done, "total": total})


@contextmanager
def _followed(path: Path, listener: Listener) -> Iterator[None]:
    """Let a listener hear what is written there."""
    over = threading.Event()

    def follow() -> None:
        known: dict[str, Any] = {}
        while not over.wait(LOOK_S):
            now = read_json(path) if path.is_file() else known
            if now != known:
                known = now
                listener(known["description"], known["done"], known["total"], "")

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
