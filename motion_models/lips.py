"""Lips of a face model, as linear functions of its expression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from face_model import mp478
from face_model.morphable_model import MorphableModel
from foundation.easing import smoothstep
from motion_models.smoothing import smoothed

HEARD, MEETING_FRAMES = (0.1, 0.35), 0.7
"""Probability from which lips begin to close, and at which they meet: an encoder is seldom sure of a bilabial. The
deviation of the smoothing of how far they do.
"""
PAUSE, PAUSE_FRAMES, REST_FRAMES = (0.4, 0.8), (2, 14), 2.0
"""Probability of silence from which lips begin to rest, and at which they do, if it holds from 0.07 s before until
0.47 s after; the deviation of the smoothing. Chosen on speakers that the networks never saw: closing in shorter pauses,
or until speech begins, fits people worse.
"""
CLOSED_SHARE = 0.1  # of the frames; speech closes the lips (p, b, m) and rests about as often


@dataclass(frozen=True)
class Lips:
    """What a normalised expression does to the lips, in deviations of that.

    vertices: `[64, K]`, one column a coordinate of a lip vertex. gaps: `[64, P]`, one column an opening between the
    lips.
    """

    vertices: Tensor
    gaps: Tensor

    def to(self, device: torch.device) -> Lips:
        """The same on another device."""
        return Lips(self.vertices.to(device), self.gaps.to(device))


def inner_lips() -> tuple[list[int], list[int]]:
    """Vertices of the upper inner lip, and those of the lower one that they meet."""
    ring = list(mp478.INNER_LIPS)
    half = len(ring) // 2
    return ring[1:half], ring[:half:-1]


def gap_columns_mm(model: MorphableModel) -> tuple[np.ndarray, np.ndarray]:
    """Openings between upper and lower inner lip, in the mean face `[P]` and per unit of expression `[64, P]` (mm,
    y).
    """
    upper, lower = inner_lips()
    mean, basis = model.mean_mm.numpy()[:, 1], model.expression_mm.numpy()[:, :, 1]
    return mean[upper] - mean[lower], basis[:, upper] - basis[:, lower]


def lip_gap_mm(model: MorphableModel, expression: np.ndarray) -> np.ndarray:
    """Mean opening between the inner lips `[T]` of expressions `[T, 64]` on the mean face."""
    mean, basis = gap_columns_mm(model)
    return (mean + expression @ basis).mean(1)


def above_rest(expression: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean opening of expressions `[T, 64]` above that of lips at rest `[64]`, in mm `[T]`; the smallest change of
    expression that opens the lips by 1 mm, evenly, `[64]`).
    """
    _, columns = gap_columns_mm(mp478.load())
    mean = columns.mean(1)
    return (expression - rest) @ mean, mean / (mean**2).sum()


def width_column_mm(model: MorphableModel) -> np.ndarray:
    """Change of the distance between the corners of the mouth per unit of expression `[64]` (mm, x)."""
    right, left = mp478.LIP_WIDTH
    return model.expression_mm.numpy()[:, left, 0] - model.expression_mm.numpy()[:, right, 0]


def widened(expression: np.ndarray, rest: np.ndarray, factor: float) -> np.ndarray:
    """Expressions `[T, 64]` whose mouths differ `factor` times as much in width from the one at rest `[64]`.

    They change in the smallest way that does so and leaves the mean opening alone.
    """
    model = mp478.load()
    columns = np.stack([width_column_mm(model), gap_columns_mm(model)[1].mean(1)])
    direction = np.linalg.pinv(columns)[:, 0]
    wider_mm = (expression - rest) @ columns[0]
    return (expression + ((factor - 1) * wider_mm)[:, None] * direction).astype(expression.dtype)


def meeting(closed: np.ndarray) -> np.ndarray:
    """How far lips come together `[T]`, 0-1, where they are heard to be closed with probability `[T]`.

    From `HEARD[0]` on they approach, at `HEARD[1]` they meet.
    """
    share = np.clip((closed - HEARD[0]) / (HEARD[1] - HEARD[0]), 0, 1)
    return smoothed(smoothstep(share)[:, None], MEETING_FRAMES)[:, 0]


def resting(silent: np.ndarray) -> np.ndarray:
    """How far lips come to rest `[T]`, 0-1, where nobody is heard to speak with probability `[T]`.

    They do so as soon as a pause begins that is long enough, and open well before it ends, as people's do.
    """
    before, after = PAUSE_FRAMES
    around = np.lib.stride_tricks.sliding_window_view(np.pad(silent, PAUSE_FRAMES, mode="edge"), before + after + 1)
    share = np.clip((around.min(axis=1) - PAUSE[0]) / (PAUSE[1] - PAUSE[0]), 0, 1)
    return smoothed(smoothstep(share)[:, None], REST_FRAMES)[:, 0]


def meet(expression: np.ndarray, rest: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Expressions `[T, 64]` whose opening above that of lips at rest `[64]` is smaller by a share `[T]` of it."""
    opening, direction = above_rest(expression, rest)
    return (expression - (share * np.maximum(opening, 0.0))[:, None] * direction).astype(expression.dtype)


def rest_expression(model: MorphableModel, expression: np.ndarray) -> np.ndarray:
    """The expression `[64]` of lips at rest: the mean over the tenth of the frames `[T, 64]` with the smallest
    opening.
    """
    return most_closed(expression, lip_gap_mm(model, expression)).astype(np.float32)


def most_closed(values: np.ndarray, opening: np.ndarray) -> np.ndarray:
    """Mean of `[T, N]` over the tenth of the frames with the smallest opening `[T]`: lips at rest."""
    mean: np.ndarray = values[opening <= np.quantile(opening, CLOSED_SHARE)].mean(0)
    return mean


def lips_of(model: MorphableModel, expression: np.ndarray, scale: float) -> Lips:
    """The lips' part of the loss, in deviations over expressions `[T, 64]`, for expressions divided by `scale`."""
    vertices = sorted({*mp478.INNER_LIPS, *mp478.OUTER_LIPS})
    columns = model.expression_mm.numpy()[:, vertices].reshape(len(model.expression_mm), -1)
    _, gaps = gap_columns_mm(model)

    def relative(basis: np.ndarray) -> torch.Tensor:
        spread = np.sqrt((expression @ basis).var(0).mean())
        return torch.from_numpy((basis * scale / max(float(spread), 1e-3)).astype(np.float32))

    return Lips(relative(columns), relative(gaps))
