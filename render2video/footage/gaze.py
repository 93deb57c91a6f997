"""Where the eyes look: told by the mesh's irises, followed where a motion has a gaze of its own.

What sound says of a gaze is its mean: eyes that stare. There the real frames' eyes are left as they are, alive. A
motion that was measured, or in which somebody asks for a look, is followed.
"""

from __future__ import annotations

import numpy as np
import torch

from face_model import mp478
from foundation.easing import smoothstep
from render2video.conditioning import HeadRenderer

FORGETTING_S = 1.0  # in which a motion's gaze must move for it to be alive
ALIVE = 0.25, 0.5  # of the footage's own speed of the gaze: from here on, and from here on all, it is followed
ASKED = 2.0, 3.0  # of the footage's deviations off its middle: a look that far is meant
LEAST_SPEED, LEAST_SPREAD = 1e-3, 5e-3  # of an eye's width, a frame; footage whose eyes stand still tells nothing
_EYES = ((mp478.RIGHT_EYE, mp478.RIGHT_IRIS), (mp478.LEFT_EYE, mp478.LEFT_IRIS))


def gaze_of(head: HeadRenderer, expression: np.ndarray) -> np.ndarray:
    """`[T, 2]`: how far the irises of expressions `[T, E]` are from the middle of the eyes, along them and up, as a
    share of their width, mean of both.
    """
    shown = torch.from_numpy(np.asarray(expression, np.float32))
    found = []
    for ring, iris in _EYES:
        three = [ring[0], ring[8], iris[0]]
        offsets = torch.einsum("tk,kvc->tvc", shown, head.model.expression_mm[:, three])
        one, other, pupil = (head.neutral_mm[three] + offsets).numpy()[..., :2].transpose(1, 0, 2)
        along = other - one
        width = np.square(along).sum(-1)
        away = pupil - (one + other) / 2
        across, up = (along * away).sum(-1), along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0]
        found.append(np.stack((across, up), axis=-1) / width[:, None])
    mean: np.ndarray = np.mean(found, axis=0)
    return mean


class Following:
    """How far a motion's gaze is followed, frame by frame.

    Args:
        own: `[T, 2]`, the gaze in the footage. fps: of it.
    """

    def __init__(self, own: np.ndarray, fps: float) -> None:
        steps = np.linalg.norm(np.diff(own, axis=0, prepend=own[:1]), axis=1)
        self._speed = max(float(steps.mean()), LEAST_SPEED)
        self._middle, self._spread = np.median(own, axis=0), np.maximum(own.std(0), LEAST_SPREAD)
        self._keep = float(np.exp(-1 / (FORGETTING_S * fps)))
        self._moving, self._seen = 0.0, 0.0
        self._before: np.ndarray | None = None

    def __call__(self, gaze: tuple[float, float]) -> float:
        """0-1, for the next frame's gaze; of the first frames, by the few steps that there were so far."""
        now, before = np.array(gaze), self._before
        self._before = now
        if before is not None:
            step = float(np.linalg.norm(now - before))
            self._moving = self._keep * self._moving + (1 - self._keep) * step
            self._seen = self._keep * self._seen + (1 - self._keep)
        moving = self._moving / max(self._seen, 1 - self._keep)
        asked = float(np.abs((now - self._middle) / self._spread).max())
        return max(_share(moving / self._speed, ALIVE), _share(asked, ASKED))


def _share(value: float, limits: tuple[float, float]) -> float:
    return float(smoothstep(np.clip((value - limits[0]) / (limits[1] - limits[0]), 0, 1)))
