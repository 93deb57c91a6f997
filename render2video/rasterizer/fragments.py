"""What a rasteriser returns, and what every rasteriser promises.

Pixels: x right, y down, (0, 0) the upper left corner of the picture; the pixel in row i and column j is asked at its
centre (j + 0.5, i + 0.5). A pixel belongs to the triangle that its centre lies in. A centre exactly on an edge
belongs to one of the two triangles that share it, by the top-left rule, so a closed mesh has neither holes nor pixels
drawn twice. Where triangles overlap, the nearest to the viewer wins; at the same depth (as float32), the one with the
lower index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from torch import Tensor

ArrayT = TypeVar("ArrayT", np.ndarray, Tensor)


@dataclass(frozen=True)
class Fragments(Generic[ArrayT]):
    """What is seen at each pixel of pictures `[..., H, W]`; numpy arrays or torch tensors, as the backend has it.

    triangle_index: `[..., H, W]` integer, the row of `triangles` that is seen; -1 where nothing is.
    barycentric: `[..., H, W, 3]` float, the weights of the triangle's three vertices in the order of its row:
        non-negative, sum 1; 0 where nothing is seen. Affine in the picture, or perspective-correct when the backend
        was made so.
    depth_mm: `[..., H, W]` float, camera z of the seen point (larger is nearer to the viewer); -inf where nothing is
        seen.
    """

    triangle_index: ArrayT
    barycentric: ArrayT
    depth_mm: ArrayT

    @property
    def mask(self) -> ArrayT:
        """`[..., H, W]` bool: where a triangle is seen."""
        return self.triangle_index >= 0


class Rasterizer(Protocol[ArrayT]):
    """Turns projected triangles into `Fragments`."""

    def __call__(
        self, vertices_px: ArrayT, depth_mm: ArrayT, triangles: ArrayT, height_px: int, width_px: int
    ) -> Fragments[ArrayT]:
        """Draw.

        Args:
            vertices_px: `[..., V, 2]` float, x and y in pixels.
            depth_mm: `[..., V]` float, camera z in mm, larger is nearer. What is in view has negative z, but nothing
                here needs it except perspective-correct backends, which leave out triangles with a vertex at z >= 0.
            triangles: `[F, 3]` integer vertex indices, shared by all pictures; counter-clockwise seen from outside.
            height_px, width_px: the picture's size.

        A triangle with a vertex that is not finite, or without area, covers nothing.
        """
        ...
