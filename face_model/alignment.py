"""Weighted similarity alignment of point sets (Umeyama 1991), over any leading batch axes."""

from __future__ import annotations

import numpy as np


def similarity(
    source: np.ndarray, target: np.ndarray, weights: np.ndarray, rotation: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale `[...]`, rotation `[..., 3, 3]` and shift `[..., 3]` that bring `source` onto `target` with least
    weighted squares.

    target = scale * rotation @ source + shift (Umeyama 1991, eq. 40-43).

    Args:
        source: `[..., V, 3]`.
        target: `[..., V, 3]`.
        weights: `[V]`, not negative.
        rotation: `[..., 3, 3]` where it is known; scale and shift are then the best for it.
    """
    weights = weights / weights.sum()
    mean_source = np.einsum("v,...vc->...c", weights, source)
    mean_target = np.einsum("v,...vc->...c", weights, target)
    centred_source = source - mean_source[..., None, :]
    centred_target = target - mean_target[..., None, :]
    covariance = np.einsum("v,...va,...vb->...ab", weights, centred_target, centred_source)
    if rotation is None:
        u, _, vt = np.linalg.svd(covariance)
        sign = np.ones(u.shape[:-1])
        sign[..., 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
        rotation = np.einsum("...ab,...b,...bc->...ac", u, sign, vt)
    variance = np.einsum("v,...vc->...", weights, centred_source**2)
    scale = np.einsum("...ab,...ab->...", rotation, covariance) / variance
    shift = mean_target - scale[..., None] * np.einsum("...ab,...b->...a", rotation, mean_source)
    return scale, rotation, shift
