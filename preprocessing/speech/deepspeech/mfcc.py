"""The front end of DeepSpeech 0.1: cepstral coefficients of 16-bit samples, neighbours beside them, normalised.

Hannun et al. 2014 (Deep Speech) give the outline; the numbers are those that the published release was trained with,
the defaults of python_speech_features. That package has not been kept since 2017, and librosa's `mfcc` has other
filters, another logarithm and no frame energy; so the few steps stand here, over numpy's and scipy's transforms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
from scipy.fft import dct

from face_model.tracks import SPEECH_RATE_HZ

COEFFICIENTS = 26
CONTEXT = 9  # frames beside each, on either side
STACKED = (2 * CONTEXT + 1) * COEFFICIENTS
FRAME_SAMPLES, HOP_SAMPLES = 400, 160  # 25 ms every 10 ms, no window function
STEP_SAMPLES = 2 * HOP_SAMPLES  # every second frame is kept
FRONT_END_HZ = SPEECH_RATE_HZ / STEP_SAMPLES
FFT_SIZE = 512
PRE_EMPHASIS = 0.97
LIFTER = 22
TINY = float(np.finfo(np.float64).eps)  # stands for a power of zero
FULL_SCALE = 32768


def to_16_bit(samples: np.ndarray) -> np.ndarray:
    """Samples in -1..1 as 16-bit numbers (float64), cut towards zero as the published code cuts them."""
    return np.clip(np.trunc(samples.astype(np.float64) * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)


def frame_count(samples: int) -> int:
    """Frames that so many samples give, of which every second is kept; the last one is filled up with zeros."""
    frames = 1 + max(0, -(-(samples - FRAME_SAMPLES) // HOP_SAMPLES))
    return -(-frames // 2)


@cache
def _filters() -> np.ndarray:
    """Triangles `[26, FFT_SIZE / 2 + 1]` from 0 to 8000 Hz, evenly spaced in mel, cornered on whole bins."""
    highest_mel = 2595 * np.log10(1 + SPEECH_RATE_HZ / 2 / 700)
    corners_hz = 700 * (10 ** (np.linspace(0, highest_mel, COEFFICIENTS + 2) / 2595) - 1)
    corners = np.floor((FFT_SIZE + 1) * corners_hz / SPEECH_RATE_HZ)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    bins = np.arange(FFT_SIZE // 2 + 1)
    return np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))


def cepstra(frames: np.ndarray) -> np.ndarray:
    """Coefficients `[n, 26]` of pre-emphasised frames `[n, 400]`; the first is the logarithm of the frame's energy."""
    spectrum = np.fft.rfft(frames, FFT_SIZE)
    power = (spectrum.real**2 + spectrum.imag**2) / FFT_SIZE
    energy, bands = power.sum(axis=1), power @ _filters().T
    rows = dct(np.log(np.where(bands == 0, TINY, bands)), type=2, norm="ortho", axis=1)
    rows *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)
    rows[:, 0] = np.log(np.where(energy == 0, TINY, energy))
    return rows


def stream_cepstra(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Consecutive coefficients `[n, 26]`, 50 a second, of consecutive pieces of 16-bit samples.

    Row k is of the 25 ms from k / 50 s on.
    """
    waiting, before, total, given = np.zeros(0), 0.0, 0, 0
    for piece in pieces:
        if len(piece) == 0:
            continue
        waiting = np.concatenate([waiting, piece - PRE_EMPHASIS * np.concatenate([[before], piece[:-1]])])
        before, total = float(piece[-1]), total + len(piece)
        ready = max(0, (len(waiting) - FRAME_SAMPLES) // STEP_SAMPLES + 1)
        if ready:
            yield cepstra(_frames(waiting, ready))
            waiting, given = waiting[ready * STEP_SAMPLES :], given + ready
    rest = frame_count(total) - given if total else 0
    if rest:
        yield cepstra(_frames(np.pad(waiting, (0, rest * STEP_SAMPLES + FRAME_SAMPLES)), rest))


def _frames(samples: np.ndarray, count: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(samples, FRAME_SAMPLES)[: count * STEP_SAMPLES : STEP_SAMPLES]


class ClipNormalizer:
    """Neighbours beside each row, then zero mean and unit deviation over all numbers of the clip.

    Zeros stand before the clip and after it, and count; so each row weighs as often as it is somebody's neighbour.

    Args:
        rows: all coefficients of the clip `[T, 26]`.
    """

    def __init__(self, rows: np.ndarray) -> None:
        position = np.arange(len(rows))
        uses = np.minimum(position, CONTEXT) + np.minimum(position[::-1], CONTEXT) + 1
        count = len(rows) * STACKED
        self.mean = float(uses @ rows.sum(axis=1)) / count
        self.deviation = float(np.sqrt(uses @ (rows**2).sum(axis=1) / count - self.mean**2))
        self._padded = np.pad(rows, ((CONTEXT, CONTEXT), (0, 0)))

    def stacked(self, first: int, last: int) -> np.ndarray:
        """The network's input `[last - first, 494]` for some of the clip's rows, oldest neighbour first."""
        near = np.lib.stride_tricks.sliding_window_view(self._padded, 2 * CONTEXT + 1, axis=0)[first:last]
        return ((near.transpose(0, 2, 1).reshape(-1, STACKED) - self.mean) / self.deviation).astype(np.float32)
