"""A target that speaks while the sound is still being made: sound in by pieces, painted frames out.

    with talking_head.open("ana") as speaker:
        for frame, sound in speaker.hear(samples):
            ...

One chain of generators, each with its look-ahead: sound ─► encoder ─► motion model (`look_ahead_s`) ─► the target's
frame rate (one frame) ─► path through the footage (`PATH_LOOK_AHEAD_S`) ─► painter. With an unlimited look-ahead it is
what a film is made by, and gives the film's frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
import soxr

from face_model.streams import resampled_pieces
from face_model.tracks import SPEECH_RATE_HZ, FaceMotion
from foundation.errors import InputError
from foundation.pushing import Pushed
from motion_models.interface import MotionModel
from motion_models.look_ahead import LOOK_AHEAD_S, LookAhead
from preprocessing.media import stream_sound
from preprocessing.media.microphone import microphone
from preprocessing.speech import WindowedEncoder, heard
from preprocessing.speech.encoder import CHUNK_S
from render2video.painter import Painter, load_painter
from talking_head.heads.face_models import model_of
from talking_head.motion.curves import Acting, acted
from talking_head.motion.speaking import Directions, encoder_for, say, speakers, with_head_of
from talking_head.provenance.claims import mark_id
from talking_head.provenance.label import Marks
from talking_head.target.card import DEFAULT_MODEL, Target, find_target
from talking_head.target.home import Home
from talking_head.target.settings import checked_seed, device_name

PATH_LOOK_AHEAD_S = 0.04  # of the path through the footage: one more frame
PIECE_S = 0.02  # of sound, where `say` pushes it
PAINTED_AHEAD = 8  # frames begun and not yet given: a long piece of sound does not fill the memory
MICROPHONE = "mic"
RATES_HZ = 8_000, 192_000


@dataclass(frozen=True)
class TimedFrame:
    """A picture `[H, W, 3]` uint8 RGB, and the instant that it shows, in seconds from the sound's first sample."""

    picture: np.ndarray
    time_s: float


ItemT = TypeVar("ItemT")
Spoken = tuple[TimedFrame, np.ndarray]
"""A frame and the sound `[N]` float32 that belongs to it, at the rate in which it was pushed."""


@dataclass(frozen=True)
class Begun:
    """A frame that is being painted, and what comes with it. marks: puts on it what says that it is generated."""

    painted: Future[np.ndarray]
    time_s: float
    sound: np.ndarray
    marks: Callable[[np.ndarray], np.ndarray]

    def spoken(self) -> Spoken:
        """The frame, waited for, and its sound; any thread may ask."""
        picture = self.painted.result()
        return TimedFrame(self.marks(picture), self.time_s), self.sound


def open_speaker(
    target: str, *, look_ahead_s: float | None = LOOK_AHEAD_S, rate_hz: int = SPEECH_RATE_HZ,
    directions: Directions | None = None, seed: int = 0, label: bool = True, device: str = "auto",
    home: Path | str | None = None,
) -> Speaker:
    """A target, loaded and ready to hear.

    Args:
        target: id of a target.
        look_ahead_s: how far beyond a frame its motion knows the sound, 0 to 2 s; None: all of it, so that every frame
            comes when the sound has ended, and the sound is kept until then.
        rate_hz: of the samples that will be pushed.
        directions: which motion model speaks, and how.
        seed: of all that is random.
        label: whether frames say visibly that they are generated; the invisible mark says it always.
        device: `auto`, `cpu` or `cuda`.
        home: where targets live.

    Raises:
        InputError: no such target, or a damaged one; a look-ahead or a rate that there is not; a motion model or a
            speech encoder that needs the whole sound.
    """
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise InputError(f"sound at {rate_hz} Hz", f"{RATES_HZ[0]} to {RATES_HZ[1]} Hz")
    checked_seed(seed)
    ahead = None if look_ahead_s is None else LookAhead(look_ahead_s)
    person, where, how = find_target(Home.find(home), target), device_name(device), directions or Directions()
    person.card.consent.check(f"the consent of target '{person.id}'")
    motion = _Whole(person, how, seed, where) if ahead is None else BoundedMotion.of(person, how, ahead, seed, where)
    with person.unchanged():
        path_s = None if ahead is None else PATH_LOOK_AHEAD_S
        painter = load_painter(person.folder, model_of(person.card), where, path_s)
    marks = Marks(painter.camera.width_px, painter.camera.height_px, mark_id(person.card), label)
    return Speaker(painter, motion, person.card.fps, rate_hz, marks)


class Speaker:
    """A target that hears sound and is seen saying it.

    Attributes:
        fps: of the frames. width_px, height_px: of the frames. rate_hz: of the sound.
    """

    def __init__(
        self, painter: Painter, motion: _Whole | BoundedMotion, fps: float, rate_hz: int, marks: Marks
    ) -> None:
        self.fps, self.rate_hz, self._marks = fps, rate_hz, marks
        self.width_px, self.height_px = painter.camera.width_px, painter.camera.height_px
        self._wanted = True
        self._chain = Pushed[np.ndarray, "Future[np.ndarray] | None"](
            lambda pieces: painter.begun(motion(pieces), lambda: self._wanted)
        )
        self._resampler = None if rate_hz == SPEECH_RATE_HZ else soxr.ResampleStream(rate_hz, SPEECH_RATE_HZ, 1)
        self._begun: deque[Future[np.ndarray] | None] = deque()
        self._sound = _Kept()
        self._given, self._finished = 0, False

    def hear(self, samples: np.ndarray) -> Iterator[Spoken]:
        """The frames that are decided now that some more samples have been heard; often none.

        They are painted as they are asked for; what is not asked for comes with the next call.

        Args:
            samples: `[N]`, any number of them: mono, floats in -1..1 or 16-bit integers.

        Raises:
            InputError: something else, or the sound has been finished.
        """
        return self._timed(self._pushed(samples), last=False)

    def begin(self, samples: np.ndarray) -> list[Begun]:
        """`hear`, without waiting for what is painted: for whoever waits in another thread. Either this or `hear`.

        Raises:
            InputError: see `hear`.
        """
        return [begun for future in self._pushed(samples) if (begun := self._next(future)) is not None]

    def _pushed(self, samples: np.ndarray) -> Iterator[Future[np.ndarray] | None]:
        if self._finished:
            raise InputError("sound after finish()", "a new speaker for a new sound", "open the target again")
        piece = _checked(samples)
        self._sound.add(piece)
        heard_now = piece if self._resampler is None else self._resampler.resample_chunk(piece)
        return self._chain.push(heard_now)

    def skip(self, samples: np.ndarray) -> None:
        """Hear some samples without painting the frames that they decide: for those that come too late to be shown.
        Their sound comes with the next frame that is painted.

        Raises:
            InputError: see `hear`.
        """
        self._wanted = False
        try:
            late = list(self.hear(samples))
        finally:
            self._wanted = True
        assert not late or len(late) <= PAINTED_AHEAD  # of frames begun before: nobody waits for them either

    def finish(self) -> Iterator[Spoken]:
        """The frames that are left now that the sound has ended; with the last comes the rest of the sound.

        Raises:
            InputError: nothing was heard.
        """
        if self._finished:
            return iter(())
        self._finished = True
        early: list[Future[np.ndarray] | None] = []
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            early = list(self._chain.push(rest))
        return self._timed(_joined(early, self._chain.finish()), last=True)

    def say(self, audio: Path | str, seconds: float | None = None) -> Iterator[Spoken]:
        """All frames for the sound of a file, or of the microphone (`mic`), as it is heard.

        Args:
            seconds: of the microphone; None: until it is stopped.

        Raises:
            InputError: a file without sound; no microphone; a speaker opened for another rate than 16 kHz.
        """
        if self.rate_hz != SPEECH_RATE_HZ:
            expected = f"{SPEECH_RATE_HZ} Hz for files and microphones"
            raise InputError(f"a speaker that hears {self.rate_hz} Hz", expected)
        for piece in _pieces(audio, seconds):
            yield from self.hear(piece)
        yield from self.finish()

    def close(self) -> None:
        """Let go of what the speaker holds; frames that were not asked for are gone."""
        self._finished = True
        self._chain.close()

    def __enter__(self) -> Speaker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _timed(self, futures: Iterator[Future[np.ndarray] | None], last: bool) -> Iterator[Spoken]:
        for future in futures:  # those that are decided are painted side by side
            self._begun.append(future)
            if len(self._begun) > PAINTED_AHEAD and (begun := self._next(self._begun.popleft())):
                yield begun.spoken()
        while self._begun:
            if begun := self._next(self._begun.popleft(), rest=last and not self._begun):
                yield begun.spoken()

    def _next(self, painted: Future[np.ndarray] | None, rest: bool = False) -> Begun | None:
        """The next frame, if it is painted at all."""
        time_s = self._given / self.fps
        self._given += 1
        if painted is None:
            return None
        sound = self._sound.until(None if rest else round(self._given / self.fps * self.rate_hz))
        return Begun(painted, time_s, sound, self._marks)


class _Whole:
    """Motion that waits for the whole sound: a film's."""

    def __init__(self, person: Target, directions: Directions, seed: int, device: str) -> None:
        self._person, self._directions, self._seed, self._device = person, directions, seed, device
        speakers(person, directions, device)  # refuse now what would be refused when the sound has ended

    def __call__(self, pieces: Iterator[np.ndarray]) -> Iterator[FaceMotion]:
        samples = np.concatenate([np.zeros(0, np.float32), *pieces])
        size = round(CHUNK_S * SPEECH_RATE_HZ)
        parts = [samples[start : start + size] for start in range(0, len(samples), size)]
        yield say(lambda: iter(parts), self._person, self._seed, self._device, self._directions)


@dataclass(frozen=True)
class _Listener:
    """A motion model with the encoder that it hears through. lips_closed: told beside what that hears."""

    model: MotionModel
    encoder: WindowedEncoder
    lips_closed: Sequence[tuple[float, float]] = ()

    @classmethod
    def of(cls, model: MotionModel, person: Target, lips_closed: Sequence[tuple[float, float]] = ()) -> _Listener:
        if not model.speaks_early:
            expected = f"'{DEFAULT_MODEL}', or the whole sound first (look_ahead_s=None)"
            raise InputError(f"motion model '{model.id}' while the sound is made", expected)
        encoder = encoder_for(model.speech_extractor, person)
        if not isinstance(encoder, WindowedEncoder):
            expected = "one that hears near sound only, or the whole sound first (look_ahead_s=None)"
            raise InputError(f"speech encoder '{encoder.name}' while the sound is made", expected)
        return cls(model, encoder, lips_closed)

    def __call__(self, pieces: Iterable[np.ndarray], look_ahead: LookAhead, seed: int) -> Iterator[FaceMotion]:
        speech = (known.told(self.lips_closed) for known in heard(self.encoder, pieces, look_ahead.ends()))
        return self.model.bounded_stream(speech, look_ahead, seed=seed)


@dataclass(frozen=True)
class BoundedMotion:
    """Motion that knows the sound up to a look-ahead. mover: of the head, where it is not the speaker."""

    speaker: _Listener
    mover: _Listener | None
    look_ahead: LookAhead
    seed: int
    fps: float
    curves: Acting | None = None

    @classmethod
    def of(cls, person: Target, directions: Directions, look_ahead: LookAhead, seed: int, device: str) -> BoundedMotion:
        model, other = speakers(person, directions, device)
        mover = None if other is model else _Listener.of(other, person)
        speaker = _Listener.of(model, person, directions.lips_closed)
        return cls(speaker, mover, look_ahead, seed, person.card.fps, directions.curves or None)

    def __call__(self, pieces: Iterator[np.ndarray]) -> Iterator[FaceMotion]:
        count = _Count(pieces)
        made = resampled_pieces(
            self._motion(count), self.fps, lambda: max(1, round(count.samples / SPEECH_RATE_HZ * self.fps))
        )
        return made if self.curves is None else acted(made, self.curves)

    def _motion(self, pieces: Iterable[np.ndarray]) -> Iterator[FaceMotion]:
        if self.mover is None:
            return self.speaker(pieces, self.look_ahead, self.seed)
        own, others = tee(pieces)
        faces, heads = self.speaker(own, self.look_ahead, self.seed), self.mover(others, self.look_ahead, self.seed)
        return map(with_head_of, faces, heads)  # step by step, so that neither hears ahead


class _Kept:
    """Sound that no frame has been given with."""

    def __init__(self) -> None:
        self._pieces: deque[np.ndarray] = deque()
        self._first = 0  # number of the first sample kept

    def add(self, piece: np.ndarray) -> None:
        self._pieces.append(piece)

    def until(self, end: int | None) -> np.ndarray:
        """The samples before number `end`, or all, which are kept no longer."""
        taken = [np.zeros(0, np.float32)]
        while self._pieces and (end is None or self._first < end):
            piece = self._pieces.popleft()
            count = len(piece) if end is None else min(len(piece), end - self._first)
            taken.append(piece[:count])
            self._first += count
            if count < len(piece):
                self._pieces.appendleft(piece[count:])
        return np.concatenate(taken)


class _Count:
    """Pieces, and how many samples they had."""

    def __init__(self, pieces: Iterable[np.ndarray]) -> None:
        self._pieces, self.samples = pieces, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for piece in self._pieces:
            self.samples += len(piece)
            yield piece


def _joined(first: list[ItemT], then: Iterator[ItemT]) -> Iterator[ItemT]:
    yield from first
    yield from then


def _pieces(audio: Path | str, seconds: float | None) -> Iterator[np.ndarray]:
    if str(audio) != MICROPHONE:
        return stream_sound(audio, chunk_s=PIECE_S)
    return microphone(seconds, PIECE_S)


def _checked(samples: np.ndarray) -> np.ndarray:
    """Samples as float32 in -1..1.

    Raises:
        InputError: no mono samples.
    """
    given = np.asarray(samples)
    if given.ndim != 1:
        raise InputError(f"samples of shape {list(given.shape)}", "[N]: mono", "mix the channels first")
    if given.dtype == np.int16:
        return given.astype(np.float32) / 32768
    if not np.issubdtype(given.dtype, np.floating):
        raise InputError(f"samples of type {given.dtype}", "floats in -1..1, or int16")
    if not np.isfinite(given).all():
        raise InputError("samples that are NaN or infinite", "floats in -1..1")
    return given.astype(np.float32)
