"""Short-time autocorrelation: a fixed picture of resonances over time (Karras et al. 2017, section 3.1)."""

from __future__ import annotations

import numpy as np

from face_model.tracks import SPEECH_RATE_HZ
from preprocessing.speech.encoder import WindowedEncoder, row_count
from preprocessing.speech.log_mel import BLOCK_ROWS, TINY_POWER, speech_level

WINDOW, HOP = 256, 128  # samples: 16 ms, every 8 ms
LAGS = 32
PICTURE_ROWS = 64  # that a face sees: 63 hops and a window are 520 ms, 260 ms of them ahead
LOOK_AHEAD_S = ((PICTURE_ROWS - 1) * HOP + WINDOW) / 2 / SPEECH_RATE_HZ


class Autocorrelation(WindowedEncoder):
    """Autocorrelation of Hann windows of 16 ms, every 8 ms, at lags 0 to 31; row k is centred on k / 125 s.

    The paper feeds power itself, of recordings made to fill the scale. Here a clip's own speech level is the unit, so
    that gain does not matter, and the window's power is compressed, so that a consonant is not lost beside a vowel: a
    row is the autocorrelation coefficient, -1 to 1, times (power / speech level) ** `exponent`. Silence is zero.

    Args:
        exponent: 1 for the paper's power, 0.5 for amplitude.
    """

    name, dimension, rate_hz = "autocorrelation", LAGS, SPEECH_RATE_HZ / HOP
    context_s = WINDOW / 2 / SPEECH_RATE_HZ

    def __init__(self, exponent: float = 0.25) -> None:
        self.exponent = exponent
        self._window = np.hanning(WINDOW + 1)[:-1]

    def rows(self, samples: np.ndarray) -> np.ndarray:
        """Autocorrelation `[T, 32]` in units of power, full scale 1; each window loses its mean first."""
        count, half = row_count(len(samples), self.rate_hz), WINDOW // 2
        padded = np.pad(np.asarray(samples, np.float64), (half, half + WINDOW))
        windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]
        blocks = np.array_split(windows, -(-count // BLOCK_ROWS))
        return np.concatenate([self._lags(block) for block in blocks])

    def _lags(self, windows: np.ndarray) -> np.ndarray:
        tapered = (windows - windows.mean(axis=1, keepdims=True)) * self._window
        spectrum = np.fft.rfft(tapered, 2 * WINDOW)
        lags = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=1)[:, :LAGS]
        return (lags / (self._window**2).sum()).astype(np.float32)

    def finish(self, rows: np.ndarray) -> np.ndarray:
        """In units of the clip's speech level, compressed."""
        power = np.maximum(rows[:, :1].astype(np.float64), TINY_POWER)
        level = np.exp(speech_level(np.log(power[:, 0]), self.rate_hz))
        return (rows * (power / level) ** self.exponent / power).astype(np.float32)
