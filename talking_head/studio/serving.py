"""Serving the studio: the socket, connections that say nothing, and an end in order."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from foundation.errors import InputError
from talking_head.studio.app import create_app, held
from talking_head.studio.place import StudioPlace
from talking_head.studio.settings import StudioSettings
from talking_head.target.home import Home

BACKLOG = 512
LAST_WORD_S = 1.0  # for a client to read why it was refused, before its connection is closed


class PatientProtocol(H11Protocol):
    """HTTP for connections of anybody: one that does not send a whole request's head in time is closed, and when there
    are too many, the one that has said nothing for longest goes first.
    """

    quiet_s = 20.0
    most = 2000
    _silent: dict[PatientProtocol, None] = {}  # in the order that they came

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()
        if len(self.connections) > self.most:
            next(iter(self._silent))._give_up()  # this one, where all others are at work

    def _wait_for_head(self) -> None:
        self._silent[self] = None
        self.timer: asyncio.TimerHandle | None = self.loop.call_later(self.quiet_s, self._give_up)

    def _give_up(self) -> None:
        self._heard()
        if not self.transport.is_closing():
            self.transport.abort()

    def _heard(self) -> None:
        self._silent.pop(self, None)
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before or self.transport.is_closing():
            self._heard()

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._heard()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        unfinished = self.conn.their_state is h11.SEND_BODY  # who was refused may send on for ever
        super().on_response_complete()
        if self.transport.is_closing() or self.cycle is None or not self.cycle.response_complete:
            return
        self._heard()
        if unfinished:
            self.flow.pause_reading()
            self.loop.call_later(LAST_WORD_S, self._give_up)
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        super().connection_lost(exc)


def bound(settings: StudioSettings) -> socket.socket:
    """A socket at the address.

    Raises:
        InputError: somebody has it, or it is none of this machine's.
    """
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
    except OSError as error:
        received, expected = f"{settings.host}:{settings.port} ({error.strerror})", "a free address of this machine"
        raise InputError(received, expected, "give another --port or --host") from error
    return listening


def _raise_open_files(connections: int) -> None:
    """Let this process have as many files open as it may need, where the system lets it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * connections + 512)), hard))


def server(settings: StudioSettings) -> uvicorn.Server:
    """A server that is ready to run, of checked settings.

    Raises:
        InputError: see `create_app`.
    """
    limits = settings.limits
    held(StudioPlace(Home.find(settings.home)).made()).release()  # told before anything starts
    _raise_open_files(limits.connections)
    protocol = type("Protocol", (PatientProtocol,), {
        "quiet_s": limits.quiet_s, "most": limits.connections, "_silent": {},
    })
    return uvicorn.Server(uvicorn.Config(
        create_app(settings), http=protocol, ws="websockets-sansio", loop="asyncio", lifespan="on", log_level="warning",
        access_log=False, server_header=False, backlog=BACKLOG, timeout_keep_alive=30, timeout_graceful_shutdown=3,
        ws_max_size=4 << 20, h11_max_incomplete_event_size=64 << 10, proxy_headers=False,
    ))
