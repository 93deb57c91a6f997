"""The generator's motion while the sound is still being heard: it knows a bounded part of the future.

The network sees windows of 128 frames. Here they slide by a few frames, each ends where the sound that has been heard
ends, and what lies the look-ahead before its end is given out. What comes next, into which the network sees by 8 frames
more, is taken to sound like the last frame heard: silence there would close the lips. Two windows do not quite agree
about the frame where one takes over from the other; the difference is taken along, and fades.
"""

from __future__ import annotations

import numpy as np

from face_model.tracks import BLINK, MOTION_SIZE, POSE, WINDOW_STEPS, HeardSpeech
from facial_gan.data import WINDOW_FRAMES
from facial_gan.windows import Windows, lips_together

KEPT_POSE, KEPT_FACE = 0.93, 0.3  # of a difference between two windows, after one frame more: a head has mass


class Sliding:
    """The generator's normalised motion, window after window.

    Args:
        windows: see there. face_model: whose lips may meet. seed: of the state to start from.
    """

    def __init__(self, windows: Windows, face_model: str, seed: int) -> None:
        self.windows, self.face_model, self.given = windows, face_model, 0  # given: frames so far
        self.first_state = windows.initial_state(seed)
        self.recent = np.zeros((0, MOTION_SIZE), np.float32)  # the last frames given
        self.last_share = 0.0
        self.kept = np.full(MOTION_SIZE, KEPT_FACE, np.float32)
        self.kept[POSE] = KEPT_POSE
        self.kept[BLINK] = 0.0

    def __call__(self, heard: HeardSpeech, known: int, stop: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Motion `[T, 71]` of the frames up to `stop` and how far their lips meet `[T]`, or None where nothing tells;
        `known` frames have been heard.
        """
        features, given, start = self.windows.features, self.given, known - WINDOW_FRAMES
        first = max(0, start - WINDOW_STEPS // 2)
        rows = heard.rows_at(first, known)
        features.refuse_size(rows)
        state = self.first_state if start <= 0 else self.recent[start - given]
        seen = rows if heard.ended else np.concatenate([rows, np.repeat(rows[-1:], WINDOW_STEPS // 2, axis=0)])
        made = self.windows.window(features.normalise(seen), start - first, state, max(0, given - 1 - start))
        piece = made[given - start : stop - start].copy()
        share = lips_together(heard.features, rows, len(rows), self.face_model)
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
