"""The eye-attention map: tells the video network how far the eyes are closed, and where (FACIAL, section 3.3).

The eye region is part of the mesh's surface: the eye opening and the rings of triangles around it, so it keeps its
place and about its size when the lids close over the opening. It is drawn with the mesh: what hides the eye hides its
region.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from face_model.morphable_model import Region
from face_model.tracks import AU45_MAX
from render2video.rasterizer import Fragments
from render2video.rasterizer.fragments import ArrayT

LID_RINGS = 2  # on mp478: from the opening to the crease of the upper lid and the same below
RING_MM = 5.0  # about how wide such a ring is there; on finer meshes more of them reach as far


def eye_triangle_weight(triangles: np.ndarray, triangle_region: np.ndarray, rings: int = LID_RINGS) -> np.ndarray:
    """Weights `[F]` float32: 1 for the triangles of the eye region, 0 for others.

    Args:
        triangles: `[F, 3]` vertex indices.
        triangle_region: `[F]` of `Region`.
        rings: how many rings of triangles around each eye opening belong to the region.
    """
    chosen = np.isin(triangle_region, (Region.RIGHT_EYE, Region.LEFT_EYE))
    for _ in range(rings):
        chosen = np.asarray(np.isin(triangles, triangles[chosen]).any(axis=1))
    return chosen.astype(np.float32)


def lid_rings(vertices_mm: np.ndarray, triangles: np.ndarray, triangle_region: np.ndarray) -> int:
    """How many rings of a mesh's triangles reach from the eye opening to the crease of the lid.

    Args:
        vertices_mm: `[V, 3]`. triangles: `[F, 3]`. triangle_region: `[F]` of `Region`.
    """
    eyes = np.isin(triangle_region, (Region.RIGHT_EYE, Region.LEFT_EYE))
    if not eyes.any():
        return LID_RINGS
    around = np.isin(triangles, triangles[eyes]).any(axis=1) & ~eyes
    corners = vertices_mm[triangles[around]]
    edge = float(np.median(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2))) if around.any() else RING_MM
    return max(LID_RINGS, round(LID_RINGS * RING_MM / edge))


def eye_mask(fragments: Fragments[ArrayT], triangle_weight: ArrayT) -> ArrayT:
    """The eye region in the picture, `[..., H, W]` 0-1: where an eye is, open or closed.

    Args:
        fragments: of pictures `[..., H, W]`.
        triangle_weight: `[F]` float, from `eye_triangle_weight`.
    """
    # Index -1, nothing seen, finds the zero appended.
    if isinstance(triangle_weight, Tensor):
        return torch.cat((triangle_weight, triangle_weight.new_zeros(1)))[fragments.triangle_index]
    return np.append(triangle_weight, np.float32(0))[fragments.triangle_index]


def eye_attention_map(fragments: Fragments[ArrayT], triangle_weight: ArrayT, blink: ArrayT) -> ArrayT:
    """The eye region filled with the blink, `[..., H, W]` 0-1: 0 outside it and where the eyes are open, 1 where they
    are closed.

    An open eye and no eye look alike here; `eye_mask` tells them apart.

    Args:
        fragments: of pictures `[..., H, W]`.
        triangle_weight: `[F]` float, from `eye_triangle_weight`.
        blink: `[...]`, AU45 intensity 0-5; clamped to that range.
    """
    return eye_mask(fragments, triangle_weight) * (blink.clip(0, AU45_MAX) / AU45_MAX)[..., None, None]
