"""Lips of a face model, as linear functions of its expression."""

from __future__ import annotations

import numpy as np
import torch

from face_model import mp478
from face_model.morphable_model import MorphableModel
from facial_gan.losses import Lips

CLOSED_SHARE = 0.1  # of the frames; speech closes the lips (p, b, m) and rests about as often


def gap_columns_mm(model: MorphableModel) -> tuple[np.ndarray, np.ndarray]:
    """Openings between upper and lower inner lip, in the mean face `[P]` and per unit of expression `[64, P]` (mm,
    y).
    """
    ring = list(mp478.INNER_LIPS)
    half = len(ring) // 2
    upper, lower = ring[1:half], ring[:half:-1]
    mean, basis = model.mean_mm.numpy()[:, 1], model.expression_mm.numpy()[:, :, 1]
    return mean[upper] - mean[lower], basis[:, upper] - basis[:, lower]


def lip_gap_mm(model: MorphableModel, expression: np.ndarray) -> np.ndarray:
    """Mean opening between the inner lips `[T]` of expressions `[T, 64]` on the mean face."""
    mean, basis = gap_columns_mm(model)
    return (mean + expression @ basis).mean(1)


def rest_expression(model: MorphableModel, expression: np.ndarray) -> np.ndarray:
    """The expression `[64]` of lips at rest: the mean over the tenth of the frames `[T, 64]` with the smallest
    opening.
    """
    gap = lip_gap_mm(model, expression)
    return expression[gap <= np.quantile(gap, CLOSED_SHARE)].mean(0).astype(np.float32)


def lips_of(model: MorphableModel, expression: np.ndarray, scale: float) -> Lips:
    """The lips' part of the loss, in deviations over expressions `[T, 64]`, for expressions divided by `scale`."""
    vertices = sorted({*mp478.INNER_LIPS, *mp478.OUTER_LIPS})
    columns = model.expression_mm.numpy()[:, vertices].reshape(len(model.expression_mm), -1)
    _, gaps = gap_columns_mm(model)

    def relative(basis: np.ndarray) -> torch.Tensor:
        spread = np.sqrt((expression @ basis).var(0).mean())
        return torch.from_numpy((basis * scale / max(float(spread), 1e-3)).astype(np.float32))

    return Lips(relative(columns), relative(gaps))
