"""What a WebRTC connection sends: a person's pictures and sound, each when its instant has come.

Receivers play pictures and sound that are sent at one moment together. The picture of an instant is there later than
its sound, so sound waits until then: `Delay` follows how much later.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_gt

from talking_head.studio.live.settings import LiveSettings

TICKS = 90_000
MOST_DELAY_S, MARGIN_S = 0.6, 0.01
KEPT = 75  # pictures: three seconds
DOWN = 0.03  # of a delay's excess over what is needed, after one picture more
SPARE = 32  # samples
RAW_QUEUE = 30  # pictures that wait for their instant: more than the longest delay's


class Delay:
    """How much later than the newest sound pictures and sound are sent, in seconds: as nine of ten pictures of late
    need. More at once, less slowly.
    """

    def __init__(self) -> None:
        self.seconds = 0.25
        self._heard_s, self._heard_at = 0.0, 0.0
        self._needed = deque[float](maxlen=KEPT)

    def heard(self, time_s: float) -> None:
        """Sound up to an instant has come."""
        self._heard_s, self._heard_at = time_s, time.monotonic()

    def painted(self, time_s: float) -> None:
        """A picture of an instant has come."""
        if not self._heard_at:
            return
        self._needed.append(self._heard_s + (time.monotonic() - self._heard_at) - time_s)
        needed = sorted(self._needed)[int(0.9 * (len(self._needed) - 1))] + MARGIN_S
        self.seconds = min(MOST_DELAY_S, max(needed, self.seconds + DOWN * (needed - self.seconds)))

    def wait_s(self, time_s: float) -> float:
        """How long until an instant is sent."""
        return time_s + self.seconds - self._heard_s - (time.monotonic() - self._heard_at)


class Watcher:
    """A viewer who sends on by WebRTC; see `Viewer`.

    codec: empty, for aiortc encodes itself, for its receiver's network.
    """

    codec, wants_key = "", False

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: LiveSettings) -> None:
        self.delay, self.settings = Delay(), settings
        self.pictures, self.sounds = deque[tuple[np.ndarray, float]](), deque[tuple[np.ndarray, float]]()
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.came = {"picture": asyncio.Event(), "sound": asyncio.Event()}
        self.dropped = 0
        self._loop = loop

    def packet(self, packet: Any) -> None:
        """Not for those who take pictures."""
        raise AssertionError

    def picture(self, picture: np.ndarray, time_s: float) -> None:
        """See `Viewer`."""
        self._soon(self._take, self.pictures, (picture, time_s), RAW_QUEUE, "picture")

    def sound(self, samples: np.ndarray, time_s: float) -> None:
        """See `Viewer`."""
        self._soon(self._take, self.sounds, (samples, time_s), self.settings.sound_queue, "sound")

    def tell(self, event: dict[str, Any]) -> None:
        """See `Viewer`."""
        self._soon(self.told.put_nowait, event)

    def hush(self, until_s: float) -> None:
        """Sound before an instant is silence."""
        for samples, time_s in self.sounds:
            if time_s < until_s:
                samples[:] = 0

    def _soon(self, call: Any, *given: Any) -> None:
        with suppress(RuntimeError):  # the server's loop has ended
            self._loop.call_soon_threadsafe(call, *given)

    def _take(self, waiting: deque[tuple[np.ndarray, float]], item: tuple[np.ndarray, float], most: int, kind: str
              ) -> None:
        samples, time_s = item
        if kind == "sound":
            item = samples.copy(), time_s
            self.delay.heard(time_s + len(samples) / self.settings.sound_hz)
        else:
            self.delay.painted(time_s)
        if len(waiting) >= most:
            waiting.popleft()
            self.dropped += kind == "picture"
        waiting.append(item)
        self.came[kind].set()


class AtOnce:
    """Takes the place of aiortc's jitter buffer of sound, which gives a packet when four more have come, 80 ms later,
    and stands still for sixteen where one is lost. Who comes too late is left out.
    """

    def __init__(self) -> None:
        self._newest: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """What a packet completes; whether a whole picture is to be asked for, never."""
        number = packet.sequence_number
        if self._newest is not None and not uint16_gt(number, self._newest):
            return False, None
        self._newest = number
        return False, JitterFrame(packet._data, packet.timestamp)  # type: ignore[attr-defined]


class _Track(MediaStreamTrack):
    """Sends what a watcher gets, at its time. kind: `video` or `audio`."""

    def __init__(self, watcher: Watcher, what: str) -> None:
        super().__init__()
        self._watcher, self._what = watcher, what

    async def _next(self) -> tuple[np.ndarray, float]:
        watcher = self._watcher
        waiting = watcher.pictures if self._what == "picture" else watcher.sounds
        while True:
            while not waiting:
                watcher.came[self._what].clear()
                await watcher.came[self._what].wait()
            early = watcher.delay.wait_s(waiting[0][1])
            if early <= 0.002:
                return waiting.popleft()
            await asyncio.sleep(early)


class PictureTrack(_Track):
    """The person's pictures."""

    kind = "video"

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(watcher, "picture")

    async def recv(self) -> av.VideoFrame:
        picture, time_s = await self._next()
        height, width = picture.shape[:2]
        even = np.ascontiguousarray(picture[: height - height % 2, : width - width % 2])
        frame = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
        return frame


class SoundTrack(_Track):
    """The person's sound."""

    kind = "audio"

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(watcher, "sound")
        self._first = True

    async def recv(self) -> av.AudioFrame:
        samples, time_s = await self._next()
        if self._first:  # aiortc's resampler keeps a little: with nothing to spare, each packet would wait for a piece
            self._first, samples = False, np.concatenate([np.zeros(SPARE, np.float32), samples])
        quantised = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(quantised, format="s16", layout="mono")
        frame.sample_rate = self._watcher.settings.sound_hz
        frame.pts, frame.time_base = round(time_s * frame.sample_rate), Fraction(1, frame.sample_rate)
        return frame
