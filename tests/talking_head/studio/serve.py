"""A studio at work for tests: a server in a thread, with workers that know a kind of job that only counts."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from foundation.errors import InputError
from foundation.progress import track
from talking_head.client import Studio
from talking_head.studio.desk import Desk
from talking_head.studio.jobs import worker
from talking_head.studio.jobs.kinds import KINDS
from talking_head.studio.jobs.kinds.base import Asked
from talking_head.studio.jobs.kinds.bench import SO_FAR, Bench
from talking_head.studio.serving import bound, server
from talking_head.studio.settings import Limits, StudioSettings
from tests.waiting import PATIENCE_S, until


class CountAsked(Asked):
    """Count to a number, a line a count in a file of the home, and begin where an earlier attempt came to.

    wait_s: between counts, until the test lets it hurry. held_at: a number after which it waits for that.
    """

    kind: Literal["count"] = "count"
    upload: str | None = None
    to: int = 10
    wait_s: float = 0.02
    held_at: int | None = None
    hungry_bytes: int = 0
    wrong: str = ""

    def counted(self, bench: Bench) -> Path:
        return bench.home.path / f"count-{bench.job}"

    def rest(self, bench: Bench, number: int) -> None:
        hurry = bench.home.path / f"hurry-{bench.job}"
        if not hurry.exists():
            time.sleep(self.wait_s)
        while self.held_at is not None and number >= self.held_at and not hurry.exists():
            time.sleep(self.wait_s)

    def work(self, bench: Bench) -> dict[str, Any]:
        path = self.counted(bench)
        begun = len(path.read_text().splitlines()) if path.is_file() else 0
        held = bytearray(self.hungry_bytes)
        (bench.folder / SO_FAR).write_bytes(b"a picture")
        for number in track(range(begun, self.to), f"Counting for {bench.job[:4]}"):
            with path.open("a") as file:
                file.write(f"{number}\n")
            self.rest(bench, number)
            held[number % len(held) if held else 0 : 0] = b""
        if self.wrong == "input":
            raise InputError(f"{bench.home.path / 'secret'}/x.mp4: no face", "one", f"look at {path}")
        if self.wrong == "fault":
            raise RuntimeError(f"something in {path}")
        bench.output("count.txt").write_text(path.read_text())
        return {"began_at": begun}

    def undo(self, bench: Bench) -> None:
        self.counted(bench).unlink(missing_ok=True)


KINDS["count"] = CountAsked


@dataclass(frozen=True)
class Served:
    """A studio at work."""

    desk: Desk
    port: int
    client: Studio

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def error(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status of an error and what it says was received."""
        status, _, content = self.ask(method, path, body, headers)
        return status, json.loads(content)["error"]["received"]

    def count(self, **asked: Any) -> str:
        """A new job that counts."""
        return self.desk.store.add("count", CountAsked(**asked).model_dump()).job

    def hurry(self, job: str) -> None:
        """Let a job that counts come to its end."""
        (self.desk.home.path / f"hurry-{job}").touch()


@contextmanager
def served(home: Path, token: str | None = None, limits: Limits | None = None, **settings: Any) -> Iterator[Served]:
    """A studio at work in a home."""
    chosen = StudioSettings(port=0, token=token, home=home, limits=limits or Limits(), warm=False, **settings).checked()
    listening = bound(chosen)
    port = listening.getsockname()[1]
    ready = server(chosen)
    desk: Desk = ready.config.app.app.state.studio  # type: ignore[union-attr]
    desk.supervisor.program = "tests.talking_head.studio.serve"
    thread = threading.Thread(target=ready.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until(lambda: ready.started)
    try:
        yield Served(desk, port, Studio(f"http://127.0.0.1:{port}", token))
    finally:
        ready.should_exit = True
        thread.join(PATIENCE_S)
        listening.close()


if __name__ == "__main__":
    sys.exit(worker.main())
