"""FACIAL-GAN while the sound is still being heard: motion that knows a bounded part of the future.

The network sees windows of 128 frames. Here they slide by a few frames, each ends where the sound that has been heard
ends, and what lies `look_ahead_s` before its end is given out. What comes next, into which the network sees by 8 frames
more, is taken to sound like the last frame heard: silence there would close the lips. Two windows do not quite agree
about the frame where one takes over from the other; the difference is taken along, and fades.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from face_model.tracks import (
    BLINK,
    MOTION_FPS,
    MOTION_SIZE,
    POSE,
    SPEECH_RATE_HZ,
    WINDOW_STEPS,
    FaceMotion,
    HeardSpeech,
    same_encoder,
)
from facial_gan.data import WINDOW_FRAMES
from facial_gan.synthesis import Alive, FacialGan
from foundation.errors import InputError

STEP_FRAMES = 2  # by which windows slide: a step's first frame waits for so much more sound than its last
LONGEST_S = 2.0
KEPT_POSE, KEPT_FACE = 0.93, 0.3  # of a difference between two windows, after one frame more: a head has mass


@dataclass(frozen=True)
class LookAhead:
    """How far motion knows the future. seconds: 0 to 2, of which whole frames of 30 a second are used. step_frames:
    frames that are made at once.
    """

    seconds: float = 0.1
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


def bounded_stream(
    model: FacialGan, speech: Iterable[HeardSpeech], look_ahead: LookAhead, seed: int = 0
) -> Iterator[FaceMotion]:
    """A motion at 30 fps in consecutive pieces, each of what is known once so much has been heard.

    Args:
        model: of the person.
        speech: what its encoder knows at `look_ahead.ends()`, and at the sound's end.
        seed: of all that is random.

    Raises:
        InputError: features of another encoder.
    """
    sliding, alive = _Sliding(model, seed), Alive(model, seed)
    for heard in speech:
        if not same_encoder(heard.features.extractor, model.speech_extractor):
            raise InputError(f"features of '{heard.features.extractor}'", f"those of '{model.speech_extractor}'")
        seconds = heard.features.duration_s
        known = heard.features.frame_count(MOTION_FPS) if heard.ended else math.floor(seconds * MOTION_FPS + 1e-6)
        stop = known if heard.ended else known - look_ahead.frames
        if stop > sliding.given:
            yield alive(*sliding(heard, known, stop))


class _Sliding:
    """The generator's normalised motion, window after window."""

    def __init__(self, model: FacialGan, seed: int) -> None:
        self.model, self.given = model, 0  # given: frames so far
        self.first_state = model.initial_state(seed)
        self.outside = model.features.normalise(model.features.silence)
        self.recent = np.zeros((0, MOTION_SIZE), np.float32)  # the last frames given
        self.last_share = 0.0
        self.kept = np.full(MOTION_SIZE, KEPT_FACE, np.float32)
        self.kept[POSE] = KEPT_POSE
        self.kept[BLINK] = 0.0

    def __call__(self, heard: HeardSpeech, known: int, stop: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Motion `[T, 71]` of the frames up to `stop` and how far their lips meet `[T]`, or None where nothing tells;
        `known` frames have been heard.
        """
        model, given, start = self.model, self.given, known - WINDOW_FRAMES
        first = max(0, start - WINDOW_STEPS // 2)
        rows = heard.rows_at(first, known)
        model.refuse_size(rows)
        state = self.first_state if start <= 0 else self.recent[start - given]
        seen = rows if heard.ended else np.concatenate([rows, np.repeat(rows[-1:], WINDOW_STEPS // 2, axis=0)])
        made = model.window(model.features.normalise(seen), start - first, state)
        piece = made[given - start : stop - start].copy()
        share = model.meeting(heard.features, rows, len(rows))
        own = None if share is None else share[given - first : stop - first].copy()
        if given:
            later = np.arange(1, len(piece) + 1)[:, None]
            piece += (self.recent[-1] - made[given - 1 - start]) * self.kept**later
            if own is not None and share is not None:
                own += (self.last_share - share[given - 1 - first]) * KEPT_FACE ** later[:, 0]
                own = np.clip(own, 0, 1)
        self.recent = np.concatenate([self.recent, piece])[-WINDOW_FRAMES:]
        self.given, self.last_share = stop, 0.0 if own is None else float(own[-1])
        return piece, own
