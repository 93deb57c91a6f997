"""Sound to gain-free log-mel frames: 80 bands, 100 frames a second, frame j centred on the instant j / 100 s."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

SAMPLE_RATE_HZ = 16000
FRAME_RATE_HZ = 100
HOP_SAMPLES = SAMPLE_RATE_HZ // FRAME_RATE_HZ
WINDOW_SAMPLES = 400
FFT_SAMPLES = 512
MEL_BANDS = 80

POWER_FLOOR = 1e-13
"""Power below which sound counts as nothing: 20 dB under the rounding to 16 bits."""
LEVEL_WINDOW_S = 6.0
"""Length of the stretch whose speech sets the level and the mean spectrum that are taken away."""
LEVEL_EXPONENT = 0.5
"""The level is a power mean of this exponent: a cough of a third of a second, 20 dB louder than the speech, moves it by
4 dB; it would move the mean power by 8.
"""
LOUDEST_WINDOW_S = 8.0
"""Length of the stretch in which the loudest level is looked for."""
CAUSAL_MEMORY_S = 3.0
"""Time after which sound weighs 1/e in the causal level and mean spectrum."""
SPEECH_RANGE_NEPER = 3.5
"""Frames within this of the level (15 dB in power) count as speech for the mean spectrum."""
QUIET_RANGE_NEPER = 6.0
"""The level never falls further than this (26 dB) below the loudest one near: a long pause is not amplified."""
FLOOR_RANGE_NEPER = 9.0
"""Bands more than this (39 dB) under their mean spectrum in speech are cut off."""
SCALE = 2.0


def _mel(hz: np.ndarray | float) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hz) / 700.0)


@lru_cache(maxsize=32)
def mel_filters(warp: float = 1.0) -> Tensor:
    """Triangular filters `[257, 80]` over 50-7800 Hz, the axis stretched by `warp`: another vocal tract."""
    edges_hz = 700.0 * np.expm1(np.linspace(_mel(50.0), _mel(7800.0), MEL_BANDS + 2) / 1127.0)
    # Bands keep the upper end in place: warp up to 4.8 kHz, then straight to the top (Jaitly and Hinton 2013, VTLP).
    knee_hz = 4800.0 * min(warp, 1.0)
    top_hz = SAMPLE_RATE_HZ / 2
    upper = top_hz - (top_hz - knee_hz) / (top_hz - knee_hz / warp) * (top_hz - edges_hz)
    edges_hz = np.where(edges_hz <= knee_hz / warp, edges_hz * warp, upper)
    bins_hz = np.arange(FFT_SAMPLES // 2 + 1) * SAMPLE_RATE_HZ / FFT_SAMPLES
    low, centre, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz[:, None] - low) / (centre - low)
    falling = (high - bins_hz[:, None]) / (high - centre)
    filters = np.clip(np.minimum(rising, falling), 0.0, None)
    # The narrow low filters may fall between two bins; every filter passes its nearest one.
    nearest = np.abs(bins_hz[:, None] - centre).argmin(axis=0)
    filters[nearest, np.arange(MEL_BANDS)] = np.maximum(filters[nearest, np.arange(MEL_BANDS)], 0.5)
    return torch.from_numpy(filters / filters.sum(axis=0)).float()


def mel_power(sound: Tensor, filters: Tensor) -> Tensor:
    """Power in mel bands `[B, T, 80]` of sound `[B, N]` (T = N // 160 + 1); filters `[257, 80]` or `[B, 257, 80]`."""
    window = torch.hann_window(WINDOW_SAMPLES, device=sound.device)
    spectrum = torch.stft(
        sound, FFT_SAMPLES, HOP_SAMPLES, WINDOW_SAMPLES, window, center=True, pad_mode="constant", return_complex=True
    )
    power = torch.view_as_real(spectrum).square().sum(-1).transpose(1, 2) / WINDOW_SAMPLES
    return power @ filters.to(sound)


def _centred_mean(values: Tensor) -> Tensor:
    """Mean over a stretch of `LEVEL_WINDOW_S` around each frame; values `[B, T, C]`. The ends use what is there."""
    length = values.shape[1]
    half = int(LEVEL_WINDOW_S * FRAME_RATE_HZ / 2)
    sums = nn.functional.pad(values.double().cumsum(1), (0, 0, 1, 0))
    frames = torch.arange(length, device=values.device)
    start, end = (frames - half).clamp(min=0), (frames + half + 1).clamp(max=length)
    return ((sums[:, end] - sums[:, start]) / (end - start)[:, None]).to(values)


def _near_max(values: Tensor, causal: bool) -> Tensor:
    """Maximum over `LOUDEST_WINDOW_S` around each frame, or before it when causal; values `[B, T, C]`."""
    half = int(LOUDEST_WINDOW_S * FRAME_RATE_HZ / 2)
    before, after = (2 * half, 0) if causal else (half, half)
    padded = nn.functional.pad(values.transpose(1, 2), (before, after), value=-math.inf)
    return nn.functional.max_pool1d(padded, 2 * half + 1, 1).transpose(1, 2)


def _past_mean(values: Tensor) -> Tensor:
    """Exponentially forgetting mean over the past and the present; values `[B, T, C]`."""
    from scipy.signal import lfilter  # half a second to load, and only the causal network needs it

    keep = math.exp(-1.0 / (CAUSAL_MEMORY_S * FRAME_RATE_HZ))
    total = lfilter([1.0], [1.0, -keep], values.double().cpu().numpy(), axis=1)
    weight = (1 - keep ** np.arange(1, values.shape[1] + 1)) / (1 - keep)
    return torch.from_numpy(total / weight[:, None]).to(values)


def normalise(power: Tensor, causal: bool = False, newest: int | None = None) -> Tensor:
    """Log-mel `[B, T, 80]` without the recording's gain and mean spectrum, from `mel_power`; about -4.5 to 4.

    The level is a mean (`LEVEL_EXPONENT`) of the power of `LEVEL_WINDOW_S` around a frame; the mean spectrum is taken
    over the frames near that level, so pauses do not shift it. A factor on the sound cancels as long as it stays above
    `POWER_FLOOR`. `causal` uses the past alone. newest: only so many of the last frames, or some more, are wanted.
    Where there is nothing at all, every band is at its lowest, in a clip
    that is silent throughout as in a pause between words.
    """
    mean = _past_mean if causal else _centred_mean
    power = power + POWER_FLOOR
    loudness = power.mean(-1, keepdim=True)
    level = mean(loudness**LEVEL_EXPONENT).log() / LEVEL_EXPONENT
    level = torch.maximum(level, _near_max(level, causal) - QUIET_RANGE_NEPER)
    speech = torch.sigmoid((loudness.log() - level + SPEECH_RANGE_NEPER) / 0.5) + 1e-3
    if newest is not None and not causal:  # further away is nothing that their mean spectrum depends on
        near = newest + int(LEVEL_WINDOW_S * FRAME_RATE_HZ / 2)
        power, loudness, speech = power[:, -near:], loudness[:, -near:], speech[:, -near:]
    log_mel = power.log()
    spectrum = mean(speech * log_mel) / mean(speech)
    relative = (log_mel - spectrum).clamp(min=-FLOOR_RANGE_NEPER)
    return torch.where(loudness > 2 * POWER_FLOOR, relative, -FLOOR_RANGE_NEPER) / SCALE
