"""Routes of live people: the WebSocket, who lives, and voices."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.datastructures import State
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from foundation.errors import InputError
from talking_head.studio.answers import ERRORS, told
from talking_head.studio.live.encoding import chosen_codec
from talking_head.studio.live.hearing import hearing
from talking_head.studio.live.rooms import Room, Rooms
from talking_head.studio.live.session import Session, checked_rate
from talking_head.studio.live.viewers import Mailbox
from talking_head.voices import name_for_others, voices_here

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1", tags=["live"])
SWEEP_S = 5.0
REFUSED, ENDED = 4400, 4410  # close codes of a WebSocket


def rooms_of(connection: HTTPConnection) -> Rooms:
    """The studio's live people; made when the first is asked for."""
    state = connection.app.state
    if not hasattr(state, "rooms"):
        state.rooms = Rooms(state.studio.home.path)
    found: Rooms = state.rooms
    return found


async def sweep(state: State) -> None:
    """Let those go whom nobody watches any more, for ever."""
    while True:
        await asyncio.sleep(SWEEP_S)
        if hasattr(state, "rooms"):
            await asyncio.to_thread(state.rooms.sweep)


def close_rooms(state: State) -> None:
    """End all live people."""
    if hasattr(state, "rooms"):
        state.rooms.close()


RoomsOf = Annotated[Rooms, Depends(rooms_of)]


class VoiceTold(BaseModel):
    """A voice that texts can be said by. remedy: how to get it where it is not at hand."""

    name: str
    engine: str
    language: str
    at_hand: bool
    remedy: str


@router.get("/voices")
def voices() -> list[VoiceTold]:
    """Speech synthesis on the studio's machine; the first that is at hand speaks unless another is named."""
    return [
        VoiceTold(
            name=name_for_others(voice.name), engine=voice.engine, language=voice.language, at_hand=voice.at_hand,
            remedy=voice.remedy,
        )
        for voice in voices_here()
    ]


@router.get("/live")
def live(rooms: RoomsOf) -> list[dict[str, Any]]:
    """Rooms with a name, where somebody lives: {room, target, viewers}."""
    return rooms.told()


@router.post("/live/prepare", responses=ERRORS)
def prepare(target: str, rooms: RoomsOf) -> dict[str, Any]:
    """Load a person ahead, so that who watches them soon need not wait."""
    rooms.leave(rooms.enter(target))
    with suppress(ImportError):
        import_module("talking_head.studio.live.tracks")  # with aiortc, which takes its time
    return {"target": target, "ready": True}


@router.websocket("/live")
async def live_socket(
    socket: WebSocket, target: str = "astronaut", rate_hz: int = 16_000, room: str = "", codec: str = "h264",
    voice: str | None = None, paced: bool = False, seed: int | None = None, sound: str = "pcm",
) -> None:
    """A live person. See docs/live_protocol.md."""
    await socket.accept()
    rooms = rooms_of(socket)
    try:
        chosen, (hears, rate_hz) = chosen_codec(codec), hearing(sound, checked_rate(rate_hz))
        entered = await asyncio.to_thread(rooms.enter, target, room, seed)
    except InputError as error:
        await socket.send_json({"type": "error", "error": told(error)})
        await socket.close(REFUSED)
        return
    try:
        mailbox = Mailbox(asyncio.get_running_loop(), rooms.settings, chosen)
        session = Session(entered, rooms.settings, rate_hz, paced, voice, mailbox.tell, hears)
        await _converse(socket, entered, session, mailbox)
    finally:
        rooms.leave(entered)


async def _converse(socket: WebSocket, room: Room, session: Session, mailbox: Mailbox) -> None:
    await socket.send_json(session.hello(mailbox.codec))
    room.person.add(mailbox)
    tasks = [asyncio.create_task(work) for work in (_send(socket, mailbox), _receive(socket, session, mailbox))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        room.person.remove(mailbox)
        session.leave()
        for task in tasks:
            task.cancel()
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(done, Exception):
                log.error("a talk ended", exc_info=done)
        if socket.application_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(1000 if room.person.alive else ENDED)


async def _send(socket: WebSocket, mailbox: Mailbox) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            item = await mailbox.next()
            if isinstance(item, bytes):
                await socket.send_bytes(item)
                continue
            await socket.send_text(json.dumps(item))
            if item["type"] == "ended":
                return


async def _receive(socket: WebSocket, session: Session, mailbox: Mailbox) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (content := message.get("bytes")) is not None:
                try:
                    await session.hear(content)
                except InputError as error:
                    mailbox.tell({"type": "error", "error": told(error)})
            elif (text := message.get("text")) and not _seen(text, mailbox):
                session.ask(text)


def _seen(text: str, mailbox: Mailbox) -> bool:
    """Whether a message only says which picture was shown last; that is taken here."""
    if not text.startswith('{"type":"seen"'):
        return False
    with suppress(ValueError, TypeError, KeyError):
        mailbox.seen(float(json.loads(text)["time_s"]))
    return True

