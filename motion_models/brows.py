"""Brows that rise with stress, which networks trained on seconds of a person regress to nothing.

People raise their brows at some of the syllables that they stress (Flecha-Garcia 2010: most often just before the
accent), by one to two millimetres. Which ones nobody can foretell from the sound, so the seed chooses.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from face_model import mp478
from foundation.easing import smoothstep
from motion_models.smoothing import smoothed

LOWEST_BROW_MM = -12.0  # below the brows, of their middle: what lies lower stays
STIFFNESS = 0.02  # of the fit: small expressions rather than exact ones
SYLLABLE_S, NEAR_S, AROUND_S = 0.06, 0.35, 1.5  # of loudness: smoothing; a stress is the loudest so near; its measure
STRESS, SPOKEN_SHARE = 1.2, 0.3  # deviations above what is usual around it; of the loudest: quieter is a pause
RAISED_SHARE, LEAST_APART_S = 0.6, 0.9
RAISE_MM, UP_S, HELD_S, DOWN_S, AHEAD_S = (0.7, 1.9), 0.16, 0.10, 0.35, 0.10


@lru_cache(maxsize=1)
def raise_direction() -> np.ndarray:
    """The expression `[64]` of `mp478` that raises both brows by 1 mm and leaves what is below them alone."""
    model = mp478.load()
    basis, mean = model.expression_mm.numpy(), model.mean_mm.numpy()
    brows = list(mp478.RIGHT_BROW + mp478.LEFT_BROW)
    still = np.flatnonzero(mean[:, 1] < mean[brows, 1].mean() + LOWEST_BROW_MM)
    rows = np.concatenate((basis[:, brows, 1], basis[:, still].reshape(len(basis), -1)), axis=1)
    weight = np.concatenate((np.full(len(brows), 1 / len(brows)), np.full(3 * len(still), 1 / len(still))))
    wanted = np.concatenate((np.ones(len(brows)), np.zeros(3 * len(still))))
    normal = (rows * weight) @ rows.T
    stiff = STIFFNESS * np.trace(normal) / len(normal) * np.eye(len(normal))
    fitted = np.linalg.solve(normal + stiff, rows @ (weight * wanted))
    return (fitted / (fitted @ basis[:, brows, 1]).mean()).astype(np.float32)


def stresses(loudness: np.ndarray, fps: float) -> np.ndarray:
    """Frames at which a syllable is stressed, of loudness `[T]`, 0 in silence."""
    smooth = smoothed(loudness[:, None], max(SYLLABLE_S * fps, 0.3))[:, 0]
    near, around = max(1, round(NEAR_S * fps)), max(1, round(AROUND_S * fps))

    def windows(curve: np.ndarray, reach: int) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(np.pad(curve, reach, mode="edge"), 2 * reach + 1)

    spoken = smooth > SPOKEN_SHARE * smooth.max()  # pauses say nothing of how loud syllables are
    count = np.maximum(windows(spoken, around).sum(axis=1), 1)
    level = windows(smooth * spoken, around).sum(axis=1) / count
    square = windows(np.square(smooth) * spoken, around).sum(axis=1) / count
    usual = level + STRESS * np.sqrt(np.maximum(square - np.square(level), 0))
    return np.flatnonzero(spoken & (smooth >= windows(smooth, near).max(axis=1)) & (smooth > usual))


def brow_raises(loudness: np.ndarray, fps: float, seed: int) -> np.ndarray:
    """How far the brows are raised `[T]`, mm, by somebody who speaks as loudly as `[T]`."""
    random = np.random.default_rng([seed, 6])
    raised = np.zeros(len(loudness), np.float32)
    last_s = -LEAST_APART_S
    for frame in stresses(loudness, fps):
        chosen, size = random.random() < RAISED_SHARE, random.uniform(*RAISE_MM)
        if not chosen or frame / fps - last_s < LEAST_APART_S:
            continue
        last_s = frame / fps
        since_s = np.arange(len(raised)) / fps - (last_s - AHEAD_S - UP_S)
        up, down = since_s / UP_S, 1 - (since_s - UP_S - HELD_S) / DOWN_S
        raised = np.maximum(raised, size * smoothstep(np.clip(np.minimum(up, down), 0, 1)))
    return raised.astype(np.float32)
