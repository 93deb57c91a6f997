"""Phone tiers of Praat TextGrids, to train and to measure with."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from foundation.errors import InputError
from preprocessing.speech.phonetic.inventory import parse_arpabet, parse_ipa, timed_phones

UNKNOWN = -1
Interval = tuple[float, float, str]
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<![\w"])(-?\d+(?:\.\d+)?(?:[eE]-?\d+)?)(?![\w:\]"])')


def read_tier(path: Path | str, tier: str) -> list[Interval]:
    """(start_s, end_s, text) of the interval tier of that name, from a long or short TextGrid.

    Raises:
        InputError: not a TextGrid that can be read, or without that tier.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error})", f"a Praat TextGrid with a tier '{tier}'") from error
    if "ooTextFile" not in text[:60]:
        raise InputError(f"{path} is not a TextGrid", "a Praat text file")
    tokens = [match.group(1) if match.group(2) is None else float(match.group(2)) for match in _TOKEN.finditer(text)]
    for index, token in enumerate(tokens):
        if token == "IntervalTier" and tokens[index + 1 : index + 2] == [tier]:
            return _intervals(tokens[index + 4 :], f"{path}: tier '{tier}'")
    raise InputError(f"{path} has no interval tier '{tier}'", "a TextGrid with aligned phones")


def _intervals(tokens: list[str | float], name: str) -> list[Interval]:
    """Intervals from their number and then start, end and text of each."""
    if not tokens or not isinstance(tokens[0], float) or not tokens[0].is_integer() or tokens[0] < 0:
        raise InputError(f"{name} is damaged", "a number of intervals")
    count = int(tokens[0])
    fields = tokens[1 : 1 + 3 * count]
    if len(fields) < 3 * count:
        raise InputError(f"{name} stops early", f"{count} intervals")
    intervals = []
    for start_s, end_s, text in zip(fields[0::3], fields[1::3], fields[2::3], strict=True):
        if not (isinstance(start_s, float) and isinstance(end_s, float) and isinstance(text, str)):
            raise InputError(f"{name} is damaged", "start, end and text of each interval")
        intervals.append((start_s, end_s, text))
    return intervals


def frame_phones(intervals: list[Interval], rate_hz: float, count: int, alphabet: str = "arpabet") -> np.ndarray:
    """Phone index at the instants k / rate_hz, `[count]`; `UNKNOWN` where there is no symbol or no phone (`spn`)."""
    parse = {"arpabet": parse_arpabet, "ipa": parse_ipa}[alphabet]
    labels = np.full(count, UNKNOWN, np.int64)
    times_s = np.arange(count) / rate_hz
    for start_s, end_s, symbol in intervals:
        phones = parse(symbol)
        if phones is None:
            continue
        for piece_start_s, piece_end_s, phone in timed_phones(phones, start_s, end_s):
            labels[np.searchsorted(times_s, piece_start_s) : np.searchsorted(times_s, piece_end_s)] = phone
    return labels

