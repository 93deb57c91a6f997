"""From clips with ARKit values to batches of windows. A batch is a pure function of the step's generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from face_model.tracks import MOTION_FPS
from foundation.errors import InputError
from motion_models.arkit.config import Augmentation
from motion_models.arkit.statistics import CurveStatistics, arkit_of, curves_at
from motion_models.augmentation import Silence
from motion_models.examples import MotionExample, held_at
from motion_models.statistics import FeatureStatistics

MIN_VALID_SHARE = 0.5
CLOSING_S, OPENING_S = 0.17, 0.13  # how long lips take to come to rest in silence, and to leave it before speech


@dataclass(frozen=True)
class _Clip:
    """An example at the speech rows' rate, normalised: rows `[T, F]`, curves `[T, 52]`, seen `[T]`, closed `[52]`."""

    rows: np.ndarray
    curves: np.ndarray
    seen: np.ndarray
    closed: np.ndarray


@dataclass(frozen=True)
class Batch:
    """rows `[B, T + 2 reach, F]`, curves `[B, T, 52]`, mask `[B, T]`."""

    rows: Tensor
    curves: Tensor
    mask: Tensor


class CurveWindows:
    """Windows of clips, drawn at random, changed as `augmentation` says.

    Args:
        examples: clips of one speech encoder. people: statistics of each speaker. features: of the speech features.
        augmentation: see there. window_s: length of a window. reach: rows that the network sees either side of one.

    Raises:
        InputError: no clip shows the face in enough of its frames.
    """

    def __init__(
        self, examples: Sequence[MotionExample], people: dict[str, CurveStatistics], features: FeatureStatistics,
        augmentation: Augmentation, window_s: float, reach: int,
    ) -> None:
        self.rate_hz = examples[0].features.rate_hz
        self.outside = features.outside
        self.knows_silence = any(example.silence is not None for example in examples)
        self.augmentation, self.reach, self.count = augmentation, reach, round(window_s * self.rate_hz)
        clips = [self._clip(example, people[example.speaker], features) for example in examples]
        self.clips = [clip for clip in clips if clip.seen.mean() >= MIN_VALID_SHARE]
        if not self.clips:
            raise InputError("no clip with enough valid frames", "footage that shows the face most of the time")
        lengths = np.array([len(clip.rows) for clip in self.clips], float)
        self.shares = lengths / lengths.sum()

    def _clip(self, example: MotionExample, person: CurveStatistics, features: FeatureStatistics) -> _Clip:
        rows = features.normalise(example.features.values)
        time_s = np.arange(len(rows)) / self.rate_hz
        curves = curves_at(person.normalise(arkit_of(example)), MOTION_FPS, time_s).astype(np.float32)
        frame = np.clip(np.floor(time_s * MOTION_FPS).astype(int), 0, len(example.valid) - 1)
        following = np.minimum(frame + 1, len(example.valid) - 1)
        seen = example.valid[frame].astype(bool) & example.valid[following].astype(bool)
        seen &= time_s * MOTION_FPS <= len(example.valid) - 1
        return _Clip(rows, curves, seen.astype(np.float32), person.normalise(person.closed))

    def batch(self, size: int, generator: np.random.Generator) -> Batch:
        """So many windows, from clips chosen as often as they are long."""
        chosen = generator.choice(len(self.clips), size, p=self.shares)
        items = [self._window(self.clips[index], generator) for index in chosen]
        return Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*items, strict=True)))

    def _window(self, clip: _Clip, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        change = self.augmentation
        pace = 1.0 + change.stretch * generator.uniform(-1, 1)
        slack = len(clip.rows) - 1 - pace * (self.count - 1)
        first = generator.uniform(min(0.0, slack), max(0.0, slack))
        position = first + pace * np.arange(-self.reach, self.count + self.reach)
        rows = _read(clip.rows, position, self.outside)
        inside = position[self.reach : self.reach + self.count]
        curves, mask = held_at(clip.curves, inside), _read(clip.seen[:, None], inside, np.zeros(1))[:, 0] > 0.99
        rows = rows + change.gain * generator.standard_normal() + change.noise * generator.standard_normal(rows.shape)
        mask = mask.astype(np.float32)
        if self.knows_silence and generator.random() < change.silence_share:
            self._silence(rows, curves, mask, clip.closed, generator)
        return rows.astype(np.float32), curves.astype(np.float32), mask

    def _silence(
        self, rows: np.ndarray, curves: np.ndarray, mask: np.ndarray, closed: np.ndarray, generator: np.random.Generator
    ) -> None:
        """Put a stretch of silence into the speech and closed lips into the curves, in place."""
        shortest_s, longest_s = self.augmentation.silence_s
        length = round(generator.uniform(shortest_s, longest_s) * self.rate_hz)
        silence = Silence.drawn(length, self.count, generator)
        quiet = silence.rows(self.reach, len(rows))
        noise = 0.5 * self.augmentation.noise * generator.standard_normal((quiet.stop - quiet.start, rows.shape[1]))
        rows[quiet] = self.outside + noise
        share = silence.closed(self.count, CLOSING_S * self.rate_hz, OPENING_S * self.rate_hz)[:, None]
        curves += share * (closed - curves)
        mask[share[:, 0] > 0.99] = 1.0


def _read(values: np.ndarray, position: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Rows of `[T, N]` at fractional positions, linear between; `outside` `[N]` before and after them."""
    rows = held_at(values, position)
    rows[(position < 0) | (position > len(values) - 1)] = outside
    return rows
