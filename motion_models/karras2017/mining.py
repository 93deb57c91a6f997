"""Finding emotion vectors worth keeping among those that were learned (Karras et al. 2017, section 3.4).

The paper looks at vectors one by one, and keeps those that hold the mouth still and closed in silence and move
naturally in speech. Here both are measured; the user only looks at what is left, and gives it names.

A few minutes of somebody who talks to a camera hold moods that lie half a millimetre apart, which nobody can tell from
each other. So each is taken as strongly as the mouth still speaks and rests as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import uniform_filter1d

from face_model import mp478
from face_model.morphable_model import MorphableModel
from face_model.tracks import MOTION_FPS, SpeechFeatures
from foundation.errors import InputError
from motion_models.examples import MotionExample
from motion_models.karras2017.emotions import EmotionCourse
from motion_models.karras2017.model import Karras2017
from motion_models.lips import lip_gap_mm

TRIES, NEUTRAL_TRIES, NEUTRAL_FRAMES = 120, 16, 1800
SMOOTH_FRAMES = 15  # a vector is the mean over half a second
STABLE = 0.5  # deviation within that half second, in deviations of all vectors
CLOSED = 0.2  # lip gap in silence above the smallest of speech, as a share of the range of speech
SHIFTED = 0.1  # mean lip gap in speech off the neutral vector's, as a share of the same
NATURAL = 0.95  # correlation of the lip gap in speech with the neutral vector's, and between any two
AMPLITUDES = (0.67, 1.5)  # of the lip gap in speech, against the neutral vector's
DIRECTIONS = 24  # of the vectors tried, those whose faces differ most from each other are taken further
STRENGTHS = (4.0, 3.0, 2.0, 1.5, 1.0)  # of what a vector differs from neutral by
FARTHEST_MM = 2.5  # of a mean face from neutral; EMOTE's strongest emotions
DISTINCT_MM = 0.7  # root mean square over the vertices, between mean faces: the least that people see side by side


@dataclass(frozen=True)
class Candidate:
    """A vector that may be worth a name.

    index: by which it is kept. vector: `[E]`. clip, time_s: when in the training footage it was felt; strength: times
    as strongly as there. silent_gap: lip gap in silence as a share of the range of speech. gap_correlation, gap_ratio:
    of its lip gap with the neutral vector's for the same sound, and of their deviations. distance_mm: of its mean face
    from the neutral vector's.
    """

    index: int
    vector: np.ndarray
    clip: int
    time_s: float
    strength: float
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
    return replace(model, parts=replace(model.parts, emotions=emotions, residual_mm=residual_mm), course=None)


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
    felt = [plain, *(_try(model, means[frame], face) for frame in frames)]
    directions = [frames[index - 1] for index in _apart(felt, DIRECTIONS, 0.0)]
    found = {frame: one for frame in directions if (one := _strongest(model, face, means[frame], plain)) is not None}
    chosen = _apart([plain, *(one.shown for one in found.values())], most, DISTINCT_MM, NATURAL)
    if not chosen:
        raise InputError(
            f"{len(found)} of {len(directions)} emotion vectors fit to be shown", "at least one that changes the face",
            "learn from longer footage with more than one mood",
        )
    candidates = []
    for index, position in enumerate(chosen, start=1):
        frame, one = list(found.items())[position - 1]
        place = _place(frame, model.parts.emotions.lengths)
        away_mm = _distance_mm(one.shown.face, plain.face)
        candidates.append(Candidate(index, one.vector, *place, one.strength, *one.natural, away_mm))
    return candidates


@dataclass(frozen=True)
class _Strong:
    """A vector as strong as it may be. natural: silent gap, correlation and ratio, see `Candidate`."""

    vector: np.ndarray
    strength: float
    shown: _Tried
    natural: tuple[float, float, float]


def _strongest(model: Karras2017, face: MorphableModel, vector: np.ndarray, plain: _Tried) -> _Strong | None:
    """A vector, away from neutral as far as the mouth rests and speaks as with the neutral one; None: not even itself.
    """
    neutral = model.parts.emotions.neutral
    for strength in STRENGTHS:
        stronger = (neutral + strength * (vector - neutral)).astype(np.float32)
        shown = _try(model, stronger, face)
        natural = _natural(shown, plain)
        if natural is not None and _distance_mm(shown.face, plain.face) <= FARTHEST_MM:
            return _Strong(stronger, strength, shown, natural)
    return None


def _natural(tried: _Tried, plain: _Tried) -> tuple[float, float, float] | None:
    """Silent gap, correlation and ratio of what a vector does, if the mouth rests and speaks as with the neutral one.
    """
    lowest, range_mm = float(np.percentile(plain.gap, 5)), float(np.ptp(np.percentile(plain.gap, [5, 95]))) or 1.0
    silent = (tried.silent_mm - lowest) / range_mm
    correlation = float(np.corrcoef(tried.gap, plain.gap)[0, 1])
    ratio = float(tried.gap.std() / max(float(plain.gap.std()), 1e-9))
    shifted = abs(float(tried.gap.mean() - plain.gap.mean())) / range_mm
    alike = correlation >= NATURAL and AMPLITUDES[0] <= ratio <= AMPLITUDES[1]
    return (silent, correlation, ratio) if silent <= CLOSED and shifted <= SHIFTED and alike else None


def named_mm(model: Karras2017) -> dict[str, float]:
    """How far the mean face of each emotion that has a name is from the neutral one's, in mm, as `Candidate` has it."""
    face, emotions = mp478.load(), model.parts.emotions
    plain = _try(model, emotions.neutral, face).face
    return {name: _distance_mm(_try(model, vector, face).face, plain) for name, vector in emotions.named.items()}


def _distance_mm(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square over vertices of two shapes `[3V]`."""
    return float(np.sqrt(np.square(first - second).sum() / (len(first) / 3)))


def _apart(tried: Sequence[_Tried], most: int, distinct_mm: float, alike: float = -1.0) -> list[int]:
    """Which of the faces lie far apart, and speak alike by that correlation: each as far as can be from those before
    it, the first of all being given.
    """
    nearest = np.array([_distance_mm(one.face, tried[0].face) for one in tried])
    chosen: list[int] = []
    while len(chosen) < most and nearest.max() > distinct_mm:
        chosen.append(int(nearest.argmax()))
        last = tried[chosen[-1]]
        fits = np.array([np.corrcoef(one.gap, last.gap)[0, 1] >= alike for one in tried])
        away = [_distance_mm(one.face, last.face) for one in tried]
        nearest = np.where(fits, np.minimum(nearest, away), 0.0)
    return chosen


def _place(frame: int, lengths: Sequence[int]) -> tuple[int, float]:
    """Clip and time of a frame of the database."""
    ends = np.cumsum(lengths)
    clip = int(np.searchsorted(ends, frame, side="right"))
    return clip, float((frame - (ends[clip] - lengths[clip])) / MOTION_FPS)
