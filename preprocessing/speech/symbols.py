"""The 29 symbols of DeepSpeech, in its order, and reading them back as text."""

from __future__ import annotations

import string
from itertools import groupby

import numpy as np

BLANK = "-"
SYMBOLS = (" ", *string.ascii_lowercase, "'", BLANK)
"""Space, the letters, the apostrophe and, last, the blank of connectionist temporal classification."""
SYMBOL_RATE_HZ = 30.0
"""Rows a second that the paper's network sees (FACIAL, section 4.1)."""


def spell(values: np.ndarray) -> str:
    """The most likely symbol of each row of `[T, 29]` in turn, repetitions and blanks left out."""
    best = [SYMBOLS[index] for index in values.argmax(axis=1)]
    return "".join(symbol for symbol, _ in groupby(best) if symbol != BLANK)
