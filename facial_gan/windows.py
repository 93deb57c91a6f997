"""The generator's motion, window by window, and how windows join.

Windows of 128 frames overlap; each starts from the state that the one before it has reached where it begins (FACIAL,
section 3.2, takes the last frame), and the overlap is cross-faded with weights whose slope is zero at both ends. So
neither value nor speed jumps. Only one window is held in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from face_model import mp478
from face_model.tracks import BLINK, EXPRESSION, POSE, SpeechFeatures
from facial_gan.data import WINDOW_FRAMES
from facial_gan.networks import Generator
from foundation.easing import smoothstep
from motion_models.examples import windows_of
from motion_models.lips import meeting, resting
from motion_models.smoothing import smoothed
from motion_models.statistics import FeatureStatistics, MotionStatistics

OVERLAP_FRAMES = 32
POSE_REACH_FRAMES = 12  # of the smoothing, to one side
POSE_SMOOTHING_FRAMES = 3.0  # deviation of the Gaussian over the network's pose: a head has mass


@dataclass(frozen=True)
class Windows:
    """A generator with what it takes to ask it. person: whose motion it makes. features: of the speech that it was
    trained on.
    """

    generator: Generator
    person: MotionStatistics
    features: FeatureStatistics

    @torch.no_grad()
    def window(self, rows: np.ndarray, start: int, initial: np.ndarray, first: int = 0) -> np.ndarray:
        """Normalised motion `[128, 71]` from frame `start` of normalised speech `[T, F]`; outside of it there is
        silence. first: of the frames that are wanted; those before it are not made whole.
        """
        device = next(self.generator.parameters()).device
        windows = windows_of(rows, start, WINDOW_FRAMES, self.features.outside).astype(np.float32)
        near = max(0, first - POSE_REACH_FRAMES)
        made = self.generator(
            torch.from_numpy(windows)[None].to(device), torch.from_numpy(initial)[None].to(device), near
        )[0].cpu().numpy()  # fmt: skip
        made[:, POSE] = smoothed(made[:, POSE], POSE_SMOOTHING_FRAMES)
        return made

    def pieces(self, rows: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
        """Normalised motion for `count` frames, in pieces `[<= 128, 71]`, windows cross-faded."""
        hop = WINDOW_FRAMES - OVERLAP_FRAMES
        fade = smoothstep(np.linspace(0, 1, OVERLAP_FRAMES + 2, dtype=np.float32)[1:-1, None])
        initial, tail = self.initial_state(seed), None
        for start in range(0, max(1, count - OVERLAP_FRAMES), hop):
            made = self.window(rows, start, initial)
            if tail is not None:
                made[:OVERLAP_FRAMES] = tail * (1 - fade) + made[:OVERLAP_FRAMES] * fade
            if start + WINDOW_FRAMES >= count:
                yield made[: count - start]
                return
            initial, tail = made[hop], made[hop:]
            yield made[:hop].copy()

    def initial_state(self, seed: int) -> np.ndarray:
        """A real pose of the person, chosen by the seed, with lips at rest: before it speaks a face is still."""
        states = self.person.states
        state = states[np.random.default_rng([seed, 5]).integers(len(states))].copy()
        state[POSE] *= 0.7  # nearer to the mean, so that few clips start at the edge of the person's range
        state[BLINK], state[EXPRESSION] = 0.0, self.person.normalised_rest
        return state


def lips_together(features: SpeechFeatures, rows: np.ndarray, count: int, face_model: str) -> np.ndarray | None:
    """How far the lips come together in each frame `[count]`, if the encoder tells and the face model is ours.

    What a network learns of p, b and m from a minute of footage is half an opening, and of pauses lips ajar. Lips that
    do not meet there are what people see first.

    Args:
        features: whose columns tell. rows: `[T, F]`, of them, one a frame.
    """
    if face_model != mp478.ID:
        return None
    after = max(0, count - len(rows))
    heard = [
        together(np.pad(rows[:count, column], (0, after), mode="edge"))
        for column, together in ((features.lips_closed, meeting), (features.silent, resting)) if column is not None
    ]
    return np.max(heard, axis=0) if heard else None
