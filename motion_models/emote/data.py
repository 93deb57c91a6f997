"""From clips to batches of emotional windows. A batch is a function of the generator that draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from face_model.tracks import MOTION_FPS
from foundation.errors import InputError
from motion_models.augmentation import Silence
from motion_models.emote.config import Augmentation, Recipe
from motion_models.emote.emotions import CONDITIONS, emotion_code
from motion_models.emote.faces import Face
from motion_models.emote.network import SPEECH_REACH
from motion_models.emote.recipe import Take, emotional_take, openness, rest_of
from motion_models.examples import MotionExample, frame_rows
from motion_models.statistics import FeatureStatistics

MIN_FRAMES = 16  # a shorter clip teaches nothing
MIN_VALID_SHARE = 0.5
CLOSING_FRAMES = 5  # how long lips take to come to rest


@dataclass(frozen=True)
class Sentence:
    """A stretch of a clip, in several emotions. Expressions are deviations from the speaker's mean, over the scale.

    rows: `[T + 12, F]`, normalised speech with what is around. valid: `[T]` 0 or 1. takes: index in `CONDITIONS` ->
    the take. speaker: index of the style.
    """

    rows: np.ndarray
    valid: np.ndarray
    takes: dict[int, Take]
    speaker: int

    def __len__(self) -> int:
        return len(self.valid)


@dataclass(frozen=True)
class Batch:
    """rows: `[B, T + 12, F]`. expression: `[B, T, K]`. mask: `[B, T]`. code: `[B, 11]` of the emotion. style: `[B, S]`.
    """

    rows: Tensor
    expression: Tensor
    mask: Tensor
    code: Tensor
    style: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return Batch(*(getattr(self, name).to(device) for name in ("rows", "expression", "mask", "code", "style")))

    def condition(self) -> Tensor:
        """Code and style, alike over the window, `[B, T, 11 + S]`."""
        joined = torch.cat([self.code, self.style], dim=1)
        return joined[:, None].expand(-1, self.expression.shape[1], -1)

    def exchanged(self, other: Tensor) -> Batch:
        """The same content with the emotions of items `other` `[B]`, and those items' expressions and masks."""
        return Batch(self.rows, self.expression[other], self.mask[other], self.code[other], self.style)


def padded_rows(rows: np.ndarray, first: int, count: int, outside: np.ndarray) -> np.ndarray:
    """Rows `[count + 12, F]` around the frames from `first` on; what lies outside of the clip is `outside`."""
    index = np.arange(first - SPEECH_REACH, first + count + SPEECH_REACH)
    inside = (index >= 0) & (index < len(rows))
    return np.where(inside[:, None], rows[np.clip(index, 0, len(rows) - 1)], outside).astype(np.float32)


def sentence_bounds(frames: int, longest: int) -> list[tuple[int, int]]:
    """Where a clip is cut into equal sentences of at most `longest` frames."""
    count = max(1, -(-frames // longest))
    edges = np.linspace(0, frames, count + 1).round().astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


class _Deck:
    """Conditions dealt so that every one comes up equally often, and none twice for one sentence."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator, self.cards = generator, list[int]()

    def deal(self, count: int) -> list[int]:
        every = len(CONDITIONS)
        if count == 0 or count >= every:
            return list(range(every))
        hand: list[int] = []
        while len(hand) < count:
            fresh = [card for card in self.cards if card not in hand]
            if not fresh:
                self.cards += self.generator.permutation(every).tolist()
                continue
            hand.append(fresh[0])
            self.cards.remove(fresh[0])
        return hand


def sentences_of(
    examples: Sequence[MotionExample], speakers: Sequence[str], means: np.ndarray, scale: float, face: Face,
    features: FeatureStatistics, recipe: Recipe, seed: int,
) -> list[Sentence]:
    """All sentences of some clips, in the emotions that the recipe gives them.

    Args:
        speakers: names of the S styles. means: `[S, K]`, mean expression of each. scale: of expressions.

    Raises:
        InputError: no clip shows the face for long enough.
    """
    generator = np.random.default_rng([seed, 11])
    deck, outside, made = _Deck(generator), features.outside, list[Sentence]()
    for example in examples:
        speaker = list(speakers).index(example.speaker)
        neutral = example.motion.expression - means[speaker]
        seen = example.valid.astype(bool)
        rest, opened = rest_of(face, neutral[seen]), openness(face, neutral)
        rows = features.normalise(frame_rows(example.features, len(example.motion)))
        for start, stop in sentence_bounds(len(neutral), round(recipe.sentence_s * MOTION_FPS)):
            part = slice(start, stop)
            if stop - start < MIN_FRAMES or seen[part].mean() < MIN_VALID_SHARE:
                continue
            takes = {
                index: emotional_take(face, neutral[part], rest, opened[part], index, recipe, generator)
                for index in deck.deal(recipe.takes)
            }
            takes = {index: Take(take.expression / scale, take.still / scale) for index, take in takes.items()}
            around = padded_rows(rows, start, stop - start, outside)
            made.append(Sentence(around, seen[part].astype(np.float32), takes, speaker))
    if not made:
        raise InputError("no clip that shows the face for half a second", "footage that shows the face")
    return made


class EmotionalWindows:
    """Random windows of sentences, and augmented batches of them.

    Args:
        styles: how many. outside: `[F]`, a row of silence. augmentation: see there; None for none.
    """

    def __init__(
        self, sentences: list[Sentence], styles: int, outside: np.ndarray, augmentation: Augmentation | None
    ) -> None:
        self.sentences, self.styles, self.outside, self.augmentation = sentences, styles, outside, augmentation
        length = np.array([len(sentence) for sentence in sentences], np.float64)
        self.share = length / length.sum()

    def batch(self, size: int, frames: int, generator: np.random.Generator) -> Batch:
        """Windows of so many frames; a sentence that is shorter is held, which the mask hides."""
        items = []
        for index in generator.choice(len(self.sentences), size, p=self.share):
            items.append(self._window(self.sentences[index], frames, generator))
        return Batch(*(torch.from_numpy(np.stack(part).astype(np.float32)) for part in zip(*items, strict=True)))

    def _window(
        self, sentence: Sentence, frames: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        condition = int(generator.choice(list(sentence.takes)))
        take, count = sentence.takes[condition], len(sentence)
        first = int(generator.integers(0, max(0, count - frames) + 1))
        place = np.arange(first, first + frames)
        held = np.minimum(place, count - 1)
        mask = sentence.valid[held] * (place < count)
        rows = padded_rows(sentence.rows, first + SPEECH_REACH, frames, self.outside)
        expression, style = take.expression[held].copy(), np.zeros(self.styles)
        style[sentence.speaker] = 1.0
        if (change := self.augmentation) is not None:
            noise = change.noise * generator.standard_normal(rows.shape)
            rows = rows + change.gain * generator.standard_normal() + noise
            if generator.random() < change.silence_share:
                self._silence(rows, expression, take.still[held], change, generator)
            if generator.random() < change.no_style_share:
                style[:] = 1.0 / self.styles
        return rows, expression, mask, emotion_code(*CONDITIONS[condition]), style

    def _silence(
        self, rows: np.ndarray, expression: np.ndarray, still: np.ndarray, change: Augmentation,
        generator: np.random.Generator,
    ) -> None:
        """Put silence into a stretch of speech and lips at rest there into the expression, both in place."""
        shortest, longest = (round(seconds * MOTION_FPS) for seconds in change.silence_s)
        silence = Silence.drawn(int(generator.integers(shortest, longest + 1)), len(expression), generator)
        stretch = silence.rows(SPEECH_REACH, len(rows))
        rows[stretch] = self.outside + 0.5 * change.noise * generator.standard_normal(rows[stretch].shape)
        closed = silence.closed(len(expression), CLOSING_FRAMES, CLOSING_FRAMES)[:, None]
        expression += (closed * (still - expression)).astype(expression.dtype)
