"""Variants, what is right for each, and what became of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av

from foundation.errors import InputError


@dataclass(frozen=True)
class Right:
    """What is right. refused: words of the refusal; empty where it is accepted. said: words of a note that its owner
    must get. quiet: whether there must be no note at all. most: the largest error allowed, in the kind's own measure.
    """

    refused: str = ""
    said: str = ""
    quiet: bool = False
    most: float = 0.02


@dataclass(frozen=True)
class Variant:
    """A way in which something comes. make: writes it into a folder; gives its path, and what `judge` needs besides.
    judge: reads it as the product does; gives the error, 0 being none.
    """

    name: str
    right: Right
    make: Callable[[Path], tuple[Path, object]]
    judge: Callable[[Path, object], float]


@dataclass(frozen=True)
class Outcome:
    """What became of a variant."""

    variant: Variant
    as_expected: bool
    became: str


@contextmanager
def listening() -> Iterator[list[str]]:
    """The warnings that are told within."""
    told: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    root, handler = logging.getLogger(), Keep(logging.WARNING)
    kept, root.handlers = root.handlers, [handler]
    try:
        yield told
    finally:
        root.handlers = kept


def tried(variant: Variant, folder: Path) -> Outcome:
    """Make a variant and read it."""
    folder.mkdir(parents=True)
    try:
        path, facts = variant.make(folder)
    except (av.error.FFmpegError, OSError, ValueError) as lack:
        return Outcome(variant, False, f"COULD NOT BE MADE HERE: {lack}")
    right = variant.right
    with listening() as told:
        try:
            error = variant.judge(path, facts)
        except InputError as refusal:
            words = str(refusal).replace(str(folder), "").replace("\n", " ")
            good = bool(right.refused and re.search(right.refused, words))
            return Outcome(variant, good, f"refused: {words}")
        except Exception as fault:  # what a user would see as a traceback
            return Outcome(variant, False, f"{type(fault).__name__}: {fault}")
    notes = [note.replace(str(folder), "") for note in told]
    became = f"accepted, error {error:.3f}" + (f"; {'; '.join(notes)}" if notes else "")
    if right.refused or not error <= right.most:
        return Outcome(variant, False, became)
    heard = not right.said or any(re.search(right.said, note) for note in notes)
    return Outcome(variant, heard and not (right.quiet and notes), became)
