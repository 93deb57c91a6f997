"""Emotions as a user asks for them: `happy:0.7`, or a file of emotions over time."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foundation.errors import InputError

TIME_COLUMN = "time_s"


@dataclass(frozen=True)
class EmotionTrack:
    """How much of each emotion when, linear between the times and held outside of them.

    names: N emotions. times_s: `[K]`, rising. shares: `[K, N]`, 0 none of it to 1 all of it.
    """

    names: tuple[str, ...]
    times_s: np.ndarray
    shares: np.ndarray

    def at(self, times_s: np.ndarray) -> np.ndarray:
        """Shares `[T, N]` at times `[T]`."""
        columns = [np.interp(times_s, self.times_s, column) for column in self.shares.T]
        return np.stack(columns, axis=1).astype(np.float32)


def steady_emotion(text: str, known: Sequence[str]) -> EmotionTrack:
    """`NAME` or `NAME:SHARE` as a track that does not change.

    Raises:
        InputError: an unknown name, or a share that is no number from 0 to 1.
    """
    name, _, share = text.partition(":")
    shares = np.zeros((1, len(known)), np.float32)
    shares[0, _index(name.strip(), known, f"emotion '{text}'")] = _share(share.strip() or "1", f"emotion '{text}'")
    return EmotionTrack(tuple(known), np.zeros(1), shares)


def read_emotions(path: Path | str, known: Sequence[str]) -> EmotionTrack:
    """Emotions over time from a CSV: a column `time_s`, and one of shares 0-1 for each emotion that occurs.

    Raises:
        InputError: no such file, no such columns, or a cell that is not a number in its range; the line is named.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error})", "a .csv of emotions over time") from error
    header = [cell.strip() for cell in rows[0]] if rows else []
    if TIME_COLUMN not in header or len(header) < 2 or len(rows) < 2:
        expected = f"a header line such as '{TIME_COLUMN},{known[0]}' and at least one line below it"
        raise InputError(f"{path} holds no emotions over time", expected)
    columns = {
        at: _index(name, known, f"{path}, column '{name}'") for at, name in enumerate(header) if name != TIME_COLUMN
    }
    times_s, shares = np.zeros(len(rows) - 1), np.zeros((len(rows) - 1, len(known)), np.float32)
    for index, row in enumerate(rows[1:]):
        where = f"{path}, line {index + 2}"
        if len(row) != len(header):
            raise InputError(f"{where}: {len(row)} cells", f"{len(header)}, as in the header")
        times_s[index] = _number(row[header.index(TIME_COLUMN)], where, "a time in seconds")
        for at, emotion in columns.items():
            shares[index, emotion] = _share(row[at].strip() or "0", where)
    if (np.diff(times_s) <= 0).any():
        late = int(np.flatnonzero(np.diff(times_s) <= 0)[0])
        raise InputError(f"{path}, line {late + 3}: a time not after the one before", "times that rise")
    return EmotionTrack(tuple(known), times_s, shares)


def _index(name: str, known: Sequence[str], where: str) -> int:
    if name not in known:
        raise InputError(f"{where}: unknown", f"one of {', '.join(known)}")
    return list(known).index(name)


def _number(text: str, where: str, expected: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(f"{where}: '{text}'", expected)
    return value


def _share(text: str, where: str) -> float:
    value = _number(text, where, "a share from 0 to 1")
    if not 0.0 <= value <= 1.0:
        raise InputError(f"{where}: {text}", "a share from 0 to 1")
    return value
