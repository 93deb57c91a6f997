"""Linear 3D morphable face models: shape = mean + identity + expression + blink, and per-vertex albedo."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor

from face_model.rotations import rotation_matrix


class Region(IntEnum):
    """What a triangle shows; stored per triangle in `MorphableModel.triangle_region`."""

    SKIN = 0
    RIGHT_EYE = 1  # the person's right, on the left of the picture
    LEFT_EYE = 2
    INNER_MOUTH = 3


@dataclass(frozen=True)
class MorphableModel:
    """A face model over V vertices and F triangles. All lengths in mm, head frame: x right as seen, y up, z towards
    the viewer.

    id: name that tracks carry. mean_mm: `[V, 3]`. identity_mm: `[80, V, 3]`, one standard deviation each (another
    model may have more or fewer, and expressions whose unit is full strength).
    expression_mm: `[64, V, 3]`, one standard deviation each. blink_mm: `[V, 3]`, offsets of both lids when AU45 is 5
    and the person's blink gain 1. albedo: `[V, 3]` mean RGB 0-1. texture: `[80, V, 3]`. triangles: `[F, 3]`, counter-
    clockwise seen from outside. triangle_region: `[F]` of `Region`. uv: `[V, 2]` 0-1, u right, v down in the texture
    picture. index_sets: named vertex indices, ordered where it matters
    (`landmark_sets` of the model's module says which exist).
    """

    id: str
    mean_mm: Tensor
    identity_mm: Tensor
    expression_mm: Tensor
    blink_mm: Tensor
    albedo: Tensor
    texture: Tensor
    triangles: Tensor
    triangle_region: Tensor
    uv: Tensor
    index_sets: dict[str, Tensor]

    def to(self, device: torch.device | str) -> MorphableModel:
        """The same model on another device."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {name: v.to(device) for name, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **moved, index_sets={k: v.to(device) for k, v in self.index_sets.items()})

    def shape(self, identity: Tensor) -> Tensor:
        """Neutral vertices `[..., V, 3]` (mm) of identities `[..., 80]`."""
        return self.mean_mm + torch.einsum("...k,kvc->...vc", identity, self.identity_mm)

    def vertices(
        self, neutral_mm: Tensor, expression: Tensor, blink: Tensor, blink_gain: float | Tensor = 1.0
    ) -> Tensor:
        """Vertices `[..., V, 3]` in the head frame (mm).

        Args:
            neutral_mm: `[..., V, 3]` from `shape`.
            expression: `[..., 64]`.
            blink: `[...]`, AU45 0-5.
            blink_gain: the person's, `FaceIdentity.blink_gain`.
        """
        lids = (blink / 5.0 * blink_gain)[..., None, None] * self.blink_mm
        return neutral_mm + torch.einsum("...k,kvc->...vc", expression, self.expression_mm) + lids

    def albedo_of(self, texture: Tensor) -> Tensor:
        """Per-vertex albedo `[..., V, 3]` (RGB, about 0-1) of texture coefficients `[..., 80]`."""
        return self.albedo + torch.einsum("...k,kvc->...vc", texture, self.texture)

    def normals(self, vertices_mm: Tensor) -> Tensor:
        """Unit vertex normals `[..., V, 3]`, area-weighted over the triangles around each vertex."""
        corners = vertices_mm[..., self.triangles, :]
        face = torch.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :], dim=-1)
        total = torch.zeros_like(vertices_mm)
        for corner in range(3):
            total = total.index_add(-2, self.triangles[:, corner], face)
        return torch.nn.functional.normalize(total, dim=-1)


def rotate(vertices_mm: Tensor, rotation: Tensor) -> Tensor:
    """Head-frame vertices `[..., V, 3]` turned by rotations `[..., 3]` (radians)."""
    return vertices_mm @ rotation_matrix(rotation).transpose(-1, -2)
