"""The head around the face: rings that carry the face's outline out over ears, hair and jaw, turning rigidly with the
skull.

A face mesh ends at the hairline. Four rings in depth, from the outline to well outside the hair, let one texture with
transparency show the whole head from its own point in space, so that a turn of the head moves ears and hair rightly,
which a flat picture warped by a similarity cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from face_model import mp478
from face_model.morphable_model import MorphableModel
from foundation.easing import smoothstep

SHELL_REGION = 4  # follows the values of `face_model.morphable_model.Region`
RING_OUT_MM = (12.0, 28.0, 50.0, 80.0)  # how far outside the outline each ring lies
RING_DEPTH_SHARE = (0.4, 0.8, 1.0, 1.0)  # how much of the way to the silhouette's depth
RING_PRESENCE = (1.0, 1.0, 1.0, 0.0)  # the most opacity a ring may have: the last one always ends in the plate
SILHOUETTE_Z_MM = -15.0  # where hair and ears are seen against the background, head frame
AXIS_Z_MM = -90.0  # the upright axis that the texture is unrolled about, behind the ears
MARGIN = 0.02  # of the texture, left empty at its border


@dataclass(frozen=True)
class HeadMesh:
    """A face mesh with its shell. The shell's S vertices follow the face's V.

    shell_mm: `[S, 3]` in the head frame, fixed. triangles: `[F, 3]`. region: `[F]` int8, `Region` values and
    `SHELL_REGION`. uv: `[V + S, 2]` 0-1, u right, v down.
    """

    shell_mm: np.ndarray
    triangles: np.ndarray
    region: np.ndarray
    uv: np.ndarray
    presence: np.ndarray


def build_head_mesh(model: MorphableModel, neutral_mm: np.ndarray) -> HeadMesh:
    """The head mesh of a person.

    Args:
        model: with the ordered index set `face_oval`.
        neutral_mm: `[V, 3]`, the person's neutral face.
    """
    ring = model.index_sets["face_oval"].numpy()
    outline = neutral_mm[ring]
    outward = outline[:, :2] - outline[:, :2].mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    rings, triangles = [], [model.triangles.numpy()]
    inner, silhouette_mm = ring, SILHOUETTE_Z_MM + _ahead_mm(model)
    for index, (out_mm, share) in enumerate(zip(RING_OUT_MM, RING_DEPTH_SHARE, strict=True)):
        points = outline.copy()
        points[:, :2] += outward * out_mm
        points[:, 2] += (silhouette_mm - points[:, 2]) * share
        rings.append(points)
        outer = len(neutral_mm) + index * len(ring) + np.arange(len(ring))
        triangles.append(band(inner, outer))
        inner = outer
    shell = np.concatenate(rings).astype(np.float32)
    count = sum(len(t) for t in triangles[1:])
    region = np.concatenate((model.triangle_region.numpy(), np.full(count, SHELL_REGION))).astype(np.int8)
    uv = _unroll(np.concatenate((neutral_mm, shell)) - (0, 0, _ahead_mm(model)))
    presence = np.concatenate((np.ones(len(neutral_mm)), np.repeat(RING_PRESENCE, len(ring)))).astype(np.float32)
    return HeadMesh(shell, np.concatenate(triangles).astype(np.int64), region, uv, presence)


def _ahead_mm(model: MorphableModel) -> float:
    """How far the model's face lies ahead of where `mp478` has it, for which depths here are told: each author puts the
    origin elsewhere.
    """
    outlines = (each.mean_mm[each.index_sets["face_oval"], 2].mean() for each in (model, mp478.load()))
    own, usual = map(float, outlines)
    return own - usual


def band(inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Triangles between two closed rings of equal length that run clockwise as seen."""
    inner_next, outer_next = np.roll(inner, -1), np.roll(outer, -1)
    first = np.stack((inner, outer_next, outer), axis=1)
    second = np.stack((inner, inner_next, outer_next), axis=1)
    return np.concatenate((first, second))


def below_share(outward: np.ndarray) -> np.ndarray:
    """`[R]` 0-1: how much a direction `[R, 2]` (pixels) from the face leads down, to neck and shoulders."""
    down = outward[:, 1] / np.linalg.norm(outward, axis=1)
    share: np.ndarray = smoothstep(np.clip((down + 0.1) / 0.8, 0, 1))
    return share


def _unroll(points_mm: np.ndarray) -> np.ndarray:
    """Cylindrical texture coordinates `[N, 2]` scaled into the texture."""
    angle = np.arctan2(points_mm[:, 0], points_mm[:, 2] - AXIS_Z_MM)
    raw = np.stack((angle, -points_mm[:, 1]), axis=-1)
    low, high = raw.min(0), raw.max(0)
    return (MARGIN + (1 - 2 * MARGIN) * (raw - low) / (high - low)).astype(np.float32)
