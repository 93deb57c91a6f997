"""How something is to be said: emotions as a user asks for them (`NAME`, `NAME:0.7`, or a table over time), a style."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, fields
from pathlib import Path

from foundation.errors import InputError

COLUMNS = ("time_s", "emotion", "intensity")
_EXAMPLE = "a header time_s,emotion,intensity and rows such as 1.5,happy,0.7"


@dataclass(frozen=True)
class AskedEmotion:
    """An emotion's name and how much of it: 0 none, 1 all. time_s: when, for one of several over time."""

    name: str
    intensity: float = 1.0
    time_s: float = 0.0


@dataclass(frozen=True)
class Delivery:
    """How something is said. emotion: `NAME` or `NAME:SHARE`. emotions: a CSV file of emotions over time, see
    `read_emotions`. style: a name. A motion model says which of them it takes.
    """

    emotion: str | None = None
    emotions: Path | str | None = None
    style: str | None = None

    def given(self) -> list[str]:
        """Names of what is said."""
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]

    def asked(self) -> list[AskedEmotion]:
        """The emotions, in order of time; none where nothing is said of them.

        Raises:
            InputError: an emotion and a file of them, or as `read_emotion` and `read_emotions`.
        """
        if self.emotion is not None and self.emotions is not None:
            raise InputError("an emotion and a file of emotions", "one of the two")
        if self.emotions is not None:
            return read_emotions(self.emotions)
        return [] if self.emotion is None else [read_emotion(self.emotion)]


def read_emotion(text: str) -> AskedEmotion:
    """What `NAME` or `NAME:0.7` asks for.

    Raises:
        InputError: no name, or an intensity that is not a number from 0 to 1.
    """
    name, _, share = text.partition(":")
    return AskedEmotion(_name(name, f"emotion '{text}'"), _intensity(share, f"emotion '{text}'"))


def read_emotions(path: Path | str) -> list[AskedEmotion]:
    """The rows of a CSV file with the columns time_s, emotion and, if wanted, intensity, in order of time.

    Raises:
        InputError: no such file, not such a table, a bad number, two rows of one time, or no row.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            lacking = [column for column in COLUMNS[:2] if column not in (table.fieldnames or ())]
            if lacking:
                raise InputError(f"{path} has no column {' and '.join(lacking)}", _EXAMPLE)
            rows = [_row(row, f"{path}, line {table.line_num}") for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error})", f"a CSV file with {_EXAMPLE}") from error
    rows.sort(key=lambda row: row.time_s)
    if not rows:
        raise InputError(f"{path} has no row", _EXAMPLE)
    twice = [a.time_s for a, b in zip(rows, rows[1:], strict=False) if a.time_s == b.time_s]
    if twice:
        raise InputError(f"{path} has two rows for {twice[0]:g} s", "one emotion at a time")
    return rows


def _row(row: dict[str, str], where: str) -> AskedEmotion:
    try:
        time_s = float(row["time_s"])
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: time_s '{row['time_s']}'", "seconds, such as 1.5") from error
    if not math.isfinite(time_s):
        raise InputError(f"{where}: time_s '{row['time_s']}'", "seconds, such as 1.5")
    return AskedEmotion(_name(row["emotion"] or "", where), _intensity(row.get("intensity") or "", where), time_s)


def _name(text: str, where: str) -> str:
    if not text.strip():
        raise InputError(f"{where} names no emotion", "a name, or NAME:0.7")
    return text.strip()


def _intensity(text: str, where: str) -> float:
    """An intensity; 1 where nothing is said."""
    try:
        value = float(text) if text.strip() else 1.0
    except ValueError as error:
        raise InputError(f"{where}: intensity '{text}'", "a number from 0 to 1") from error
    if not 0.0 <= value <= 1.0:
        raise InputError(f"{where}: intensity {text}", "a number from 0 to 1")
    return value
