"""From measured motion and speech features to batches of windows. A batch is a pure function of (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from face_model.tracks import EXPRESSION, MOTION_FPS, WINDOW_STEPS
from facial_gan.config import Augmentation
from foundation.errors import InputError
from motion_models.augmentation import Silence
from motion_models.examples import MotionExample, frame_rows, held_at, windows_of
from motion_models.statistics import FeatureStatistics, MotionStatistics

WINDOW_FRAMES = 128  # FACIAL, section 3.2
MIN_VALID_SHARE = 0.5  # a window with fewer seen frames is not learned from
CLOSING_FRAMES, OPENING_FRAMES = 5, 4  # how long lips take to come to rest in silence, and to leave it before speech


@dataclass(frozen=True)
class _Clip:
    """An example, normalised. rows `[T, F]`, motion `[T, 71]`, valid `[T]` 0 or 1, rest `[64]`, outside `[F]`."""

    rows: np.ndarray
    motion: np.ndarray
    valid: np.ndarray
    rest: np.ndarray
    outside: np.ndarray


@dataclass(frozen=True)
class Batch:
    """windows `[B, T, 16, F]`, motion `[B, T, 71]`, initial `[B, 71]`, mask `[B, T]`."""

    windows: Tensor
    motion: Tensor
    initial: Tensor
    mask: Tensor


class WindowSet:
    """All windows of some examples, and augmented batches of them.

    Args:
        examples: clips; those shorter than a window are held at their ends, which the mask hides.
        people: statistics of each speaker.
        features: statistics of the speech features.
        augmentation: see there.
        window_step: frames from one window to the next.

    Raises:
        InputError: no window shows the face in enough of its frames.
    """

    def __init__(
        self,
        examples: list[MotionExample],
        people: dict[str, MotionStatistics],
        features: FeatureStatistics,
        augmentation: Augmentation,
        window_step: int = 5,
    ) -> None:
        self.augmentation = augmentation
        outside = features.outside
        self.silence = outside if any(example.silence is not None for example in examples) else None
        self.clips = [
            _Clip(
                features.normalise(frame_rows(example.features, len(example.motion))),
                people[example.speaker].normalise(example.motion.pack()),
                example.valid.astype(np.float32),
                people[example.speaker].normalised_rest,
                outside,
            )
            for example in examples
        ]
        windows = [
            (index, start)
            for index, clip in enumerate(self.clips)
            for start in range(0, max(1, len(clip.motion) - WINDOW_FRAMES + 1), window_step)
            if clip.valid[start : start + WINDOW_FRAMES].mean() >= MIN_VALID_SHARE
        ]
        self.windows = [window for window in windows if not examples[window[0]].made]
        self.made = [window for window in windows if examples[window[0]].made]
        if not self.windows:
            raise InputError("no stretch with enough valid frames", "footage that shows the face most of the time")

    def steps_an_epoch(self, batch_size: int) -> int:
        """Batches that show each window of real motion about once."""
        return max(1, round(len(self.windows) / batch_size))

    def batch(
        self, step: int, batch_size: int, seed: int, generator: np.random.Generator, made_share: float = 0.0
    ) -> Batch:
        """Batch number `step`: windows in an order shuffled anew each epoch, changed by what `generator` draws.

        made_share: of the windows that come from made motion, if there is any.
        """
        made = min(batch_size, int(made_share * batch_size + generator.random())) if self.made and made_share > 0 else 0
        chosen = [self.made[int(generator.integers(len(self.made)))] for _ in range(made)]
        for position in range(step * batch_size, (step + 1) * batch_size - made):
            epoch, index = divmod(position, len(self.windows))
            chosen.append(self.windows[_order(seed, epoch, len(self.windows))[index]])
        items = [self._window(self.clips[clip], start, generator) for clip, start in chosen]
        return Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*items, strict=True)))

    def _window(
        self, clip: _Clip, start: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Speech windows, motion, initial state and mask of one augmented window."""
        change = self.augmentation
        rate = 1.0 + change.stretch * generator.uniform(-1, 1)
        first = start + generator.uniform(0, 1) - 0.5 if len(clip.motion) > WINDOW_FRAMES else 0.0
        first = float(np.clip(first, 0, max(0.0, len(clip.motion) - 1 - rate * (WINDOW_FRAMES - 1))))
        position = first + rate * np.arange(WINDOW_FRAMES)
        motion, mask = held_at(clip.motion, position).astype(np.float32), _seen(clip.valid, position)
        windows = windows_of(clip.rows, first, WINDOW_FRAMES, clip.outside, rate)
        line = np.concatenate([windows[:, 0], windows[-1, 1:]])  # overlapping windows, laid out once
        line = line + change.gain * generator.standard_normal() + change.noise * generator.standard_normal(line.shape)
        _hide(line, change.masked_frames, clip.outside, generator)
        if self.silence is not None and generator.random() < change.silence_share:
            _silence(line, motion, clip, change, generator)
        initial = motion[0] + change.initial_noise * generator.standard_normal(motion.shape[1])
        view = np.lib.stride_tricks.sliding_window_view(line.astype(np.float32), WINDOW_STEPS, axis=0)
        return view.transpose(0, 2, 1)[:WINDOW_FRAMES].copy(), motion, initial.astype(np.float32), mask


def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, 2]).permutation(count)


def _seen(valid: np.ndarray, position: np.ndarray) -> np.ndarray:
    """1 where both frames around a position are valid and it lies in the clip."""
    low = np.floor(np.clip(position, 0, len(valid) - 1)).astype(int)
    both = valid[low] * valid[np.minimum(low + 1, len(valid) - 1)]
    return (both * (position <= len(valid) - 1)).astype(np.float32)


def _hide(line: np.ndarray, most: int, outside: np.ndarray, generator: np.random.Generator) -> None:
    """Replace a short stretch of speech, in place: the motion must then follow from what is around."""
    length = int(generator.integers(0, most + 1))
    start = int(generator.integers(0, len(line) - length))
    line[start : start + length] = outside if generator.random() < 0.5 else 0.0


def _silence(
    line: np.ndarray, motion: np.ndarray, clip: _Clip, change: Augmentation, generator: np.random.Generator
) -> None:
    """Put a stretch of silence into speech `[143, F]` and the lips at rest there into motion `[128, 71]`, in place."""
    shortest, longest = (round(seconds * MOTION_FPS) for seconds in change.silence_s)
    silence = Silence.drawn(int(generator.integers(shortest, longest + 1)), len(motion), generator)
    noise = change.noise * 0.5 * generator.standard_normal((silence.length, line.shape[1]))
    rows = silence.rows(WINDOW_STEPS // 2, len(line))
    line[rows] = (clip.outside + noise)[: rows.stop - rows.start]
    closed = silence.closed(len(motion), CLOSING_FRAMES, OPENING_FRAMES)[:, None].astype(np.float32)
    motion[:, EXPRESSION] += closed * (clip.rest - motion[:, EXPRESSION])
