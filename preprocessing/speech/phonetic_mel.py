"""What the phonetic encoder hears, and beside it a spectrum: phones alone do not tell how a person says them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from foundation.errors import InputError
from preprocessing.speech.encoder import Newest, WindowedEncoder
from preprocessing.speech.log_mel import LogMel
from preprocessing.speech.phonetic.encoder import PhoneticEncoder

BANDS, SCALE = 26, 0.6
"""Mel bands, and how much they count beside the phonetic row: best of three pairs on a video in five parts."""


class PhoneticMel(WindowedEncoder):
    """The rows of `PhoneticEncoder`, then those of `LogMel` in `BANDS` bands times `SCALE`, at 50 Hz.

    Args:
        path: weights of the phonetic encoder; None for the shipped ones.

    Raises:
        InputError: weights that are missing, or not of that network, or causal.
    """

    lips_closed, silent = PhoneticEncoder.lips_closed, PhoneticEncoder.silent

    def __init__(self, path: Path | None = None) -> None:
        self._phonetic = PhoneticEncoder(path)
        if self._phonetic.causal:
            raise InputError(f"{path}: causal weights", "phonetic weights that hear both sides")
        self._mel = LogMel(BANDS, self._phonetic.rate_hz)
        self.name, self.rate_hz = self._phonetic.name.replace("phonetic", "phonetic_mel", 1), self._phonetic.rate_hz
        self.dimension = self._phonetic.dimension + self._mel.dimension
        self.context_s = max(self._phonetic.context_s, self._mel.context_s)

    def rows(self, samples: np.ndarray) -> np.ndarray:
        """`[T, 53 + 26]` of 16 kHz samples `[N]`."""
        return np.concatenate([self._phonetic.rows(samples), self._mel.rows(samples)], axis=1)

    def newest_rows(self, samples: np.ndarray, count: int) -> np.ndarray:
        """The last `count` of `rows`."""
        parts = self._phonetic.newest_rows(samples, count), self._mel.newest_rows(samples, count)
        return np.concatenate(parts, axis=1)

    def following(self) -> Newest:
        """See `WindowedEncoder.following`."""
        phonetic, mel = self._phonetic.following(), self._mel.following()

        def newest(samples: np.ndarray, first_sample: int, count: int) -> np.ndarray:
            return np.concatenate([rows(samples, first_sample, count) for rows in (phonetic, mel)], axis=1)

        return newest

    def finish(self, rows: np.ndarray) -> np.ndarray:
        """The bands relative to the clip's speech level."""
        phonetic, mel = np.split(rows, [self._phonetic.dimension], axis=1)
        return np.concatenate([phonetic, SCALE * self._mel.finish(mel)], axis=1)
