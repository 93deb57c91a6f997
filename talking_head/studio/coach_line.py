"""The line to the process that looks at pictures while somebody records."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from foundation.errors import InputError
from talking_head.studio.answers import StudioError, told

PATIENCE_S, FIRST_S = 10.0, 120.0  # for a picture; for the first, which waits for imports and maybe for a download
WAITING = 8  # pictures at once; more are told to come later
LONGEST_ANSWER = 100_000
MODULE = "talking_head.studio.coaching"


class CoachLine:
    """Looks at pictures, one after the other, in a process that is started when the first one comes."""

    def __init__(self) -> None:
        self.turn, self.waiting = threading.Lock(), threading.Semaphore(WAITING)
        self.process: subprocess.Popen[bytes] | None = None
        self.line: socket.socket | None = None

    def look(self, picture: bytes) -> dict[str, Any]:
        """What a JPEG shows: a `talking_head.studio.coaching.View`.

        Raises:
            InputError: no JPEG, too many at once, one that breaks what reads it, or a machine without the tracker.
        """
        if not self.waiting.acquire(blocking=False):
            raise StudioError(429, "one picture more", f"at most {WAITING} at once", "send fewer")
        try:
            with self.turn:
                said = self._asked(picture)
        finally:
            self.waiting.release()
        if said is None:
            raise StudioError(422, "a picture that breaks or holds up what reads it", "a plain JPEG")
        answered = json.loads(said)
        if "error" in answered:
            raise StudioError(400, *told(InputError(*map(str, answered["error"]))).values())
        view: dict[str, Any] = answered["view"]
        return view

    def _asked(self, picture: bytes) -> bytes | None:
        line = self._connected()
        with suppress(OSError):
            line.sendall(len(picture).to_bytes(4, "big") + picture)
            if (size := exactly(line, 4)) is not None and int.from_bytes(size, "big") <= LONGEST_ANSWER:
                answer = exactly(line, int.from_bytes(size, "big"))
                line.settimeout(PATIENCE_S)
                if answer is not None:
                    return answer
        self.stop()
        return None

    def _connected(self) -> socket.socket:
        if self.line is None or self.process is None or self.process.poll() is not None:
            self.line, theirs = socket.socketpair()
            self.line.settimeout(FIRST_S)
            with theirs:
                command = [sys.executable, "-m", MODULE]
                self.process = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)
        return self.line

    def stop(self) -> None:
        """End the process; the next picture starts another."""
        if self.line is not None:
            self.line.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.line = self.process = None


def exactly(line: socket.socket, count: int) -> bytes | None:
    """So many bytes; None when the other side is gone."""
    pieces = bytearray()
    while len(pieces) < count:
        piece = line.recv(count - len(pieces))
        if not piece:
            return None
        pieces += piece
    return bytes(pieces)
