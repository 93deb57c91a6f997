"""How far a motion model knows the future while the sound is still being made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from face_model.tracks import MOTION_FPS, SPEECH_RATE_HZ
from foundation.errors import InputError

LOOK_AHEAD_S = 0.1  # unless told otherwise; docs/streaming.md has what it costs lips
STEP_FRAMES = 2  # made at once: a step's first frame waits for so much more sound than its last
LONGEST_S = 2.0


@dataclass(frozen=True)
class LookAhead:
    """How far motion knows the future. seconds: 0 to 2, of which whole frames of 30 a second are used. step_frames:
    frames that are made at once.
    """

    seconds: float = LOOK_AHEAD_S
    step_frames: int = STEP_FRAMES

    def __post_init__(self) -> None:
        if not 0 <= self.seconds <= LONGEST_S:
            raise InputError(f"a look-ahead of {self.seconds:g} s", f"0 to {LONGEST_S:g} s, or None for all of it")

    @property
    def frames(self) -> int:
        return round(self.seconds * MOTION_FPS)

    def ends(self) -> Iterator[int]:
        """Numbers of 16 kHz samples after which more frames can be made, without end."""
        for step in count(1):
            yield math.ceil((step * self.step_frames + self.frames) * SPEECH_RATE_HZ / MOTION_FPS)
