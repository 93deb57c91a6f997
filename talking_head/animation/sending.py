"""Rows to UDP packets, each at its time."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from foundation.errors import InputError
from talking_head.animation.packet import DEFAULT_PORT, Sender

LATE_S = 0.1  # a face that lags its sound by more than this is seen to
AHEAD_PIECES = 8


@dataclass(frozen=True)
class LiveResult:
    """packets: sent. skipped: rows that came too late to be of use. duration_s: of the speech."""

    packets: int
    skipped: int
    duration_s: float


def address_of(text: str) -> tuple[str, int]:
    """Numeric host and port of `HOST:PORT` or `HOST`; `[::1]:11111` for IPv6.

    Raises:
        InputError: not of that form, or no such host.
    """
    host, colon, port = text.strip().rpartition(":")
    if not colon or host.endswith(":") or text.strip().endswith("]"):
        host, port = text.strip(), str(DEFAULT_PORT)
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not host or "[" in host or "]" in host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError(f"address '{text}'", "HOST:PORT", f"Unreal listens on port {DEFAULT_PORT}")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as error:
        raise InputError(f"no host '{host}' ({error})", "a name or address that can be reached") from error
    return str(found[0][4][0]), int(found[0][4][1])


def ahead(pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The same pieces, made by a thread of their own, a few ahead of their use."""
    made: queue.Queue[np.ndarray | BaseException | None] = queue.Queue(AHEAD_PIECES)
    stopped = threading.Event()

    def put(item: np.ndarray | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                made.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for piece in pieces:
                if not put(piece):
                    return
            put(None)
        except BaseException as error:  # handed to whoever waits for the pieces
            put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while (item := made.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()


def send(
    pieces: Iterator[np.ndarray], sender: Sender, address: tuple[str, int], *, wait_for_late: bool = False,
    clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
) -> LiveResult:
    """Send rows `[N, 61]` in real time: row k when k / fps seconds have passed since the first.

    Args:
        wait_for_late: rows that come late move the clock (a microphone, whose sound nobody else plays); otherwise
            they are skipped, so that the face stays with its sound.
        clock, sleep: for tests.

    Raises:
        InputError: the address cannot be sent to.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    packets = skipped = index = 0
    started_s: float | None = None
    now = datetime.now()
    day_s = now.hour * 3600 + now.minute * 60 + now.second + now.microsecond / 1e6
    with _open(family, address[0]) as out:
        for piece in pieces:
            for row in piece:
                started_s = clock() if started_s is None else started_s
                late_s = clock() - started_s - index / sender.fps
                if late_s > LATE_S and wait_for_late:
                    started_s += late_s
                elif late_s < 0:
                    sleep(-late_s)
                if late_s > LATE_S and not wait_for_late:
                    skipped += 1
                else:
                    packets += _sent(out, sender.packet(row, day_s + index / sender.fps), address)
                index += 1
    return LiveResult(packets, skipped, index / sender.fps)


def _open(family: socket.AddressFamily, host: str) -> socket.socket:
    try:
        return socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:  # a system without IPv6, say
        raise InputError(f"{host} cannot be sent to ({error.strerror})", "an address of this machine's kind") from error


def _sent(out: socket.socket, packet: bytes, address: tuple[str, int]) -> int:
    try:
        out.sendto(packet, address)
    except ConnectionError:  # what a machine without a listener answered to an earlier packet
        return 0
    except OSError as error:
        raise InputError(f"{address[0]}:{address[1]} cannot be sent to ({error.strerror})", "an address") from error
    return 1
