"""Sound that is still being made: rows of Live Link values a moment behind it.

Each time a piece of sound comes, the model hears the last seconds anew and says what the face did up to `delay_s` ago,
which later sound no longer changes. What it said of the same moment before and what it says now are cross-faded. Head
and blinks go on by themselves, as the target's own do, for their motion must not begin anew with every piece.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from face_model.arkit import values_of_motion, with_lids
from face_model.tracks import AU45_MAX, POSE, POSE_SIZE, SPEECH_RATE_HZ, Sound
from motion_models.arkit.filters import gaussian
from motion_models.arkit.statistics import curves_at
from motion_models.interface import MotionModel
from motion_models.liveliness import BlinkProcess, PoseProcess, within_range
from motion_models.people import Habits
from preprocessing.speech import SpeechEncoder
from talking_head.animation.rows import LIGHT_S
from talking_head.formats.arkit import live_link_of_values

HEARD_S = 6.0
HOP_S = 0.2
FADE_S = 0.1
DELAY_S = 0.4  # of models that do not say how far ahead they hear


class Listener:
    """Rows for a sound that comes in pieces.

    Args:
        model: that speaks.
        person: how the target holds head and lids. head: times as far as the person's the head moves.
        encoder: of the speech that the model wants.
        fps: rows a second.
        seed: of head and blinks.
    """

    def __init__(
        self, model: MotionModel, person: Habits, encoder: SpeechEncoder, fps: float, seed: int, head: float = 1.0
    ) -> None:
        self.model, self.encoder, self.fps = model.for_live(), encoder, fps
        self.delay_s = DELAY_S if self.model.latency_s is None else self.model.latency_s
        self._statistics, self._head = person.statistics, head
        known, ones = person.statistics, np.ones(POSE_SIZE)
        self._sway = PoseProcess(ones, known.pose_factor, known.pose_memory_s, fps, seed)
        self._blink = BlinkProcess(person.blinks, fps, seed)
        self._heard = np.zeros(0, np.float32)
        self._start_sample = 0  # number of the first sample that is still remembered
        self._given = 0  # rows given so far
        self._beyond = np.zeros((0, 0))  # what was said of the rows that come next, from less sound

    def hear(self, samples: np.ndarray) -> np.ndarray:
        """The rows `[N, 61]` that are known now that 16 kHz samples `[M]` have come too; often none."""
        self._heard = np.concatenate([self._heard, np.asarray(samples, np.float32)])
        row_samples = SPEECH_RATE_HZ / self.fps
        drop = int((len(self._heard) - HEARD_S * SPEECH_RATE_HZ) // SPEECH_RATE_HZ) * SPEECH_RATE_HZ  # whole seconds
        if drop > 0:
            self._heard, self._start_sample = self._heard[drop:], self._start_sample + drop
        end_s = (self._start_sample + len(self._heard)) / SPEECH_RATE_HZ
        ready = int((end_s - self.delay_s) * self.fps)
        if ready <= self._given or not len(self._heard):
            return np.zeros((0, 61))
        fade = max(1, round(FADE_S * self.fps))
        offset = self._start_sample / row_samples  # rows before the first that is heard now
        rows = np.arange(self._given, ready + fade)
        values = self._values(rows / self.fps - offset / self.fps)
        overlap = min(len(self._beyond), len(values))
        if overlap:
            share = np.linspace(0, 1, overlap + 2)[1:-1, None]
            values[:overlap] = self._beyond[:overlap] * (1 - share) + values[:overlap] * share
        count = ready - self._given
        self._given, self._beyond = ready, values[count:]
        return self._dressed(values[:count])

    def _values(self, time_s: np.ndarray) -> np.ndarray:
        """ARKit values without blinks at instants of what is heard now; before and after it there is silence."""
        features = self.encoder(Sound(self._heard))
        own = self.model.stream_values(features, fps=self.fps)
        if own is not None:
            return curves_at(np.concatenate(list(own)), self.fps, time_s)
        motion = self.model.synthesize(features)
        open_eyed = type(motion)(
            motion.fps, motion.expression, motion.rotation, motion.translation, 0 * motion.blink, motion.face_model
        )
        every = np.arange(round(motion.duration_s * self.fps)) / self.fps
        values = curves_at(values_of_motion(open_eyed), motion.fps, every)
        return curves_at(gaussian(values, self.fps, LIGHT_S), self.fps, time_s)

    def _dressed(self, values: np.ndarray) -> np.ndarray:
        """Rows of values with head and blinks."""
        known, count = self._statistics, len(values)
        pose = self._head * within_range(self._sway(count), known.pose_limit, known.pose_centre)
        pose = pose * known.scale[POSE] + known.mean[POSE]
        blink = self._blink(np.zeros(count)).clip(0, AU45_MAX)
        whole = np.clip(with_lids(values, blink), 0.0, 1.0)
        return live_link_of_values(whole, pose[:, :3], self.fps).values


def listen(pieces: Iterator[np.ndarray], listener: Listener) -> Iterator[np.ndarray]:
    """Rows as they become known from pieces of sound."""
    for samples in pieces:
        rows = listener.hear(samples)
        if len(rows):
            yield rows
