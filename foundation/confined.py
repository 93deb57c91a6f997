"""Functions that read what anybody may have made, run in a process of their own with limits: a hole in a codec is a
hole in that process alone.

A process is forked, for each call, from one that has imported what reads and knows nothing else. What comes back is
JSON and bare numbers, so that whoever takes a decoder over sends no more than wrong pictures.

    python -m foundation.confined    serves on its standard input, a socket
"""

from __future__ import annotations

import ctypes
import importlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, ParamSpec, TypeVar

import numpy as np

from foundation.errors import InputError
from foundation.limits import CONFINE, is_limited, limit

MODULE = "foundation.confined"
MEMORY_BYTES = 2_000_000_000  # besides what a process begins with
PATIENCE_S = 120.0  # without a word
ASKED_BYTES, HEADER_BYTES, ARRAYS_BYTES = 1 << 16, 1 << 20, 1 << 30
DIE_WITH_PARENT = 1  # Linux: PR_SET_PDEATHSIG
KINDS = ("|u1", "<f4", "<f8", "<i8", "|b1")  # of numbers
_FORKS = sys.platform == "linux"

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def is_on() -> bool:
    """Whether what is confined runs in a process of its own; never inside of one."""
    return _FORKS and not is_limited() and os.environ.get(CONFINE, "0") not in ("", "0")


def confined(
    made: Callable[[Any], Any] | None = None,
) -> Callable[[Callable[_Given, _Result]], Callable[_Given, _Result]]:
    """A function that reads a file: its first argument. Results are trees of JSON and arrays; a generator's, one each.

    made: the result from such a tree, where it is something else (a dataclass goes as its fields).
    """

    def decorated(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
        name, many = f"{function.__module__}:{function.__qualname__}", isgeneratorfunction(function)
        whole = made or _same

        @wraps(function)
        def call(*args: _Given.args, **more: _Given.kwargs) -> _Result:
            if not is_on():
                return function(*args, **more)
            given = [os.fspath(arg) if isinstance(arg, os.PathLike) else arg for arg in args]
            told = _told(name, given, more)
            if many:
                return (whole(value) for value in told)  # type: ignore[return-value]
            return whole(next(iter(list(told))))  # type: ignore[no-any-return]

        return call

    return decorated


def _same(value: Any) -> Any:
    return value


def _listed(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else list(value)


def _plain(text: Any) -> str:
    """A text that plays no tricks on a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(text))


def _told(name: str, args: list[Any], more: dict[str, Any]) -> Iterator[Any]:
    """What a function tells.

    Raises:
        InputError: what it raised, or that it needed too much memory or time, or died of what it read.
    """
    asked = json.dumps({"function": name, "args": args, "more": more, "folder": os.getcwd()}, default=_listed).encode()
    with _SERVER.asked(asked) as line:
        line.settimeout(PATIENCE_S)
        while (message := _received(line)) is not None:
            kind, value = message
            if kind == "item":
                yield value
            elif kind == "log":
                logging.getLogger(str(value[0])).log(int(value[1]), "%s", _plain(value[2]))
            elif kind == "error":
                raise InputError(*map(_plain, value))
            elif kind == "end":
                return
    raise InputError(
        f"{args[0]}, which needs too much memory or time to read, or breaks what reads it", "a plain file",
        "save it anew with another program",
    )


def _packed(kind: str, value: Any) -> list[bytes | memoryview]:
    arrays: list[np.ndarray] = []

    def plain(one: Any) -> Any:
        if isinstance(one, np.ndarray):
            arrays.append(np.ascontiguousarray(one))
            return {"array": len(arrays) - 1}
        if isinstance(one, np.generic):
            return one.item()
        if isinstance(one, dict):
            return {str(name): plain(inside) for name, inside in one.items()}
        if isinstance(one, list | tuple):
            return [plain(inside) for inside in one]
        if hasattr(one, "__dataclass_fields__"):
            return {name: plain(getattr(one, name)) for name in one.__dataclass_fields__}
        return one

    told = {"kind": kind, "value": plain(value), "arrays": [(a.dtype.str, a.shape) for a in arrays]}
    text = json.dumps(told).encode()
    return [len(text).to_bytes(4, "little"), text, *(a.reshape(-1).view(np.uint8).data for a in arrays)]


def _received(line: socket.socket) -> tuple[str, Any] | None:
    """A message; None where the line ends, or what came is none."""
    try:
        size = int.from_bytes(_exactly(line, 4), "little")
        if size > HEADER_BYTES:
            return None
        told = json.loads(_exactly(line, size))
        arrays = []
        for kind, shape in told["arrays"]:
            count = int(np.prod([int(side) for side in shape], dtype=np.int64))
            if kind not in KINDS or not 0 <= count * np.dtype(kind).itemsize <= ARRAYS_BYTES:
                return None
            bare = _exactly(line, count * np.dtype(kind).itemsize)
            arrays.append(np.frombuffer(bare, kind).reshape(shape))
        return str(told["kind"]), _filled(told["value"], arrays)
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, RecursionError):
        return None


def _filled(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"array"}:
            return arrays[value["array"]]
        return {name: _filled(inside, arrays) for name, inside in value.items()}
    return [_filled(inside, arrays) for inside in value] if isinstance(value, list) else value


def _exactly(line: socket.socket, size: int) -> bytearray:
    found = bytearray(size)
    left = memoryview(found)
    while left:
        count = line.recv_into(left)
        if count == 0:
            raise EOFError
        left = left[count:]
    return found


class _Server:
    """The line to the process that forks; one for each process that asks."""

    def __init__(self) -> None:
        self.owner, self.lock = 0, threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.line: socket.socket | None = None

    def asked(self, asked: bytes) -> socket.socket:
        """Where the answers to a request come from."""
        ours, theirs = socket.socketpair()
        with theirs, self.lock:
            for attempt in (1, 2):
                try:
                    socket.send_fds(self._connected(), [asked], [theirs.fileno()])
                    break
                except OSError:  # it was killed; another takes its place
                    self.owner = 0
                    if attempt == 2:
                        ours.close()
                        raise
        return ours

    def _connected(self) -> socket.socket:
        if self.line is None or self.owner != os.getpid():
            self.line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                # A session of its own: Ctrl-C is the command's. It ends when the line does.
                command = [sys.executable, "-m", MODULE]
                self.process = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)
            self.owner = os.getpid()
        return self.line


_SERVER = _Server()


class _Told(logging.Handler):
    """Sends what is logged to who asked."""

    def __init__(self, send: Callable[[str, Any], None]) -> None:
        super().__init__(logging.INFO)
        self.send = send

    def emit(self, record: logging.LogRecord) -> None:
        self.send("log", (record.name, record.levelno, record.getMessage()))


def _answer(request: dict[str, Any], line: socket.socket) -> None:
    """In a process of its own: run what is asked for."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)  # which ends when who asks does
    limit(MEMORY_BYTES)

    def send(kind: str, value: Any) -> None:
        for piece in _packed(kind, value):
            line.sendall(piece)

    logging.getLogger().handlers[:] = [_Told(send)]
    os.chdir(request["folder"])
    module, _, name = request["function"].partition(":")
    try:
        result = getattr(importlib.import_module(module), name)(*request["args"], **request["more"])
        for value in result if isinstance(result, Iterator) else (result,):
            send("item", value)
        send("end", None)
    except InputError as error:
        send("error", (error.received, error.expected, error.remedy))


def _serve(line: socket.socket) -> None:
    """Fork a process for each request that comes, until the line closes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    while True:
        asked, handles, _, _ = socket.recv_fds(line, ASKED_BYTES, 1)
        if not handles:
            return
        request = json.loads(asked)
        importlib.import_module(request["function"].partition(":")[0])  # once, for all that are forked
        if os.fork() == 0:
            try:
                line.close()
                with socket.socket(fileno=handles[0]) as answers:
                    _answer(request, answers)
            except (OSError, MemoryError):  # who asked is gone, or it needs too much
                pass
            finally:
                os._exit(0)
        os.close(handles[0])


if __name__ == "__main__":
    from foundation.confined import _serve as serve  # the module that others import, not this second one of it

    serve(socket.socket(fileno=0))
