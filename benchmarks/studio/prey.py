"""A studio of its own, as users start it, for what attacks or measures it."""

from __future__ import annotations

import contextlib
import http.client
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from talking_head.client import Studio

SETTLE_S = 30.0  # for what is under way to end, before what is left counts
TOKEN = "a token that nobody guesses"


@dataclass
class Prey:
    """The studio that is attacked."""

    home: Path
    process: subprocess.Popen[str]
    address: str
    client: Studio
    faults: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and content; 0 where the connection was cut."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            status, content = response.status, response.read()
        except (OSError, http.client.HTTPException, ValueError):
            return 0, b""
        finally:
            connection.close()
        said = content.decode("utf-8", "replace")
        if status >= 400 and (str(self.home) in said or "Traceback" in said or re.search(r"/\w+/\w+\.py", said)):
            self.faults.append(f"{method} {path}: {said[:200]}")
        if status >= 500:
            self.faults.append(f"{method} {path}: {status}")
        return status, content

    def memory_bytes(self) -> int:
        """The most that the server ever held of the machine's memory."""
        said = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", said)[1])  # type: ignore[index]

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def worker(self, kind: str) -> int:
        """Process id of the worker of a kind."""
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                said = (place / "cmdline").read_bytes().split(b"\0")
                if said[-2:-1] == [kind.encode()] and str(self.home).encode() in said:
                    return int(place.name)
        raise LookupError(f"no worker of kind {kind}")

    def left(self) -> list[str]:
        """What lies in the studio's folder that should not."""
        studio = self.home / "studio"
        for kept in self.client._json("GET", "/v1/uploads"):
            self.client._json("DELETE", f"/v1/uploads/{kept['upload']}")
        end_s, usual = time.monotonic() + SETTLE_S, re.compile(r"(jobs\.sqlite|logs/|server\.lock|worker-|previews/)")
        while True:
            names = [str(path.relative_to(studio)) for path in studio.rglob("*") if path.is_file()]
            left = [name for name in names if not usual.match(name)]
            if not left or time.monotonic() > end_s:
                return left
            time.sleep(0.5)


@contextmanager
def studio(home: Path, *options: str) -> Iterator[Prey]:
    """A studio at work."""
    command = [sys.executable, "-m", "talking_head", "studio", "--port", "0", "--home", str(home), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    address = re.search(r"http://[\d.]+:\d+", process.stderr.readline())
    assert address is not None
    threading.Thread(target=process.stderr.read, daemon=True).start()
    prey = Prey(home, process, address[0], Studio(address[0], TOKEN if "--token" in options else None))
    try:
        until(lambda: prey.ask("GET", "/v1/health")[0] == 200)
        yield prey
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def until(done: Callable[[], bool], seconds: float = 120.0) -> None:
    end_s = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end_s:
            raise TimeoutError("it never came")
        time.sleep(0.05)
