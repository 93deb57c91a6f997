"""One viewer's part of a conversation, whatever carries it: what they ask for, and what is answered."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from foundation.errors import InputError
from talking_head.studio.answers import told
from talking_head.studio.live.encoding import CODECS
from talking_head.studio.live.hearing import Hearing
from talking_head.studio.live.rooms import Room
from talking_head.studio.live.settings import LiveSettings
from talking_head.studio.live.texts import say
from talking_head.studio.live.wire import samples_of
from talking_head.voices import Voice, voice_for_others
from talking_head.voices.interface import RATE_HZ

log = logging.getLogger(__name__)

RATES_HZ = 8_000, 48_000
PAUSE_S = 0.05  # between looks whether there is room for more sound
VERSION = 1


class Session:
    """What one viewer says to a person.

    Args:
        room: entered for them.
        rate_hz: of the sound that they send.
        paced: whether it comes as it is spoken, from a microphone.
        voice: of their texts.
        tell: sends them an event.
        hears: of messages with sound.
    """

    def __init__(
        self, room: Room, settings: LiveSettings, rate_hz: int, paced: bool, voice: str | None,
        tell: Callable[[dict[str, Any]], None], hears: Hearing = samples_of,
    ) -> None:
        self.room, self.settings, self.voice, self.tell, self.hears = room, settings, voice, tell, hears
        mouths = room.person.mouths
        self.sound, self.words = mouths.source(rate_hz, paced), mouths.source(RATE_HZ, False)
        self._saying: asyncio.Task[None] | None = None
        self._texts: asyncio.Queue[tuple[str, Voice, int]] = asyncio.Queue(maxsize=64)

    def hello(self, codec: str) -> dict[str, Any]:
        """What a viewer is told first."""
        speaker = self.room.person.speaker
        even = 0 if codec in ("", "jpeg") else 1
        return {
            "type": "hello", "version": VERSION, "target": self.room.target, "room": self.room.name,
            "codec": codec, "mime": CODECS[codec].mime if codec else "", "fps": speaker.fps,
            "width": speaker.width_px - even * (speaker.width_px % 2),
            "height": speaker.height_px - even * (speaker.height_px % 2),
            "sound_hz": self.settings.sound_hz, "time_s": round(self.room.person.time_s, 3),
        }

    async def hear(self, message: bytes) -> None:
        """Take sound; where much waits already, this takes its time, and whoever sends too fast with it."""
        samples = self.hears(message)
        while self.sound.waiting_s > self.settings.queue_s and self.room.person.alive:
            await asyncio.sleep(PAUSE_S)
        self.sound.push(samples)

    def ask(self, message: str) -> None:
        """Take what is asked for as JSON; what is wrong with it is told, and nothing else happens."""
        try:
            asked = json.loads(message)
            kind = asked.get("type") if isinstance(asked, dict) else None
            if kind == "say":
                self._say(asked)
            elif kind == "stop":
                self.stop()
            elif kind == "end":
                self.sound.push(np.zeros(0, np.float32), ended=True)
            elif kind == "ping":
                self.tell({"type": "pong", "id": asked.get("id"), "time_s": round(self.room.person.time_s, 4),
                           "server_s": time.time()})  # fmt: skip
            else:
                raise InputError(f"a message of type '{str(kind)[:40]}'", "say, stop, end, seen or ping")
        except InputError as error:
            self.tell({"type": "error", "error": told(error)})
        except (ValueError, RecursionError):
            self.tell({"type": "error", "error": told(InputError("a message that is not JSON", "JSON"))})

    def stop(self) -> None:
        """Barge in: the person falls silent, and what was still to be said is forgotten."""
        while not self._texts.empty():
            self._texts.get_nowait()
        self.room.person.stop()

    def leave(self) -> None:
        """Take back what was pushed."""
        if self._saying is not None:
            self._saying.cancel()
        for source in (self.sound, self.words):
            self.room.person.mouths.remove(source)

    def _say(self, asked: dict[str, Any]) -> None:
        text, name = asked.get("text"), asked.get("voice") or self.voice
        if not isinstance(text, str) or not (name is None or isinstance(name, str)):
            raise InputError("a say without text", '{"type": "say", "text": "..."}')
        if self._texts.full():
            raise InputError("more texts than can wait", f"at most {self._texts.maxsize}", "wait, or stop first")
        self._texts.put_nowait((text, voice_for_others(name), self.room.person.utterance))
        if self._saying is None:
            self._saying = asyncio.create_task(self._say_all())

    def _wanted(self, utterance: int) -> bool:
        return self.room.person.alive and self.room.person.utterance == utterance

    async def _say_all(self) -> None:
        while True:
            text, voice, utterance = await self._texts.get()
            wanted = partial(self._wanted, utterance)
            try:
                if wanted():
                    await asyncio.to_thread(say, text, voice, self.words, wanted, self.settings.text)
            except InputError as error:
                self.tell({"type": "error", "error": told(error)})
            except Exception:
                log.exception("a text was not said")
                self.tell({"type": "error", "error": told(InputError("a text", "one that the voice can say"))})


def checked_rate(rate_hz: int) -> int:
    """The rate itself.

    Raises:
        InputError: one that there is not.
    """
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise InputError(f"sound at {rate_hz} Hz", f"{RATES_HZ[0]} to {RATES_HZ[1]} Hz")
    return rate_hz
