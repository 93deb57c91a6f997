"""Looking into files that anybody may have made: in a process of its own, with limits on memory and time.

A process is forked, for each file, from one that has imported what decodes. What passes between is JSON, so that
whoever takes a decoder over gets no further.

    python -m talking_head.studio.sandbox       serves the studio on its standard input, a socket
    python -m talking_head.studio.sandbox JSON  answers one request, where the system cannot fork
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from foundation.errors import InputError
from foundation.limits import limit
from talking_head.studio.answers import StudioError

AT_ONCE = 3  # processes; whoever comes later waits
UPLOADS_AT_ONCE = 2  # of them: who asks about a person does not wait behind what strangers send
WALL = 4.0  # times the processor time: on a busy machine, and for waiting
PIECE_BYTES = 1 << 16
PRELOADED = "talking_head.studio.looking"
MODULE = "talking_head.studio.sandbox"
_FORKS = sys.platform == "linux"


class Sandbox:
    """Runs functions confined."""

    def __init__(self) -> None:
        self.turns, self.lock = threading.Semaphore(AT_ONCE), threading.Lock()
        self.upload_turns = asyncio.Semaphore(UPLOADS_AT_ONCE)
        self.process: subprocess.Popen[bytes] | None = None
        self.line: socket.socket | None = None

    async def run_for_upload(self, function: str, *args: Any, seconds: float, memory_bytes: int) -> Any:
        """`run`, for what is sent: however much waits, it holds no thread that others need."""
        async with self.upload_turns:
            return await asyncio.to_thread(self.run, function, *args, seconds=seconds, memory_bytes=memory_bytes)

    def run(self, function: str, *args: Any, seconds: float, memory_bytes: int) -> Any:
        """What a function, `MODULE:NAME`, returns in a process that may use so much processor time, and so much memory
        besides what it begins with. Arguments and result are JSON.

        Raises:
            InputError: what the function raised, or that it needed more than that, or that it died of what it read.
        """
        asked = json.dumps({"function": function, "args": args, "seconds": seconds, "memory": memory_bytes})
        with self.turns:
            said = self._forked(asked, seconds) if _FORKS else _alone(asked, seconds)
        try:
            told = json.loads(said)
        except ValueError:
            raise StudioError(
                422, "a file that needs too much memory or time to look into, or breaks what reads it",
                "a plain video, photo or sound file", "save it anew with another program",
            ) from None
        if "error" in told:
            raise InputError(*map(str, told["error"]))
        return told["result"]

    def _forked(self, asked: str, seconds: float) -> bytes:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                for attempt in (1, 2):
                    try:
                        with self.lock:  # to the end: what one finds dead, another may have replaced
                            self._send(asked, theirs)
                        break
                    except OSError:
                        if attempt == 2:
                            raise
            ours.settimeout(WALL * seconds + 60)  # and for its imports
            said = b""
            with suppress(OSError):
                while piece := ours.recv(PIECE_BYTES):
                    said += piece
            return said

    def _send(self, asked: str, answer: socket.socket) -> None:
        try:
            socket.send_fds(self._connected(), [asked.encode()], [answer.fileno()])
        except OSError:  # it was killed; another takes its place
            self.stop()
            raise

    def _connected(self) -> socket.socket:
        if self.line is None or self.process is None or self.process.poll() is not None:
            self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                command = [sys.executable, "-m", MODULE]
                self.process = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)
        return self.line

    def warm_up(self) -> None:
        """Start, so that the first file does not wait for imports."""
        with self.lock:
            self._connected()

    def stop(self) -> None:
        """End the process; the next run starts another."""
        if self.line is not None:
            self.line.close()  # which it takes as the end
        if self.process is not None:
            self.process.wait()
        self.line = self.process = None


def _alone(asked: str, seconds: float) -> bytes:
    """The same in a process that imports everything first."""
    with suppress(subprocess.TimeoutExpired):
        command = [sys.executable, "-m", MODULE, asked]
        return subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=WALL * seconds + 60).stdout
    return b""


def _answered(asked: str) -> bytes:
    """What a confined function says of a request; runs in its process."""
    request = json.loads(asked)
    limit(request["memory"], request["seconds"], WALL)
    module, _, name = request["function"].partition(":")
    try:
        result = getattr(importlib.import_module(module), name)(*request["args"])
        return json.dumps({"result": result}).encode()
    except InputError as error:
        return json.dumps({"error": (error.received, error.expected, error.remedy)}).encode()
    except Exception:  # what decodes found something that nobody thought of
        return b""


def _serve(line: socket.socket) -> None:
    """Fork a process for each request that comes, until the line closes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the studio's
    importlib.import_module(PRELOADED)
    while True:
        asked, handles, _, _ = socket.recv_fds(line, PIECE_BYTES, 1)
        if not handles:
            return
        if os.fork() == 0:
            try:
                line.close()
                with socket.socket(fileno=handles[0]) as answer:
                    answer.sendall(_answered(asked.decode()))
            finally:
                os._exit(0)
        os.close(handles[0])


def main() -> None:
    """Entry point."""
    if len(sys.argv) > 1:
        sys.stdout.buffer.write(_answered(sys.argv[1]))
    else:
        _serve(socket.socket(fileno=0))


if __name__ == "__main__":
    main()
