"""What a voice is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from face_model.tracks import Sound

Span = tuple[float, float]
"""(start, end) in seconds."""
RATE_HZ = 24_000  # of what all voices say: theirs are 16 to 24 kHz
LONGEST_TEXT = 20_000  # characters said at once: some twenty minutes
FINISH_S = 300.0  # in which a program or server must have said it


@dataclass(frozen=True)
class Utterance:
    """What a voice said. lips_closed: spans in which the lips are together, for p, b and m; None where the synthesiser
    does not tell when it says which phone.
    """

    sound: Sound
    lips_closed: tuple[Span, ...] | None = None


class Voice(Protocol):
    """Says texts.

    name: what `voice_named` makes it by.
    """

    @property
    def name(self) -> str: ...

    def say(self, text: str) -> Utterance:
        """The sound of a text, at `RATE_HZ`.

        Raises:
            InputError: the synthesiser fails, takes longer than `FINISH_S`, or says nothing.
        """
        ...
