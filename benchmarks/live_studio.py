"""A studio in a process of its own, for what measures live people."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BEGINS_S = 120.0


@contextmanager
def studio(
    target: str, module: tuple[str, ...] = ("talking_head", "studio", "--port", "0")
) -> Iterator[tuple[str, Callable[[], float], dict[str, Any]]]:
    """(`127.0.0.1:PORT`, processor seconds used so far by it, what it says of the target), somebody loaded already."""
    running = subprocess.Popen([sys.executable, "-m", *module], stderr=subprocess.PIPE, text=True)
    try:
        assert running.stderr is not None
        address = next(line.split("http://")[1].split("/")[0] for line in running.stderr if "http://" in line)
        end = time.monotonic() + BEGINS_S
        while not _answers(address) and time.monotonic() < end:
            time.sleep(0.2)
        prepare = urllib.request.Request(f"http://{address}/v1/live/prepare?target={target}", method="POST")
        urllib.request.urlopen(prepare, timeout=BEGINS_S).read()
        with urllib.request.urlopen(f"http://{address}/v1/people/{target}") as answer:
            card = json.load(answer)
        told = {name: card[name] for name in ("kind", "profile", "fps", "width_px", "height_px", "size_px")}
        yield address, lambda: _used_s(running.pid), told
    finally:
        running.terminate()
        running.wait(30)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"http://{address}/v1/health", timeout=2).read()
        return True
    except OSError:
        return False


def _used_s(process: int) -> float:
    """Processor seconds of a process, on Linux."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
