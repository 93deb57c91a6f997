"""Who watches a live person: what waits for them, and what they miss when they are slow."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from talking_head.studio.live.settings import LiveSettings
from talking_head.studio.live.wire import Packet, sound_packet

UNSEEN_S = 1.0  # of frames that were sent and not seen: more is in the network, and grows old there
LOST_S = 2.0  # without anything new seen: what was sent will never be, for the viewer had to drop it


class Viewer(Protocol):
    """Gets what a person does; all of it is called from the person's threads and returns at once.

    codec: of the packets that it takes; empty for pictures as they are. wants_key: whether it can only begin with a
    picture that needs no other.
    """

    codec: str
    wants_key: bool

    def packet(self, packet: Packet) -> None:
        """A picture, in `codec`."""
        ...

    def picture(self, picture: np.ndarray, time_s: float) -> None:
        """A picture as it is."""
        ...

    def sound(self, samples: np.ndarray, time_s: float) -> None:
        """A piece of sound."""
        ...

    def tell(self, event: dict[str, Any]) -> None:
        """Something else."""
        ...


class Mailbox:
    """A viewer at the other end of a socket. What waits is bounded: who is slow misses pictures and gets the newest.

    sent, dropped: pictures so far.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: LiveSettings, codec: str) -> None:
        self.codec, self.wants_key = codec, True
        self.sent, self.dropped = 0, 0
        self._loop, self._settings = loop, settings
        self._told, self._sound, self._video = deque[dict[str, Any]](), deque[Packet](), deque[Packet]()
        self._something = asyncio.Event()
        self._sent_s: float | None = None
        self._seen_s: float | None = None
        self._told_s, self._told_at = -1.0, 0.0  # the newest that the viewer said, and when

    def packet(self, packet: Packet) -> None:
        """See `Viewer`."""
        self._soon(self._put, packet)

    def picture(self, picture: np.ndarray, time_s: float) -> None:
        """See `Viewer`; not for those who take packets."""
        raise AssertionError

    def sound(self, samples: np.ndarray, time_s: float) -> None:
        """See `Viewer`."""
        self._soon(self._hear, sound_packet(samples, time_s))

    def tell(self, event: dict[str, Any]) -> None:
        """See `Viewer`."""
        self._soon(self._note, event)

    def seen(self, time_s: float) -> None:
        """The viewer says which picture it showed last."""
        if time_s > self._told_s:
            self._told_s, self._told_at = time_s, time.monotonic()
            self._seen_s = time_s if self._seen_s is None else max(self._seen_s, time_s)

    async def next(self) -> bytes | dict[str, Any]:
        """What to send next: first what is told, then sound, then pictures."""
        while True:
            if self._told:
                return self._told.popleft()
            if self._sound:
                return self._sound.popleft().to_bytes()
            if self._video:
                packet = self._video.popleft()
                self.sent, self._sent_s = self.sent + 1, packet.time_s
                return packet.to_bytes()
            self._something.clear()
            await self._something.wait()

    def _soon(self, call: Any, *given: Any) -> None:
        with suppress(RuntimeError):  # the server's loop has ended
            self._loop.call_soon_threadsafe(call, *given)

    def _put(self, packet: Packet) -> None:
        unseen = self._seen_s is not None and self._sent_s is not None and self._sent_s - self._seen_s > UNSEEN_S
        if unseen and time.monotonic() - self._told_at > LOST_S:  # else each would wait for the other for ever
            self._seen_s, self._told_at, unseen = packet.time_s, time.monotonic(), False
        if unseen or len(self._video) >= self._settings.video_queue:
            self.dropped += len(self._video)
            self._video.clear()
            self.wants_key = True
        if unseen or (self.wants_key and not packet.key):
            self.dropped += 1
            return
        self.wants_key = False
        self._video.append(packet)
        self._something.set()

    def _hear(self, packet: Packet) -> None:
        if len(self._sound) >= self._settings.sound_queue:
            self._sound.clear()
        self._sound.append(packet)
        self._something.set()

    def _note(self, event: dict[str, Any]) -> None:
        self._told.append(event)
        self._something.set()
