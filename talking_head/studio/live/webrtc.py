"""Live people by WebRTC: an offer in, an answer out (aiortc, the extra `webrtc`)."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, Field

from foundation.errors import InputError
from talking_head.studio.answers import ERRORS, StudioError
from talking_head.studio.live.rooms import Room, Rooms
from talking_head.studio.live.routes import RoomsOf
from talking_head.studio.live.session import Session

if TYPE_CHECKING:
    from aiortc import MediaStreamTrack, RTCDataChannel, RTCPeerConnection

    from talking_head.studio.live.tracks import Watcher

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1", tags=["live"])
GONE = ("failed", "closed", "disconnected")
CONNECT_S = 10.0  # in which who made an offer must be there
MICROPHONE_HZ = 48_000  # of Opus
DELAY_EVERY_S = 0.5
GATHERING = "_RTCRtpReceiver__jitter_buffer"  # of aiortc's receiver


class Offer(BaseModel):
    """A session description, and whom it is for."""

    sdp: str = Field(max_length=100_000)
    type: str = Field(pattern="^offer$")
    target: str = "astronaut"
    room: str = ""
    voice: str | None = None
    seed: int | None = None


class Answer(BaseModel):
    sdp: str
    type: str


@router.post("/live/offer", responses=ERRORS)
async def offer(asked: Offer, rooms: RoomsOf) -> Answer:
    """A live person by WebRTC: see docs/live_protocol.md."""
    if find_spec("aiortc") is None:
        raise StudioError(501, "WebRTC, which is not installed", "the WebSocket", 'pip install "talking-head[webrtc]"')
    room = await asyncio.to_thread(rooms.enter, asked.target, asked.room, asked.seed)
    call = Call(rooms, room, asked.voice)
    try:
        return await call.answer(asked)
    except InputError:
        await call.end()
        raise
    except Exception as error:  # what aiortc says of a description that does not fit
        await call.end()
        raise StudioError(400, "an offer that does not fit", "one with a video and a sound track", "") from error


def without_names(sdp: str) -> str:
    """A description without addresses that are `.local` names: looking them up takes a second, and in vain where no
    multicast gets through. Browsers hide their addresses so; they come to ours, which tells theirs.
    """
    lines = [line for line in sdp.split("\r\n") if not (line.startswith("a=candidate:") and ".local " in line)]
    return "\r\n".join(lines)


class Call:
    """One WebRTC connection."""

    def __init__(self, rooms: Rooms, room: Room, voice: str | None) -> None:
        from aiortc import RTCConfiguration, RTCPeerConnection

        from talking_head.studio.live.tracks import Watcher

        self.rooms, self.room = rooms, room
        self.peer: RTCPeerConnection = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # nobody outside is asked
        self.watcher: Watcher = Watcher(asyncio.get_running_loop(), rooms.settings)
        self.session = Session(room, rooms.settings, MICROPHONE_HZ, True, voice, self.watcher.tell)
        self.tasks: list[asyncio.Task[None]] = []
        self.ended = False

    async def answer(self, asked: Offer) -> Answer:
        """Take the offer; what comes and goes from here on runs by itself.

        Raises:
            ValueError: a description that does not fit.
        """
        from aiortc import RTCSessionDescription

        from talking_head.studio.live.tracks import AtOnce, PictureTrack, SoundTrack

        peer = self.peer
        peer.on("datachannel", self._channel)
        peer.on("track", self._heard)
        peer.on("connectionstatechange", self._changed)
        await peer.setRemoteDescription(RTCSessionDescription(without_names(asked.sdp), asked.type))
        for receiver in (one.receiver for one in peer.getTransceivers() if one.kind == "audio"):
            if hasattr(receiver, GATHERING):  # what is uneven is evened out once, where it is said: see `Source`
                setattr(receiver, GATHERING, AtOnce())
        peer.addTrack(PictureTrack(self.watcher))
        peer.addTrack(SoundTrack(self.watcher))
        await peer.setLocalDescription(await peer.createAnswer())
        self.room.person.add(self.watcher)
        self._run(self._give_up())
        return Answer(sdp=peer.localDescription.sdp, type=peer.localDescription.type)

    async def end(self) -> None:
        """Hang up."""
        if self.ended:
            return
        self.ended = True
        self.room.person.remove(self.watcher)
        self.session.leave()
        self.rooms.leave(self.room)
        for task in self.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        await self.peer.close()

    def _run(self, work: Any) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def _changed(self) -> None:
        if self.peer.connectionState in GONE:
            await self.end()

    async def _give_up(self) -> None:
        await asyncio.sleep(CONNECT_S)
        if self.peer.connectionState != "connected":
            await self.end()

    def _channel(self, channel: RTCDataChannel) -> None:
        channel.on("message", lambda message: self.session.ask(message) if isinstance(message, str) else None)
        self._run(self._tell(channel))
        self._run(self._tell_delay())

    async def _tell(self, channel: RTCDataChannel) -> None:
        channel.send(json.dumps(self.session.hello("")))
        while True:
            event = await self.watcher.told.get()
            if event["type"] == "stopped":
                self.watcher.hush(event["time_s"])
            with suppress(Exception):  # a channel that has closed since
                channel.send(json.dumps(event))
            if event["type"] == "ended":
                await self.end()
                return

    async def _tell_delay(self) -> None:
        while True:
            await asyncio.sleep(DELAY_EVERY_S)
            self.watcher.tell({"type": "delay", "delay_s": round(self.watcher.delay.seconds, 3)})

    def _heard(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._run(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        """A microphone, into the person."""
        from aiortc.mediastreams import MediaStreamError

        with suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                samples = frame.to_ndarray().astype(np.float32) / 32768
                channels = len(frame.layout.channels)
                mono = samples.mean(0) if frame.format.is_planar else samples.reshape(-1, channels).mean(1)
                if not np.any(mono):
                    continue  # a track without a microphone behind it sends silence, which nobody speaks
                self.session.sound.push(mono)
