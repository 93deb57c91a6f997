"""Many uploads at once beside busy processes: whole ones, slow ones, and some that are cancelled."""

from __future__ import annotations

import argparse
import contextlib
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.studio import files
from benchmarks.studio.prey import Prey

PARTS, SLOW_S = 20, 8.0  # of a slow upload, and how long all of it takes
PATIENCE_S = 180.0
SEEN = "/v1/people", "/v1/people/astronaut", "/v1/jobs", "/v1/status"


def crowded(prey: Prey, given: argparse.Namespace) -> str:
    """Uploads of all sorts at once, whole, cancelled and slow, beside two busy processes, while somebody works."""
    crowd = _Crowd(prey)
    with _busy(2), crowd.somebody_at_work():
        visits = [threading.Thread(target=crowd.visit, args=(number,)) for number in range(given.uploads)]
        for thread in visits:
            thread.start()
        for thread in visits:
            thread.join()
    took_s, waited_s = max(crowd.took_s, default=0.0), max(crowd.waited_s, default=0.0)
    kinds = f"{given.uploads} at once, a quarter cancelled, a quarter slow"
    return f"{kinds}: the whole ones took {took_s:.1f} s at most, who works waits {waited_s:.1f} s at most"


@dataclass
class _Crowd:
    """took_s: of whole uploads, without what a slow one waits by itself. waited_s: of who works."""

    prey: Prey
    contents: tuple[bytes, ...] = field(default_factory=lambda: (files.film(4.0), files.speech(), files.photo()))
    took_s: list[float] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)

    def visit(self, number: int) -> None:
        """One upload, of a sort that the number tells."""
        content = self.contents[number % 3]
        try:
            if number % 4 == 3:
                self._cancelled(content, number % 8 == 3, (0.0, 0.5, 1.0)[number // 4 % 3])
            else:
                self._whole(content, SLOW_S if number % 4 == 2 else 0.0)
        except Exception as fault:
            self.prey.faults.append(f"upload {number}: {fault!r}")

    @contextmanager
    def somebody_at_work(self) -> Iterator[None]:
        """Asks for what the page shows, over and over."""
        over = threading.Event()
        worker = threading.Thread(target=self._work, args=(over,))
        worker.start()
        yield
        over.set()
        worker.join()

    def _work(self, over: threading.Event) -> None:
        while not over.wait(0.3):
            for path in SEEN:
                begun_s = time.monotonic()
                if self.prey.ask("GET", path)[0] != 200:
                    self.prey.faults.append(f"{path} was not answered")
                self.waited_s.append(time.monotonic() - begun_s)

    def _whole(self, content: bytes, slow_s: float) -> None:
        begun_s, parts = time.monotonic(), PARTS if slow_s else 1
        with socket.create_connection(("127.0.0.1", self.prey.port), timeout=PATIENCE_S) as line:
            line.sendall(self._head(content))
            for number in range(parts):
                line.sendall(content[len(content) * number // parts : len(content) * (number + 1) // parts])
                time.sleep(slow_s / parts)
            answer = line.recv(4096)
        if not answer.startswith(b"HTTP/1.1 201"):
            self.prey.faults.append(f"a whole upload was told {answer[:60]!r}")
        self.took_s.append(time.monotonic() - begun_s - slow_s)

    def _cancelled(self, content: bytes, reset: bool, share: float) -> None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.prey.port), 60) as line:
            if reset:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.sendall(self._head(content) + content[: round(share * len(content))])
            time.sleep(0.1)

    def _head(self, content: bytes) -> bytes:
        host = f"Host: 127.0.0.1:{self.prey.port}\r\n"
        return f"POST /v1/uploads HTTP/1.1\r\n{host}Content-Length: {len(content)}\r\n\r\n".encode()


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """So many processes that do nothing but keep a core busy."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
