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
        InputError: not a TextGrid, or without that tier.
    """
    text = Path(path).read_text(encoding="utf-8")
    if "ooTextFile" not in text[:60]:
        raise InputError(f"{path} is not a TextGrid", "a Praat text file")
    tokens = [match.group(1) if match.group(2) is None else float(match.group(2)) for match in _TOKEN.finditer(text)]
    for index, token in enumerate(tokens):
        if token == "IntervalTier" and tokens[index + 1] == tier:
            count = int(float(tokens[index + 4]))
            fields = tokens[index + 5 : index + 5 + 3 * count]
            if len(fields) < 3 * count:
                raise InputError(f"{path}: tier '{tier}' stops early", f"{count} intervals")
            starts, ends, names = fields[0::3], fields[1::3], fields[2::3]
            return [(float(start), float(end), str(name)) for start, end, name in zip(starts, ends, names, strict=True)]
    raise InputError(f"{path} has no interval tier '{tier}'", "a TextGrid with aligned phones")


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

