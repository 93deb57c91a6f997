"""Texts for live people, said sentence by sentence: the first is heard while the others are still being made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from foundation.errors import InputError
from talking_head.studio.live.mouths import Source
from talking_head.voices import Voice
from talking_head.voices.cues import Cue, read_script
from talking_head.voices.speaking import said_by_stretches

_END = re.compile(r"(?<=[.!?\u2026\u3002\uff01\uff1f])\s+")


def sentences(parts: list[str | Cue]) -> Iterator[list[str | Cue]]:
    """A script cut after its sentences."""
    current: list[str | Cue] = []
    for part in parts:
        if isinstance(part, Cue):
            current.append(part)
            continue
        *whole, rest = _END.split(part)
        for words in whole:
            yield [*current, words]
            current = []
        if rest.strip():
            current.append(rest)
    if current:
        yield current


def say(text: str, voice: Voice, source: Source, wanted: Callable[[], bool], longest: int) -> None:
    """Say a text into a source; ends early where it is not wanted any more.

    Raises:
        InputError: too long a text, brackets that are no direction, or what the voice raises.
    """
    if len(text) > longest:
        raise InputError(f"a text of {len(text)} characters", f"at most {longest} at once", "say it in parts")
    for sentence in sentences(read_script(text)):
        for sound, said in said_by_stretches(sentence, voice):
            if not wanted():
                return
            source.push(sound, said.live_cues)
    source.push(np.zeros(0, np.float32), ended=True)
