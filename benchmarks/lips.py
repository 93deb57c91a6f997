"""Lips from sound, judged: the rows that every benchmark of motion prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from evaluation.loading import clip_of_motion
from evaluation.metrics.lips import gap_amplitude_ratio, gap_correlation, width_amplitude_ratio, width_correlation
from evaluation.mouth import lip_gap
from face_model.tracks import MOTION_FPS, FaceMotion, Sound, SpeechFeatures

HOLD_OUT = 0.15  # of a video, at its end: what is judged on
SEEDS = 3  # what is random in a motion is averaged over so many
SILENCE_S, CLOSED_BY_S = 2.0, 0.3
Rows = dict[str, float]
Synthesize = Callable[[SpeechFeatures], FaceMotion]
Encode = Callable[[Sound], SpeechFeatures]


def lips_row(name: str, made: FaceMotion, truth: FaceMotion) -> Rows:
    """Lip gap and width against the truth, over the frames given."""
    heads = clip_of_motion(made, name).head, clip_of_motion(truth, "truth").head
    return {
        f"lip-gap correlation, {name}": gap_correlation(*heads).at_zero,
        f"lip-width correlation, {name}": width_correlation(*heads).at_zero,
        f"lip-gap amplitude ratio, {name}": gap_amplitude_ratio(*heads),
        f"lip-width amplitude ratio, {name}": width_amplitude_ratio(*heads),
    }


def mean_rows(scored: Sequence[Rows]) -> Rows:
    """The mean of each row over several measurements."""
    return {key: float(np.mean([rows[key] for rows in scored])) for key in scored[0]}


def wrong_sound(own: Sound, other: Sound | None) -> Sound:
    """Speech that does not belong to the lips, as long as their own: somebody else's, or their own half a clip late."""
    if other is None:
        return Sound(np.roll(own.samples, len(own.samples) // 2), own.rate_hz)
    return Sound(np.resize(other.samples, len(own.samples)), own.rate_hz)


def silence_rows(synthesize: Synthesize, encode: Encode, sound: Sound) -> Rows:
    """Two seconds of silence put into the middle of the sound: how soon the lips rest closed, and how closed."""
    middle = len(sound.samples) // 2
    quiet = np.zeros(round(SILENCE_S * sound.rate_hz), np.float32)
    samples = np.concatenate((sound.samples[:middle], quiet, sound.samples[middle:]))
    gap = lip_gap(clip_of_motion(synthesize(encode(Sound(samples, sound.rate_hz))), "silence").head)
    start = round(middle / sound.rate_hz * MOTION_FPS)
    silent = gap[start : start + round(SILENCE_S * MOTION_FPS)]
    limit = 0.1 * np.percentile(gap, 95)
    closed = np.flatnonzero(silent <= limit)
    settled = silent[round(CLOSED_BY_S * MOTION_FPS) : -round(0.2 * MOTION_FPS)]  # lips open before speech begins anew
    return {
        "lips closed after silence begins, s": float(closed[0] / MOTION_FPS) if len(closed) else float("inf"),
        "lip gap in silence from 0.3 s on, % of its 95th percentile": 10 * float(settled.max() / limit),
    }
