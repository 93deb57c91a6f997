"""Sound as slices on one grid, and batches of runs of frames. A batch is a pure function of the generator's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from face_model.tracks import MOTION_FPS
from foundation.errors import InputError
from motion_models.examples import MotionExample, rows_at
from motion_models.karras2017.config import KarrasConfig
from motion_models.karras2017.network import SLICE_RATE_HZ, SLICES
from motion_models.statistics import FeatureStatistics

HALF = (SLICES - 1) / 2  # slices from the first that a frame sees to its own instant


def first_slice(frame: float | np.ndarray) -> np.ndarray:
    """Where on the grid of slices the 64 of a frame begin; fractional."""
    return np.asarray(frame, np.float64) * SLICE_RATE_HZ / MOTION_FPS - HALF


def slices_of(
    rows: np.ndarray, rate_hz: float, first: int, count: int, outside: np.ndarray, origin: int = 0
) -> np.ndarray:
    """Slices `[count, F]` from number `first` on, of speech rows `[T, F]` at `rate_hz`: interpolated linearly, and
    `outside` `[F]` before and after them. The rows' first is number `origin` of the sound.
    """
    position = (first + np.arange(count)) * (rate_hz / SLICE_RATE_HZ) - origin
    return rows_at(rows, position, outside).astype(np.float32)


def look(
    rows: np.ndarray, rate_hz: float, start: float, frames: int, outside: np.ndarray, origin: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """All slices `[S, F]` that `frames` frames from `start` on see, and where among them each frame's begin
    `[frames]`.
    """
    positions = first_slice(start + np.arange(frames))
    first = int(np.floor(positions[0]))
    count = int(np.floor(positions[-1])) - first + SLICES + 1
    return slices_of(rows, rate_hz, first, count, outside, origin), (positions - first).astype(np.float32)


def rows_seen(frame: int, rate_hz: float) -> tuple[int, int]:
    """Numbers of the first and the last speech row at `rate_hz` that a frame looks at."""
    first = int(np.floor(first_slice(frame)))
    per_slice = rate_hz / SLICE_RATE_HZ
    return int(np.floor(first * per_slice)), int(np.ceil((first + SLICES) * per_slice))


@dataclass(frozen=True)
class Rest:
    """What a face does in silence. expression: `[E]`. region: `[3V]` 0-1, the part of the face that rests."""

    expression: np.ndarray
    region: np.ndarray


@dataclass(frozen=True)
class _Clip:
    """An example, normalised. rows `[T', F]`, expression `[T, E]`, valid `[T]` 0 or 1; its first emotion vector."""

    rows: np.ndarray
    rate_hz: float
    expression: np.ndarray
    valid: np.ndarray
    first_vector: int


@dataclass(frozen=True)
class Batch:
    """slices `[R, S, F]`, position `[R, n]`, expression `[R, n, E]`, seen `[R, n]`, frames `[R, n]` (of the emotion
    database), silent `[R]`, elsewhere `[R]` (a frame whose emotion is felt instead; -1 for the run's own), mood `[R]`
    (that is felt on top, -1 for none), strength `[R]` (of the one or the other).
    """

    slices: Tensor
    position: Tensor
    expression: Tensor
    seen: Tensor
    frames: Tensor
    silent: Tensor
    elsewhere: Tensor
    mood: Tensor
    strength: Tensor


class RunSet:
    """All runs of some examples, and augmented batches of them.

    Args:
        examples: clips; those shorter than a run are left out.
        features: statistics of their speech features.
        config: see there.
        rest: what silence is learned with; None leaves silence out.
        moods: how many are taught.

    Raises:
        InputError: every clip is too short.
    """

    def __init__(
        self, examples: Sequence[MotionExample], features: FeatureStatistics, config: KarrasConfig, rest: Rest | None,
        moods: int = 0,
    ) -> None:
        self.config, self.rest, self.moods = config, rest, moods
        self.outside = features.outside
        self.clips: list[_Clip] = []
        frames = 0
        for example in examples:
            rows = features.normalise(example.features.values)
            motion, valid = example.motion.expression, example.valid.astype(np.float32)
            self.clips.append(_Clip(rows, example.features.rate_hz, motion, valid, frames))
            frames += len(motion)
        self.frames = frames
        need = config.run_frames + 1  # a run may start between two frames
        self.starts = [(k, s) for k, clip in enumerate(self.clips) for s in range(len(clip.valid) - need + 1)]
        if not self.starts:
            raise InputError(f"clips of fewer than {need} frames", f"at least {need} frames in one", "longer footage")

    def batch(self, generator: np.random.Generator) -> Batch:
        """Runs drawn by chance, each moved by up to half a frame, some of them silent."""
        config = self.config
        chosen = generator.integers(0, len(self.starts), config.batch_runs)
        made = [self._run(*self.starts[int(k)], generator) for k in chosen]
        most = max(len(run[0]) for run in made)
        slices = np.stack([np.pad(run[0], ((0, most - len(run[0])), (0, 0)), mode="edge") for run in made])
        others = (np.stack(part) for part in zip(*(run[1:] for run in made), strict=True))
        return Batch(*map(torch.from_numpy, (slices, *others)))

    def _run(self, index: int, start: int, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
        """The parts of a batch, for one run."""
        clip, config, count = self.clips[index], self.config, self.config.run_frames
        shift = float(generator.uniform(-1, 1)) * config.shift_frames if start > 0 else 0.0
        slices, position = look(clip.rows, clip.rate_hz, start + shift, count, self.outside)
        low = start + (0 if shift >= 0 else -1)
        share = np.float32(shift % 1.0)
        span = clip.expression[low : low + count + 1]
        expression = span[:-1] * (1 - share) + span[1:] * share
        seen = clip.valid[low : low + count] * clip.valid[low + 1 : low + count + 1]
        silent = self.rest is not None and generator.random() < config.silence_share
        if silent:
            assert self.rest is not None
            expression = np.broadcast_to(self.rest.expression, expression.shape).copy()
            noise = config.silence_noise * generator.standard_normal(slices.shape)
            slices = (self.outside + noise).astype(np.float32)
        frames = clip.first_vector + start + np.arange(count)
        other = int(generator.integers(self.frames))
        elsewhere = -1 if generator.random() >= config.exchange_share else other
        told = slices, position, expression.astype(np.float32), seen, frames, np.array(silent), np.array(elsewhere)
        return *told, *self._mood(elsewhere, generator)

    def _mood(self, elsewhere: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Which mood a run feels, and how strongly it feels that or another moment's."""
        mood, strength, config = -1, float(generator.random()), self.config
        if elsewhere >= 0:
            strength = 1 + (config.exchange_reach - 1) * strength
        elif self.moods and generator.random() < config.mood_share:
            mood = int(generator.integers(self.moods))
        return np.array(mood), np.array(strength, np.float32)

