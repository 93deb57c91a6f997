"""Silence laid into a window of speech, so that a network learns to rest in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foundation.easing import smoothstep


@dataclass(frozen=True)
class Silence:
    """A stretch of silence in a window, in the window's own steps. start: may lie before the window."""

    start: int
    length: int

    @staticmethod
    def drawn(length: int, window: int, generator: np.random.Generator) -> Silence:
        """One of a length, anywhere in a window; half of it may lie outside."""
        return Silence(int(generator.integers(-length // 2, window - length // 2)), length)

    def rows(self, before: int, count: int) -> slice:
        """Where it stands among `count` rows of speech that begin `before` steps earlier than the window."""
        first = self.start + before
        return slice(max(0, first), max(0, min(count, first + self.length)))

    def closed(self, window: int, closing: float, opening: float) -> np.ndarray:
        """How far the lips have come to rest `[window]`, 0-1.

        Args:
            closing, opening: steps that they take to come to rest in silence, and to leave it before speech.
        """
        step = np.arange(window)
        since, until = (step - self.start) / closing, (self.start + self.length - step) / opening
        share: np.ndarray = smoothstep(np.clip(np.minimum(since, until), 0, 1))
        return share
