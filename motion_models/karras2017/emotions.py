"""Emotion vectors: those learned for the training frames, the one in between, and those that the user named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from foundation.errors import InputError
from motion_models.directions import AskedEmotion

NEUTRAL = "neutral"


def drawn_vectors(lengths: Sequence[int], size: int, scale: float, memory_frames: float, seed: int) -> np.ndarray:
    """Vectors `[N, size]` to start from, of clips of these lengths: noise of deviation `scale`, smoothed over so many
    frames (deviation of the Gaussian; 0 leaves it white), no clip knowing of the others.
    """
    generator = np.random.default_rng([seed, 6])
    clips = []
    for length in lengths:
        reach = round(4 * memory_frames)
        noise = generator.standard_normal((length + 2 * reach, size))
        smooth = gaussian_filter1d(noise, memory_frames, axis=0)[reach : reach + length] if reach else noise
        gain = np.sqrt(2 * np.sqrt(np.pi) * memory_frames) if reach else 1.0  # what smoothing takes from the deviation
        clips.append(scale * gain * smooth)
    return np.concatenate(clips).astype(np.float32)


@dataclass(frozen=True)
class Emotions:
    """What a model knows of emotions.

    database: `[N, E]`, a vector for every training frame. lengths: frames of each clip, in order. neutral: `[E]`, the
    one that fits all frames best. named: `[E]` each, kept by the user.
    """

    database: np.ndarray
    lengths: tuple[int, ...]
    neutral: np.ndarray
    named: Mapping[str, np.ndarray] = field(default_factory=dict)

    def with_names(self, named: Mapping[str, np.ndarray]) -> Emotions:
        """With more names; one that is known gets its new vector.

        Raises:
            InputError: a name that means something else.
        """
        bad = [name for name in named if name == NEUTRAL or not name.replace("_", "").replace("-", "").isalnum()]
        if bad:
            raise InputError(f"emotion name '{bad[0]}'", f"letters, digits, - and _, other than '{NEUTRAL}'")
        return replace(self, named={**self.named, **named})

    def vector(self, asked: AskedEmotion) -> np.ndarray:
        """`[E]`: so far from neutral to the named one.

        Raises:
            InputError: no emotion of that name.
        """
        known = {NEUTRAL: self.neutral, **self.named}
        if asked.name not in known:
            remedy = "" if self.named else "find and keep some with `talking-head emotions mine`"
            raise InputError(f"emotion '{asked.name}'", f"one of {', '.join(known)}", remedy)
        return (self.neutral + asked.intensity * (known[asked.name] - self.neutral)).astype(np.float32)

    def slowness(self) -> float:
        """Root mean square of the vectors' frame differences over their deviation: 1.41 for white noise."""
        ends = np.cumsum(self.lengths)[:-1]
        steps = [part for clip in np.split(self.database, ends) for part in [np.diff(clip, axis=0)] if len(part)]
        change = np.concatenate(steps)
        return float(np.sqrt(np.square(change).mean() / max(float(self.database.var(0).mean()), 1e-20)))


@dataclass(frozen=True)
class EmotionCourse:
    """Emotion over time: vectors `[K, E]` at times `[K]`, blended linearly between them and held outside."""

    times_s: np.ndarray
    vectors: np.ndarray

    @staticmethod
    def of(emotions: Emotions, asked: Sequence[AskedEmotion]) -> EmotionCourse:
        """The course through what is asked for, in order of time."""
        return EmotionCourse(
            np.array([one.time_s for one in asked]), np.stack([emotions.vector(one) for one in asked])
        )

    def at(self, times_s: np.ndarray) -> np.ndarray:
        """`[T, E]`."""
        columns = [np.interp(times_s, self.times_s, column) for column in self.vectors.T]
        return np.stack(columns, axis=1).astype(np.float32)
