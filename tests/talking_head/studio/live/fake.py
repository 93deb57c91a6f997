"""A person who costs nothing to paint: grey, brighter the louder the sound is that it hears."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import numpy as np

from talking_head.studio.live.person import LivePerson
from talking_head.studio.live.settings import LiveSettings
from talking_head.synth.streaming import Begun, Speaker, Spoken, TimedFrame
from talking_head.voices.acting import LiveActing

FPS, WIDTH_PX, HEIGHT_PX = 25.0, 96, 80
QUIET, LOUD = 60, 200
# Nothing is skipped or dropped, however late a busy machine comes to it.
PATIENT = LiveSettings(late_s=600, lost_s=600, painting=100_000, video_queue=100_000, sound_queue=100_000)


class FakeSpeaker:
    """As `Speaker`; a frame of every 40 ms. cost_s: of painting one. paint: called for each."""

    fps, width_px, height_px = FPS, WIDTH_PX, HEIGHT_PX

    def __init__(self, cost_s: float = 0.0, rate_hz: int = 16_000) -> None:
        self.rate_hz, self.heard = rate_hz, np.zeros(0, np.float32)
        self.given, self.skipped, self.closed = 0, 0, False
        self.paint: Callable[[], object] = lambda: time.sleep(cost_s)

    def hear(self, samples: np.ndarray, paint: bool = True) -> Iterator[Spoken]:
        self.heard = np.concatenate([self.heard, samples])
        size = round(self.rate_hz / FPS)
        while (self.given + 1) * size <= len(self.heard):
            sound = self.heard[self.given * size : (self.given + 1) * size]
            self.given += 1
            if not paint:
                self.skipped += 1
                continue
            self.paint()
            level = LOUD if np.abs(sound).max() > 0.1 else QUIET
            picture = np.full((HEIGHT_PX, WIDTH_PX, 3), level, np.uint8)
            yield TimedFrame(picture, (self.given - 1) / FPS), sound

    def begin(self, samples: np.ndarray) -> list[Begun]:
        begun = []
        for frame, sound in self.hear(samples):
            done: Future[np.ndarray] = Future()
            done.set_result(frame.picture)
            begun.append(Begun(done, frame.time_s, sound, lambda picture: picture))
        return begun

    def skip(self, samples: np.ndarray) -> None:
        list(self.hear(samples, paint=False))

    def close(self) -> None:
        self.closed = True


def fake_person(target: str, settings: LiveSettings, home: Path | None, seed: int) -> LivePerson:
    """As `LivePerson.of`."""
    return person_of(FakeSpeaker(), settings)


def person_of(speaker: FakeSpeaker, settings: LiveSettings | None = None) -> LivePerson:
    """That speaker, alive."""
    return LivePerson("fake", cast(Speaker, speaker), LiveActing(), settings or LiveSettings())


class Watching:
    """A viewer who keeps all, with the instant of each."""

    def __init__(self, codec: str = "") -> None:
        self.codec, self.wants_key = codec, True
        self.pictures: list[tuple[float, Any]] = []  # or packets
        self.sounds: list[tuple[float, np.ndarray]] = []
        self.events: list[dict[str, Any]] = []

    def packet(self, packet: Any) -> None:
        self.wants_key = False
        self.pictures.append((packet.time_s, packet))

    def picture(self, picture: np.ndarray, time_s: float) -> None:
        self.pictures.append((time_s, picture))

    def sound(self, samples: np.ndarray, time_s: float) -> None:
        self.sounds.append((time_s, samples))

    def tell(self, event: dict[str, Any]) -> None:
        self.events.append(event)
