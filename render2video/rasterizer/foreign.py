"""What the backends over other libraries share: pictures in a row, triangles that are drawn, and fragments from a
winner and its weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from foundation.errors import InputError
from render2video.rasterizer.fragments import Fragments
from render2video.rasterizer.torch_backend import drawable


def library(module: str, name: str, remedy: str) -> Any:
    """A library that need not be installed, imported now.

    Raises:
        InputError: it is not there, or does not load.
    """
    try:
        return import_module(module)
    except (ImportError, OSError) as error:  # a build for another torch fails with either
        raise InputError(f"rasteriser '{name}' cannot be loaded ({error})", f"{name} installed", remedy) from error


@dataclass(frozen=True)
class Scene:
    """Pictures `[P]` of the same triangles, as float32, and the triangles that are drawn.

    lead: the pictures' axes as they came. xy_px: `[P, V, 2]`, finite. depth_mm: `[P, V]`, finite. faces: `[F, 3]`.
    drawn: for each picture, the rows of `faces` that are drawn.
    """

    lead: tuple[int, ...]
    xy_px: Tensor
    depth_mm: Tensor
    faces: Tensor
    drawn: list[Tensor]

    @staticmethod
    def of(vertices_px: Tensor, depth_mm: Tensor, triangles: Tensor, cull: bool, perspective: bool) -> Scene:
        """Lay out what a `Rasterizer` was given."""
        lead, count = tuple(vertices_px.shape[:-2]), vertices_px.shape[-2]
        pictures = math.prod(lead)
        xy = vertices_px.reshape(pictures, count, 2)
        z = depth_mm.expand(*lead, count).reshape(pictures, count)
        faces = triangles.long()
        with torch.no_grad():
            kept = drawable(xy.double()[:, faces], z.double()[:, faces], cull, perspective)
        # What is not finite is in no drawn triangle; as a number it would still poison sums and gradients.
        finite = torch.isfinite(xy).all(dim=-1) & torch.isfinite(z)
        xy = torch.where(finite[..., None], xy, torch.zeros_like(xy)).float()
        z = torch.where(finite, z, torch.full_like(z, -1.0)).float()
        return Scene(lead, xy, z, faces, [row.nonzero().squeeze(1) for row in kept])

    def nearness(self) -> tuple[Tensor, Tensor]:
        """The smallest and the largest depth of each picture's drawn vertices, both `[P, 1]`; 0 where none is drawn."""
        ends = []
        for z, rows in zip(self.depth_mm.detach(), self.drawn, strict=True):
            seen = z[self.faces[rows].flatten()]
            ends.append(torch.stack((seen.min(), seen.max())) if len(seen) else z.new_zeros(2))
        both = torch.stack(ends) if ends else self.depth_mm.new_zeros(0, 2)
        return both[:, :1], both[:, 1:]

    def fragments(self, winner: Tensor, weights: Tensor, dtype: torch.dtype) -> Fragments[Tensor]:
        """Fragments from the seen rows of `faces` `[P, H, W]` (-1 where none) and weights `[P, H, W, 3]`.

        The weights are made to sum to 1 and the depth is theirs of the corners', so both follow one definition
        whatever the library rounds; gradients reach the vertices through the weights.
        """
        seen = winner >= 0
        picture, row, column = seen.nonzero(as_tuple=True)
        found = weights[picture, row, column].clamp(min=0)
        found = found / found.sum(dim=-1, keepdim=True)
        corners = self.faces[winner[picture, row, column]]
        depth = (found * self.depth_mm[picture[:, None], corners]).sum(dim=-1)
        at = (picture, row, column)
        barycentric = torch.zeros_like(weights).index_put(at, found)
        depths = torch.full_like(weights[..., 0], -torch.inf).index_put(at, depth)
        size = (*self.lead, *winner.shape[1:])
        return Fragments(
            winner.long().reshape(size), barycentric.to(dtype).reshape(*size, 3), depths.to(dtype).reshape(size)
        )
