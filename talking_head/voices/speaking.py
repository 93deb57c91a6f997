"""A script said by a voice: its sound, and when everything in it happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from face_model.tracks import Sound
from foundation.errors import InputError, unreadable
from talking_head.motion.curves import Curves
from talking_head.voices.acting import curves_of
from talking_head.voices.cues import LIPS_CLOSED, Cue, Stretch, read_script, stretches
from talking_head.voices.interface import LONGEST_TEXT, RATE_HZ, Span, Voice

AROUND_S = 0.25  # of silence before the first word and after the last: a film does not begin within one
AUDIBLE_SHARE = 0.02  # of the loudest sample: quieter ends of what a voice says are before and behind its words
TEXT_SUFFIXES = (".txt", ".md")


@dataclass(frozen=True)
class Spoken:
    """A script as it was said. curves: of its directions. lips_closed: see `Utterance`."""

    sound: Sound
    curves: Curves
    lips_closed: tuple[Span, ...] = ()


def spoken(text: str, voice: Voice) -> Spoken:
    """A text with directions, said.

    Raises:
        InputError: brackets that are no direction, nothing to say, too long a text, or what `Voice.say` raises.
    """
    if len(text) > LONGEST_TEXT:
        raise InputError(f"a text of {len(text)} characters", f"at most {LONGEST_TEXT}", "say it in parts")
    pieces, cues, closed, at = [_silence(AROUND_S)], list[tuple[float, Cue]](), list[Span](), AROUND_S
    for sound, said in said_by_stretches(read_script(text), voice):
        pieces.append(sound)
        cues += [(at + time_s, cue) for time_s, cue in said.cues]
        closed += [(at + start_s, at + end_s) for start_s, end_s in said.lips_closed]
        at += len(sound) / RATE_HZ
    pieces.append(_silence(AROUND_S))
    return Spoken(Sound(np.concatenate(pieces), RATE_HZ), curves_of(cues), tuple(closed))


@dataclass(frozen=True)
class Said:
    """What happens in a piece of sound, in seconds from its beginning."""

    cues: tuple[tuple[float, Cue], ...]
    lips_closed: tuple[Span, ...]

    @property
    def live_cues(self) -> list[tuple[float, Cue]]:
        """All of it as cues, for a face that hears the sound while it is made."""
        closed = [(start_s, Cue(LIPS_CLOSED, lasts_s=end_s - start_s)) for start_s, end_s in self.lips_closed]
        return sorted([*self.cues, *closed], key=lambda pair: pair[0])


def said_by_stretches(parts: list[str | Cue], voice: Voice) -> Iterator[tuple[np.ndarray, Said]]:
    """(samples `[N]` at `RATE_HZ`, what happens in them) of one stretch after another, each with the pause behind it.

    Where a direction stands in a stretch is told by the letters before it: no synthesiser that is a program says when
    it says which word.
    """
    for stretch in stretches(parts):
        yield _said(stretch, voice)


def _said(stretch: Stretch, voice: Voice) -> tuple[np.ndarray, Said]:
    samples, closed = np.zeros(0, np.float32), tuple[Span, ...]()
    if any(letter.isalnum() for letter in stretch.words):
        uttered = voice.say(stretch.words)
        samples, closed = uttered.sound.samples, uttered.lips_closed or ()
    first, last = _audible(samples)
    cues = tuple(((first + share * (last - first)) / RATE_HZ, cue) for share, cue in stretch.cues)
    return np.concatenate([samples, _silence(stretch.after_s)]), Said(cues, closed)


def _audible(samples: np.ndarray) -> tuple[int, int]:
    """Where words begin and end in what a voice said."""
    loud = np.flatnonzero(np.abs(samples) > AUDIBLE_SHARE * np.abs(samples).max(initial=0.0))
    return (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, len(samples))


def _silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def text_of(given: str) -> str:
    """The text itself, or what is in a file of that name.

    Raises:
        InputError: a text file that is not there or cannot be read.
    """
    path = Path(given)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # longer than a name may be
        is_file = False
    if not is_file:
        if path.suffix.lower() in TEXT_SUFFIXES and len(given.split()) == 1:
            raise InputError(f"{given}, which is not there", "a text, or a file of it")
        return given
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{given}, which is not text in UTF-8", "a text, or a file of it") from error
    except OSError as error:
        raise unreadable(path, error) from error
