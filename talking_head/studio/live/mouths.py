"""What waits to be said: sound of programs and microphones, taken in pieces at the speed at which it is spoken."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import soxr

from talking_head.studio.live.settings import PIECE_S, LiveSettings
from talking_head.voices.cues import Cue

AUDIBLE = 0.003  # of full scale: a microphone that is open is not somebody who speaks
SPARE_S = 2.0  # what waits for as long as this without being needed is more than the network's unevenness asks for
PATIENT_S = 4.0  # for a quiet moment in which it goes
QUIET = 0.1  # of the loudest of late


@dataclass
class _Waiting:
    samples: np.ndarray
    cues: list[tuple[int, Cue]] = field(default_factory=list)  # samples from its beginning


class Source:
    """One stream of sound that somebody pushes; thread-safe.

    A microphone's comes as it is spoken: a little is gathered before any is taken, for networks are uneven. Where more
    waits than is ever needed, because a stall of the machine let it pile up, it goes in a quiet moment, and where far
    too much waits, the oldest goes at once: else all that follows would be late for ever. A program's may come faster
    than it is spoken, and all of it waits.

    Args:
        rate_hz: of what is pushed.
        paced: whether it comes as it is spoken.
    """

    def __init__(self, settings: LiveSettings, rate_hz: int, paced: bool) -> None:
        self.settings, self.paced, self._lock = settings, paced, threading.Lock()
        self._resampler = None
        if rate_hz != settings.sound_hz:
            self._resampler = soxr.ResampleStream(rate_hz, settings.sound_hz, 1)
        self._waiting: deque[_Waiting] = deque()
        self._count, self._speaking = 0, False
        self._spare = _Spare()
        self.dropped_s = 0.0

    def push(self, samples: np.ndarray, cues: list[tuple[float, Cue]] | None = None, ended: bool = False) -> None:
        """Add sound `[N]`, with directions at seconds from its beginning. ended: nothing of this utterance follows."""
        with self._lock:
            if self._resampler is not None:
                samples = self._resampler.resample_chunk(samples, last=ended)
                if ended:
                    self._resampler.clear()
            rate_hz = self.settings.sound_hz
            self._waiting.append(_Waiting(samples, [(round(at_s * rate_hz), cue) for at_s, cue in cues or []]))
            self._count += len(samples)
            if self.paced and self._count > self.settings.most_s * rate_hz:
                self._drop(self._count - round(2 * self.settings.begin_s * rate_hz))

    def take(self, count: int) -> tuple[np.ndarray, list[Cue]]:
        """The next samples, fewer where no more wait, and the directions among them."""
        with self._lock:
            if not self._speaking and self.paced and self._count < self.settings.begin_s * self.settings.sound_hz:
                return np.zeros(0, np.float32), []
            self._speaking = True
            taken, cues = self._taken(count)
            self._speaking = len(taken) == count
            if self.paced and self._spare.goes(taken, self._count, self._next(count)):
                self._drop(count)
            return taken, cues

    def clear(self) -> None:
        """Forget all that waits."""
        with self._lock:
            self._waiting.clear()
            self._count, self._speaking = 0, False
            self._spare = _Spare()
            if self._resampler is not None:
                self._resampler.clear()

    @property
    def waiting_s(self) -> float:
        """Seconds that wait."""
        return self._count / self.settings.sound_hz

    def _taken(self, count: int) -> tuple[np.ndarray, list[Cue]]:
        taken, cues = [np.zeros(0, np.float32)], list[Cue]()
        while self._waiting:
            first = self._waiting[0]
            part = min(count, len(first.samples))
            cues += [cue for at, cue in first.cues if at < part or part == len(first.samples)]
            taken.append(first.samples[:part])
            count -= part
            self._count -= part
            if part == len(first.samples):
                self._waiting.popleft()
            else:
                first.samples = first.samples[part:]
                first.cues = [(at - part, cue) for at, cue in first.cues if at >= part]
            if not count:
                break
        return np.concatenate(taken), cues

    def _next(self, count: int) -> np.ndarray:
        """The next samples, which stay."""
        pieces, found = list[np.ndarray](), 0
        for waiting in self._waiting:
            if found >= count:
                break
            pieces.append(waiting.samples)
            found += len(waiting.samples)
        return np.concatenate([np.zeros(0, np.float32), *pieces])[:count]

    def _drop(self, count: int) -> None:
        self.dropped_s += count / self.settings.sound_hz
        self._taken(count)


class _Spare:
    """Finds what waits although it was not needed of late."""

    def __init__(self) -> None:
        self._left = deque[int](maxlen=round(SPARE_S / PIECE_S))  # samples that waited after each piece
        self._loudest, self._pieces = 0.0, 0

    def goes(self, taken: np.ndarray, left: int, following: np.ndarray) -> bool:
        """Whether the next piece goes unheard, after one was taken and so many samples are left: as much was left
        each time, and the piece is quiet, or none was for long.
        """
        self._loudest = max(_loud(taken), 0.98 * self._loudest)
        self._left.append(left)
        if len(self._left) < (self._left.maxlen or 0) or min(self._left) < len(taken) or not len(taken):
            self._pieces = 0
            return False
        self._pieces += 1
        if _loud(following) > max(AUDIBLE, QUIET * self._loudest) and self._pieces * PIECE_S < PATIENT_S:
            return False
        self._left = deque((one - len(following) for one in self._left), self._left.maxlen)
        return True


def _loud(piece: np.ndarray) -> float:
    return float(np.abs(piece).max(initial=0))


class Mouths:
    """All that a person is to say at an instant: the sum of its sources; thread-safe."""

    def __init__(self, settings: LiveSettings) -> None:
        self.settings = settings
        self._sources: list[Source] = []
        self._lock = threading.Lock()

    def source(self, rate_hz: int, paced: bool) -> Source:
        """A new source."""
        made = Source(self.settings, rate_hz, paced)
        with self._lock:
            self._sources.append(made)
        return made

    def remove(self, source: Source) -> None:
        """Forget a source, and what of it waits."""
        with self._lock:
            self._sources = [one for one in self._sources if one is not source]

    def clear(self) -> None:
        """Forget all that waits."""
        with self._lock:
            for source in self._sources:
                source.clear()

    def take(self, count: int) -> tuple[np.ndarray, list[Cue], bool]:
        """The next samples `[count]`, silence where nothing waits; directions among them; whether anybody speaks."""
        with self._lock:
            sources = list(self._sources)
        sound, cues, speaking = np.zeros(count, np.float32), list[Cue](), False
        for source in sources:
            samples, directed = source.take(count)
            sound[: len(samples)] += samples
            cues += directed
            speaking = speaking or bool(np.abs(samples).max(initial=0) > AUDIBLE)
        return sound, cues, speaking
