"""The loops of `render2video.photo.warp` over every pixel."""

from __future__ import annotations

import numpy as np
from numba import float32

from foundation.compiled import compiled
from render2video.rasterizer import Fragments


def motion_of(
    fragments: Fragments[np.ndarray], triangles: np.ndarray, source_px: np.ndarray, moving: np.ndarray
) -> np.ndarray:
    """`[S, S, 2]` float32: from each pixel to where a drawn mesh has it in the photo, times `moving` `[S, S, 1]`.

    Args:
        source_px: `[V, 2]`, where the mesh's vertices are in the photo.
    """
    made = np.zeros((*fragments.triangle_index.shape, 2), np.float32)
    _move(
        fragments.triangle_index, fragments.barycentric, np.ascontiguousarray(triangles, np.int32),
        np.ascontiguousarray(source_px, np.float32), moving[..., 0], made,
    )
    return made


def places_of(motion: np.ndarray, smooth: np.ndarray, inside: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """`[S, S, 2]` float32: places in the photo, moved by `motion` inside of the face, by `smooth` around it.

    Args:
        motion, smooth: `[S, S, 2]`. inside: `[S, S]`, the face's soft outline, which counts from its middle on.
        moving: `[S, S, 1]`, the share of `smooth`.
    """
    made = np.empty_like(motion)
    _mix(motion, smooth, inside, moving[..., 0], made)
    return made


@compiled(error_model="numpy")
def _move(index, weights, triangles, source, moving, made):  # type: ignore[no-untyped-def]
    for row in range(index.shape[0]):
        for column in range(index.shape[1]):
            t = index[row, column]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            u, v, w = weights[row, column, 0], weights[row, column, 1], weights[row, column, 2]
            share = moving[row, column]
            x = u * source[a, 0] + v * source[b, 0] + w * source[c, 0]
            y = u * source[a, 1] + v * source[b, 1] + w * source[c, 1]
            made[row, column, 0] = (x - float32(column + 0.5)) * share
            made[row, column, 1] = (y - float32(row + 0.5)) * share


@compiled(error_model="numpy")
def _mix(motion, smooth, inside, moving, made):  # type: ignore[no-untyped-def]
    for row in range(motion.shape[0]):
        for column in range(motion.shape[1]):
            share = min(max(float32(2) * inside[row, column] - float32(1), float32(0)), float32(1))
            around = (float32(1) - share) * moving[row, column]
            x = share * motion[row, column, 0] + around * smooth[row, column, 0]
            y = share * motion[row, column, 1] + around * smooth[row, column, 1]
            made[row, column, 0] = float32(column + 0.5) + x
            made[row, column, 1] = float32(row + 0.5) + y
