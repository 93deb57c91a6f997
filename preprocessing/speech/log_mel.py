"""Mel bands relative to the clip's own speech level: the plainest speech features, with nothing to load."""

from __future__ import annotations

import math

import numpy as np

from face_model.tracks import SPEECH_RATE_HZ
from preprocessing.speech.encoder import Newest, WindowedEncoder, row_count, whole_rows

WINDOW_S = 0.025
FFT_SIZE = 1024  # the window is padded with zeros to it, so that the narrowest band still holds two bins
LOWEST_HZ, HIGHEST_HZ = 50.0, 7600.0
TINY_POWER = 1e-14
LEVEL_SMOOTH_S = 0.2  # a click shorter than this does not pass for speech
SPEECH_RANGE_DB = 25.0  # speech is what lies within so much of the loudest
LEVEL_FLOOR_DBFS = -60.0  # a clip without speech stays low instead of being blown up
RANGE_DB = 50.0  # what lies further below the speech level is all the same
UNIT_DB, ZERO_DB = 15.0, -25.0  # one unit of the output; where its zero lies relative to the speech level
BLOCK_ROWS = 2000


def _mel(hz: np.ndarray | float) -> np.ndarray:
    return 2595 * np.log10(1 + np.asarray(hz, np.float64) / 700)


def mel_filters(bands: int) -> np.ndarray:
    """Triangles `[bands, FFT_SIZE / 2 + 1]`, evenly spaced in mel, each summing to one."""
    edges = 700 * (10 ** (np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), bands + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(FFT_SIZE, 1 / SPEECH_RATE_HZ)
    rise = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rise, fall))
    return triangles / triangles.sum(axis=1, keepdims=True)


def speech_level(loudness: np.ndarray, rate_hz: float) -> float:
    """How loud a clip's speech is: the mean (in dB) of those 0.2 s stretches that lie within 25 dB of the loudest one,
    but not below -60 dBFS. Loudness `[T]` and result are natural logarithms of power, full scale 1.
    """
    db = 10 / np.log(10)
    size = max(1, round(LEVEL_SMOOTH_S * rate_hz))
    # scipy.ndimage has this filter, and takes a tenth of a second to load: a tenth of the way to the first frame.
    smooth = np.convolve(np.pad(loudness, (size // 2, (size - 1) // 2), mode="edge"), np.full(size, 1 / size), "valid")
    return max(float(smooth[smooth >= smooth.max() - SPEECH_RANGE_DB / db].mean()), LEVEL_FLOOR_DBFS / db)


class LogMel(WindowedEncoder):
    """Mel band levels; row k is centred on k / rate_hz.

    Gain does not matter: levels are relative to the clip's own (`speech_level`). A value of 0 is 25 dB below it, a unit
    is 15 dB, and everything 50 dB or more below is about -1.7.

    Args:
        bands: mel bands between 50 and 7600 Hz.
        rate_hz: rows a second.
    """

    def __init__(self, bands: int = 80, rate_hz: float = 50.0) -> None:
        self.name, self.dimension, self.rate_hz = "log_mel", bands, float(rate_hz)
        self.context_s = WINDOW_S / 2
        self._size = round(WINDOW_S * SPEECH_RATE_HZ)
        # The window has an odd number of points, so that its middle lies on a sample.
        self._window = np.hanning(self._size + 1)
        self._filters = mel_filters(bands) / (self._window**2).sum()

    def rows(self, samples: np.ndarray) -> np.ndarray:
        """Natural logarithm of each band's power `[T, F]`, full scale 1."""
        count, half = row_count(len(samples), self.rate_hz), self._size // 2
        padded = np.pad(samples, (half, 2 * half))
        centres = np.minimum(np.round(np.arange(count) * (SPEECH_RATE_HZ / self.rate_hz)).astype(int), len(samples))
        offsets = np.arange(self._size + 1)
        rows = []
        for block in np.array_split(centres, -(-count // BLOCK_ROWS)):
            spectrum = np.fft.rfft(padded[block[:, None] + offsets] * self._window, FFT_SIZE)
            power = spectrum.real**2 + spectrum.imag**2
            rows.append(np.log(power @ self._filters.T + TINY_POWER).astype(np.float32))
        return np.concatenate(rows)

    def newest_rows(self, samples: np.ndarray, count: int) -> np.ndarray:
        """The last `count` of `rows`."""
        unit_rows, unit = whole_rows(self.rate_hz)
        near = (-(-count // unit_rows) + 1) * unit + self._size
        return self.rows(samples[max(0, len(samples) - near) // unit * unit :])[-count:]

    def following(self) -> Newest:
        """See `WindowedEncoder.following`: a row whose window was heard does not change."""
        kept, kept_from = np.zeros((0, self.dimension), np.float32), 0  # whole rows, and the first one's number
        unit_rows, unit = whole_rows(self.rate_hz)

        def newest(samples: np.ndarray, first_sample: int, count: int) -> np.ndarray:
            nonlocal kept, kept_from
            first = first_sample // unit * unit_rows
            end = first + row_count(len(samples), self.rate_hz)
            start = end - count
            known = kept[start - kept_from :] if kept_from <= start <= kept_from + len(kept) else kept[:0]
            if len(known) < count:
                known = np.concatenate([known, self.newest_rows(samples, count - len(known))])
            whole = first + math.floor((len(samples) - self._size // 2 - 1) * self.rate_hz / SPEECH_RATE_HZ)
            kept, kept_from = known[: max(0, whole - start)], start
            return known

        return newest

    def finish(self, rows: np.ndarray) -> np.ndarray:
        """Levels relative to the clip's speech level."""
        db = 10 / np.log(10)
        # White noise of RMS r has power r^2 in every bin, once the window's energy is divided out.
        level = speech_level(np.log(np.exp(rows.astype(np.float64)).mean(axis=1)), self.rate_hz)
        relative_db = db * np.logaddexp(rows - level, -RANGE_DB / db)
        return ((relative_db - ZERO_DB) / UNIT_DB).astype(np.float32)
