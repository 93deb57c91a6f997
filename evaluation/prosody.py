"""What the sound does at each video frame: loudness, speech or silence, pitch, and the beats of prosody."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from evaluation.curves import runs
from face_model.tracks import Sound

_WINDOW_S = 0.05  # THEval's loudness window
_SPEECH_RANGE_DB = 30.0  # speech lies within this of its loud parts
_PAUSE_DB = 12.0  # a clip whose loudness varies less has no pause from which to read its noise floor
_HOLD_S = 0.1  # shorter dips inside speech are closures of stops, not silence
_PITCH_WINDOW_S, _LOWEST_HZ, _HIGHEST_HZ, _VOICED = 0.04, 60.0, 400.0, 0.5
_BEAT_SMOOTHING_S, _BEAT_DISTANCE_S = 0.06, 0.2
_SILENT_RMS = 1e-4  # -80 dB of full scale: digital silence


def loudness(sound: Sound, fps: float, frames: int) -> np.ndarray:
    """`[T]`: root mean square of the sound in 50 ms around each frame's instant (k / fps); 0 where the sound has ended.
    """
    half = max(1, int(_WINDOW_S * sound.rate_hz / 2))
    energy = np.concatenate([[0.0], np.cumsum(sound.samples.astype(np.float64) ** 2)])
    centre = np.round(np.arange(frames) * sound.rate_hz / fps).astype(int)
    first = np.clip(centre - half, 0, len(sound.samples))
    last = np.clip(centre + half, 0, len(sound.samples))
    return np.sqrt(np.maximum(energy[last] - energy[first], 0) / np.maximum(last - first, 1))


def speech_mask(sound: Sound, fps: float, frames: int) -> np.ndarray:
    """`[T]` bool: frames of speech, by loudness within 30 dB of the clip's 95th percentile and above its noise floor.

    Dips shorter than 0.1 s inside speech count as speech. A clip of digital silence has none.
    """
    level = loudness(sound, fps, frames)
    loud = np.percentile(level, 95)
    if loud < _SILENT_RMS:
        return np.zeros(frames, bool)
    level_db = 20 * np.log10(np.maximum(level, 1e-9))
    loud_db, floor_db = 20 * np.log10(loud), max(np.percentile(level_db, 5), 20 * np.log10(_SILENT_RMS))
    threshold_db = loud_db - _SPEECH_RANGE_DB
    if loud_db - floor_db > _PAUSE_DB:
        threshold_db = max(threshold_db, floor_db + 0.3 * (loud_db - floor_db))
    mask = level_db > threshold_db
    for gap in runs(~mask):
        if gap.start > 0 and gap.stop < frames and gap.stop - gap.start < _HOLD_S * fps:
            mask[gap] = True
    return mask


def silences(sound: Sound, fps: float, frames: int, minimum_s: float = 0.3) -> np.ndarray:
    """`[T]` bool: frames in silences of at least `minimum_s`."""
    mask = np.zeros(frames, bool)
    for stretch in runs(~speech_mask(sound, fps, frames), max(1, int(np.ceil(minimum_s * fps)))):
        mask[stretch] = True
    return mask


def pitch_hz(sound: Sound, fps: float, frames: int) -> np.ndarray:
    """`[T]`: fundamental frequency at each frame, NaN where unvoiced, by normalised autocorrelation (Boersma 1993,
    without its path search).
    """
    size = int(_PITCH_WINDOW_S * sound.rate_hz)
    shortest, longest = int(sound.rate_hz / _HIGHEST_HZ), int(sound.rate_hz / _LOWEST_HZ)
    padded = np.pad(sound.samples.astype(np.float64), (size // 2, size + longest))
    voiced = speech_mask(sound, fps, frames)
    pitch = np.full(frames, np.nan)
    for frame in np.flatnonzero(voiced):
        start = min(int(round(frame * sound.rate_hz / fps)), len(sound.samples))
        pitch[frame] = _window_pitch_hz(padded[start : start + size + longest], size, shortest, longest, sound.rate_hz)
    return pitch


def beats(sound: Sound, fps: float, frames: int) -> np.ndarray:
    """Times in seconds of the beats of speech: peaks of smoothed loudness that stand out, and peaks of the pitch
    contour.
    """
    level = gaussian_filter1d(loudness(sound, fps, frames), _BEAT_SMOOTHING_S * fps)
    if level.max(initial=0.0) < _SILENT_RMS:
        return np.zeros(0)
    distance = max(1, int(_BEAT_DISTANCE_S * fps))
    peaks, _ = find_peaks(level, prominence=0.5 * level.std(), distance=distance)
    pitch = pitch_hz(sound, fps, frames)
    accents: list[int] = []
    for stretch in runs(np.isfinite(pitch), max(3, distance)):
        contour = gaussian_filter1d(np.log(pitch[stretch]), _BEAT_SMOOTHING_S * fps)
        accents += list(find_peaks(contour, prominence=0.05, distance=distance)[0] + stretch.start)
    return np.unique(np.concatenate([peaks, np.array(accents, int)])) / fps


def _window_pitch_hz(window: np.ndarray, size: int, shortest: int, longest: int, rate_hz: int) -> float:
    """Pitch of one window by the normalised cross-correlation of its start with its later parts; NaN when unvoiced."""
    start = window[:size] - window[:size].mean()
    lagged = np.lib.stride_tricks.sliding_window_view(window, size)[shortest : longest + 1]
    lagged = lagged - lagged.mean(1, keepdims=True)
    power = np.sqrt((start**2).sum() * (lagged**2).sum(1)) + 1e-12
    scores = lagged @ start / power
    peak = int(np.argmax(scores))
    strong = np.flatnonzero(scores > 0.9 * scores[peak])  # the first strong lag, not a multiple of the period
    if scores[peak] < _VOICED:
        return float("nan")
    first = strong[0]
    while first + 1 < len(scores) and scores[first + 1] > scores[first]:
        first += 1
    return rate_hz / (shortest + first)
