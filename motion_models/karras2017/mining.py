"""Finding emotion vectors worth keeping among those that were learned (Karras et al. 2017, section 3.4).

The paper looks at vectors one by one, and keeps those that hold the mouth still and closed in silence and move
naturally in speech. Here both are measured; the user only looks at what is left, and gives it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from face_model import mp478
from face_model.morphable_model import MorphableModel
from face_model.tracks import MOTION_FPS, SpeechFeatures
from facial_gan.data import MotionExample
from facial_gan.lips import lip_gap_mm
from foundation.errors import InputError
from motion_models.karras2017.emotions import EmotionCourse
from motion_models.karras2017.model import Karras2017

TRIES, NEUTRAL_TRIES, NEUTRAL_FRAMES = 120, 16, 1800
SMOOTH_FRAMES = 15  # a vector is the mean over half a second
STABLE = 0.5  # deviation within that half second, in deviations of all vectors
CLOSED = 0.2  # lip gap in silence above the smallest of speech, as a share of the range of speech
NATURAL = 0.95  # correlation of the lip gap in speech with the neutral vector's, and between any two
AMPLITUDES = (0.67, 1.5)  # of the lip gap in speech, against the neutral vector's
DISTINCT_MM = 0.15  # root mean square over the vertices, between mean faces


@dataclass(frozen=True)
class Candidate:
    """A vector that may be worth a name.

    index: by which it is kept. vector: `[E]`. clip, time_s: when in the training footage it was felt. silent_gap: lip
    gap in silence as a share of the range of speech. gap_correlation, gap_ratio: of its lip gap with the neutral
    vector's for the same sound, and of their deviations. distance_mm: of its mean face from the neutral vector's.
    """

    index: int
    vector: np.ndarray
    clip: int
    time_s: float
    silent_gap: float
    gap_correlation: float
    gap_ratio: float
    distance_mm: float


def held(model: Karras2017, vector: np.ndarray) -> Karras2017:
    """The model with one emotion vector throughout."""
    return model.feeling(EmotionCourse(np.zeros(1), vector[None]))


def probe_speech(model: Karras2017) -> SpeechFeatures:
    """The stretch of training sound that travels with a model."""
    probe = model.parts.probe
    return SpeechFeatures(probe.values, probe.rate_hz, model.speech_extractor, len(probe.values) / probe.rate_hz)


def silence(model: Karras2017, seconds: float) -> SpeechFeatures:
    """What the encoder makes of silence."""
    rate_hz = model.parts.probe.rate_hz
    rows = np.tile(model.parts.features.silence, (max(1, round(seconds * rate_hz)), 1))
    return SpeechFeatures(rows, rate_hz, model.speech_extractor, seconds)


def smoothed(model: Karras2017) -> tuple[np.ndarray, np.ndarray]:
    """Means `[N, E]` over half a second about each training frame, and how far the vectors stray there `[N]`."""
    emotions = model.parts.emotions
    clips = np.split(emotions.database, np.cumsum(emotions.lengths)[:-1])
    means = np.concatenate([uniform_filter1d(clip, SMOOTH_FRAMES, axis=0, mode="nearest") for clip in clips])
    squares = [uniform_filter1d(clip**2, SMOOTH_FRAMES, axis=0, mode="nearest") for clip in clips]
    stray = np.sqrt(np.maximum(np.concatenate(squares) - means**2, 0).mean(1))
    return means, stray / max(float(emotions.database.std(0).mean()), 1e-9)


def with_best_neutral(model: Karras2017, face: MorphableModel, examples: Sequence[MotionExample]) -> Karras2017:
    """The model whose neutral vector is the one that, held throughout, fits the examples best (up to a minute of them);
    and the residual of its vertices measured.
    """
    means, _ = smoothed(model)
    tried = means[np.linspace(0, len(means) - 1, min(NEUTRAL_TRIES, len(means))).astype(int)]
    vectors = np.concatenate([model.parts.emotions.database.mean(0, keepdims=True), tried])
    basis_mm = face.expression_mm.flatten(1).numpy()
    errors, left, count = np.zeros(len(vectors)), 0.0, 0
    for example in examples:
        if count >= NEUTRAL_FRAMES:
            break
        truth, seen = example.motion.expression @ basis_mm, example.valid.astype(bool)
        for index, vector in enumerate(vectors):
            made = held(model, vector).vertices_mm(example.features, len(truth)).reshape(truth.shape)
            errors[index] += np.square((made - truth)[seen]).sum()
        left += float(np.square(made - made @ model.parts.to_expression @ basis_mm).sum())
        count += len(truth)
    emotions = replace(model.parts.emotions, neutral=vectors[int(errors.argmin())].astype(np.float32))
    residual_mm = float(np.sqrt(left / count / len(face.mean_mm)))
    parts = replace(model.parts, emotions=emotions, residual_mm=residual_mm)
    return Karras2017(parts, model.speech_extractor, model.face_model)


@dataclass(frozen=True)
class _Tried:
    """What a vector does. gap: `[T]` mm in speech; silent_mm: in silence; face: `[3V]` mean offsets over both."""

    gap: np.ndarray
    silent_mm: float
    face: np.ndarray


def _try(model: Karras2017, vector: np.ndarray, face: MorphableModel) -> _Tried:
    felt = held(model, vector)
    spoken = felt.vertices_mm(probe_speech(model))
    rest = felt.vertices_mm(silence(model, 1.0))[15]
    gap, silent = (lip_gap_mm(face, part.reshape(-1, rest.size) @ model.parts.to_expression) for part in (spoken, rest))
    return _Tried(gap, float(silent[0]), ((spoken.mean(0) + rest) / 2).ravel())


def mine(model: Karras2017, face: MorphableModel, most: int = 8) -> list[Candidate]:
    """Up to `most` vectors that are stable, close the lips in silence, move them as speech does, and look different.

    The first few are the same whatever `most` is.

    Raises:
        InputError: another face model than mp478, whose lips are not known; no such vector.
    """
    if face.id != mp478.ID:
        raise InputError(f"face model '{face.id}'", mp478.ID, "lips of others are not known")
    means, stray = smoothed(model)
    spread = np.linspace(0, len(means) - 1, min(TRIES, len(means))).astype(int)
    frames = [int(frame) for frame in spread if stray[frame] <= STABLE]
    plain = _try(model, model.parts.emotions.neutral, face)
    tried = {frame: _try(model, means[frame], face) for frame in frames}
    lowest, range_mm = float(np.percentile(plain.gap, 5)), float(np.ptp(np.percentile(plain.gap, [5, 95]))) or 1.0
    kept = {}
    for frame, found in tried.items():
        silent = (found.silent_mm - lowest) / range_mm
        correlation = float(np.corrcoef(found.gap, plain.gap)[0, 1])
        ratio = float(found.gap.std() / max(float(plain.gap.std()), 1e-9))
        if silent <= CLOSED and correlation >= NATURAL and AMPLITUDES[0] <= ratio <= AMPLITUDES[1]:
            kept[frame] = silent, correlation, ratio
    chosen = _apart([plain, *(tried[frame] for frame in kept)], most)
    if not chosen:
        raise InputError(
            f"{len(kept)} of {len(spread)} emotion vectors fit to be shown", "at least one that changes the face",
            "learn from longer footage with more than one mood",
        )
    found_at = list(kept)
    lengths = model.parts.emotions.lengths
    candidates = []
    for index, position in enumerate(chosen, start=1):
        frame = found_at[position - 1]
        away_mm = _distance_mm(tried[frame].face, plain.face)
        candidates.append(Candidate(index, means[frame], *_place(frame, lengths), *kept[frame], away_mm))
    return candidates


def _distance_mm(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square over vertices of two shapes `[3V]`."""
    return float(np.sqrt(np.square(first - second).sum() / (len(first) / 3)))


def _apart(tried: Sequence[_Tried], most: int) -> list[int]:
    """Which of the faces lie far apart and speak alike: each as far as can be from those before it, the first of all
    being given.
    """
    nearest = np.array([_distance_mm(one.face, tried[0].face) for one in tried])
    chosen: list[int] = []
    while len(chosen) < most and nearest.max() >= DISTINCT_MM:
        chosen.append(int(nearest.argmax()))
        last = tried[chosen[-1]]
        alike = np.array([np.corrcoef(one.gap, last.gap)[0, 1] >= NATURAL for one in tried])
        away = [_distance_mm(one.face, last.face) for one in tried]
        nearest = np.where(alike, np.minimum(nearest, away), 0.0)
    return chosen


def _place(frame: int, lengths: Sequence[int]) -> tuple[int, float]:
    """Clip and time of a frame of the database."""
    ends = np.cumsum(lengths)
    clip = int(np.searchsorted(ends, frame, side="right"))
    return clip, float((frame - (ends[clip] - lengths[clip])) / MOTION_FPS)
