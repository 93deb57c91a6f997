"""Directions in a text: `Well [smile 0.6], look [look left] there. [pause 0.4] [nod] Yes.`"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

from foundation.errors import InputError

WAYS = {
    "smile": (), "brows": ("up", "down"), "look": ("left", "right", "up", "down", "ahead"),
    "tilt": ("left", "right"), "nod": (), "shake": (), "blink": (), "pause": (),
}
"""What can be directed, and which ways; left and right are the person's own."""
USUAL = {"smile": 0.6, "pause": 0.5}  # amount where none is given; 1 for the others
MOST_AMOUNT, LONGEST_S = 2.0, 60.0
MOST_SHOWN = 60  # letters of a direction that is told back
LIPS_CLOSED = "lips closed"  # no direction that can be written: a synthesiser tells when it says p, b and m
EXAMPLE = "[smile 0.6], [smile 0.6 2s], [brows up], [look left], [tilt right], [nod], [shake], [blink], [pause 0.4]"
_BRACKET = re.compile(r"(?<!\\)\[([^\[\]]*)\]")
_NUMBER, _SECONDS = re.compile(r"\d+(?:\.\d+)?|\.\d+"), re.compile(r"(\d+(?:\.\d+)?|\.\d+)s")


@dataclass(frozen=True)
class Cue:
    """One direction. amount: 1 is what people do when they mean it; seconds for a pause. lasts_s: None for as long as
    such a thing lasts: a smile until the next one, the others a moment.
    """

    what: str
    way: str = ""
    amount: float = 1.0
    lasts_s: float | None = None

    @classmethod
    def read(cls, words: str) -> Cue:
        """The direction in a pair of brackets.

        Raises:
            InputError: no such direction, or amount.
        """
        what, *rest = words.lower().split() or [""]
        shown = shorten(words, MOST_SHOWN, placeholder="...")  # in one line, however long
        wrong = InputError(f"the direction [{shown}]", EXAMPLE, r"write \[ where a text has a bracket of its own")
        if what not in WAYS:
            raise wrong
        way = rest.pop(0) if WAYS[what] and rest else ""
        if bool(WAYS[what]) != (way in WAYS[what]):
            raise wrong
        lasts = _SECONDS.fullmatch(rest[-1]) if rest else None
        rest = rest[:-1] if lasts else rest
        if len(rest) > 1 or any(not _NUMBER.fullmatch(word) for word in rest):
            raise wrong
        amount = float(rest[0]) if rest else USUAL.get(what, 1.0)
        lasts_s = float(lasts.group(1)) if lasts else None
        if what == "pause":  # [pause 0.4] and [pause 0.4s] are the same
            amount, lasts_s = (lasts_s if lasts_s is not None else amount), None
        if amount > (LONGEST_S if what == "pause" else MOST_AMOUNT) or (lasts_s or 0) > LONGEST_S:
            most = f"at most {MOST_AMOUNT:g}, and {LONGEST_S:g} s"
            raise InputError(f"the direction [{shown}]", most)
        return cls(what, way, amount, lasts_s)


def read_script(text: str) -> list[str | Cue]:
    """Words and directions, in order; words without the backslash of `\\[`.

    Raises:
        InputError: brackets that are no direction, or nothing to say and nothing to do.
    """
    parts: list[str | Cue] = []
    start = 0
    for match in _BRACKET.finditer(text):
        parts += [text[start : match.start()], Cue.read(match.group(1))]
        start = match.end()
    parts.append(text[start:])
    kept = [p.replace("\\[", "[") if isinstance(p, str) else p for p in parts if not isinstance(p, str) or p.strip()]
    if not kept:
        raise InputError("a text without words", "something to say")
    return kept


@dataclass(frozen=True)
class Stretch:
    """What is said in one breath. cues: each with how many of the words' letters stand before it, 0-1. after_s: of
    silence behind it.
    """

    words: str
    cues: tuple[tuple[float, Cue], ...]
    after_s: float = 0.0


def stretches(parts: Sequence[str | Cue]) -> list[Stretch]:
    """A script cut at its pauses: a synthesiser says the words of each at once, as its melody needs."""
    found: list[Stretch] = []
    words, cues = "", list[tuple[int, Cue]]()

    def close(after_s: float) -> None:
        nonlocal words, cues
        if words.strip() or cues or after_s:
            size = max(1, _letters(words))
            found.append(Stretch(" ".join(words.split()), tuple((n / size, cue) for n, cue in cues), after_s))
        words, cues = "", []

    for part in parts:
        if isinstance(part, str):
            words += part
        elif part.what == "pause":
            close(part.amount)
        else:
            cues.append((_letters(words), part))
            words += " " if words and not words[-1].isspace() else ""
    close(0.0)
    return found


def _letters(words: str) -> int:
    return sum(letter.isalnum() for letter in words)
