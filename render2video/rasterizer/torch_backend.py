"""The plain rasteriser: torch alone, any device, gradients to the vertices. The reference of `numba_backend`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from render2video.rasterizer.fragments import Fragments

_MAX_CANDIDATES = 4_000_000  # (triangle, pixel) pairs tried at once: bounds the memory, about 1 GB


class _Edges(NamedTuple):
    """The edges of triangles; edge k is opposite corner k. Edge functions dx (y - oy) - dy (x - ox) are positive
    inside.

    origin: `[N, 3, 2]` pixels, the smaller endpoint, whichever way the edge runs: two triangles that share the edge
    then compute exactly opposite numbers, whatever the rounding. direction: `[N, 3, 2]`. owns_ties: `[N, 3]`, whether
    points on the edge count.
    """

    origin: Tensor
    direction: Tensor
    owns_ties: Tensor

    @staticmethod
    def of(corners: Tensor) -> _Edges:
        """The edges of triangles `[N, 3, 2]` (pixels, float64)."""
        start, end = corners[:, [1, 2, 0]], corners[:, [2, 0, 1]]
        direction = (end - start) * _area(corners).detach().sign()[:, None, None]
        swap = (end[..., 0] < start[..., 0]) | ((end[..., 0] == start[..., 0]) & (end[..., 1] < start[..., 1]))
        dx, dy = direction.unbind(-1)
        owns_ties = (dy < 0) | ((dy == 0) & (dx > 0))  # a left or a top edge
        return _Edges(torch.where(swap[..., None], end, start), direction, owns_ties)

    def rows(self, index: Tensor) -> _Edges:
        """The edges of some of the triangles, in the order of `index`."""
        return _Edges(*(values.index_select(0, index) for values in self))

    def functions(self, x: Tensor, y: Tensor) -> Tensor:
        """Edge functions `[N, 3]` at one point (pixels) a triangle."""
        to_x, to_y = x[:, None] - self.origin[..., 0], y[:, None] - self.origin[..., 1]
        return self.direction[..., 0] * to_y - self.direction[..., 1] * to_x


def _spans(low: Tensor, high: Tensor, size_px: int) -> tuple[Tensor, Tensor]:
    """First pixel and number of pixels whose centres lie within `[low, high]` and the picture."""
    first = torch.ceil(low - 0.5).clamp(0, size_px)
    last = torch.floor(high - 0.5).clamp(-1, size_px - 1)
    return first.long(), (last - first + 1).clamp(min=0).long()


@dataclass(frozen=True)
class TorchRasterizer:
    """`Rasterizer` over tensors, on their device.

    Differentiable: barycentric and depth, with respect to `vertices_px` and `depth_mm`. Which pixels a triangle
    covers is a step function and has no gradient, so silhouettes do not pull on the vertices.

    cull_backfaces: leave out triangles that face away. perspective_correct: barycentrics linear in space rather than
    in the picture, for pinhole cameras.
    """

    cull_backfaces: bool = False
    perspective_correct: bool = False

    def __call__(
        self, vertices_px: Tensor, depth_mm: Tensor, triangles: Tensor, height_px: int, width_px: int
    ) -> Fragments[Tensor]:
        """See `Rasterizer`. Returns int64 indices; barycentrics and depth in the type of `vertices_px`."""
        lead, vertex_count = vertices_px.shape[:-2], vertices_px.shape[-2]
        pictures = math.prod(lead)
        faces = triangles.long()
        xy = vertices_px.double().reshape(pictures, vertex_count, 2)[:, faces].flatten(0, 1)  # [P * F, 3, 2]
        z = depth_mm.expand(*lead, vertex_count).double().reshape(pictures, vertex_count)[:, faces].flatten(0, 1)
        with torch.no_grad():
            winner = self._visible(xy, z, pictures, height_px, width_px)
        barycentric, depth = self._attributes(xy, z, winner, width_px, height_px)
        index = torch.where(winner >= 0, winner % max(len(faces), 1), -1)
        size = (*lead, height_px, width_px)
        return Fragments(
            index.reshape(size),
            barycentric.to(vertices_px.dtype).reshape(*size, 3),
            depth.to(vertices_px.dtype).reshape(size),
        )

    def _visible(self, xy: Tensor, z: Tensor, pictures: int, height_px: int, width_px: int) -> Tensor:
        """The seen row of `xy` per pixel, `[P * H * W]`, -1 where none."""
        pixels = pictures * height_px * width_px
        nearest = torch.full((pixels,), -torch.inf, device=xy.device)
        winner = torch.full((pixels,), -1, dtype=torch.long, device=xy.device)
        per_picture = max(len(xy) // max(pictures, 1), 1)
        edges = _Edges.of(xy)
        for triangle, row, column in self._candidates(xy, z, height_px, width_px):
            function = edges.rows(triangle).functions(column + 0.5, row + 0.5)
            inside = ((function > 0) | ((function == 0) & edges.owns_ties[triangle])).all(dim=-1).nonzero().squeeze(1)
            triangle = triangle[inside]
            pixel = ((triangle // per_picture) * height_px + row[inside]) * width_px + column[inside]
            here = self._weigh(function[inside], z[triangle])[1].float()  # both backends compare float32 depths
            chunk = torch.full_like(nearest, -torch.inf).scatter_reduce(0, pixel, here, "amax")
            at_front = here == chunk[pixel]
            first = torch.full_like(winner, len(xy)).scatter_reduce(0, pixel[at_front], triangle[at_front], "amin")
            nearer = chunk > nearest  # chunks come in order of index, so that ties stay with the lower one
            nearest, winner = torch.where(nearer, chunk, nearest), torch.where(nearer, first, winner)
        return winner

    def _candidates(
        self, xy: Tensor, z: Tensor, height_px: int, width_px: int
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Row of `xy`, pixel row and pixel column of all pixels in the triangles' bounding boxes, some triangles at a
        time."""
        kept = drawable(xy, z, self.cull_backfaces, self.perspective_correct).nonzero().squeeze(1)
        low, high = xy[kept].amin(dim=1), xy[kept].amax(dim=1)
        first_column, columns = _spans(low[:, 0], high[:, 0], width_px)
        first_row, rows = _spans(low[:, 1], high[:, 1], height_px)
        count = columns * rows
        group = count.cumsum(0) // _MAX_CANDIDATES
        for number in group.unique().tolist():
            part = (group == number).nonzero().squeeze(1)
            box = part.repeat_interleave(count[part])
            end = count[part].cumsum(0)
            offset = torch.arange(len(box), device=xy.device) - (end - count[part]).repeat_interleave(count[part])
            row = offset // columns[box]
            yield kept[box], first_row[box] + row, first_column[box] + offset - row * columns[box]

    def _weigh(self, edges: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Barycentrics `[N, 3]` and depth `[N]` from edge functions `[N, 3]` and corner depths `[N, 3]`."""
        e0, e1, e2 = edges.unbind(-1)
        z0, z1, z2 = z.unbind(-1)
        if self.perspective_correct:
            w0, w1, w2 = e0 / z0, e1 / z1, e2 / z2
            total = w0 + w1 + w2
            depth = (e0 + e1 + e2) / total
        else:
            w0, w1, w2 = e0, e1, e2
            total = w0 + w1 + w2
            depth = (w0 * z0 + w1 * z1 + w2 * z2) / total
        return torch.stack((w0, w1, w2), dim=-1) / total[:, None], depth

    def _attributes(
        self, xy: Tensor, z: Tensor, winner: Tensor, width_px: int, height_px: int
    ) -> tuple[Tensor, Tensor]:
        """Barycentrics `[P * H * W, 3]` and depth `[P * H * W]` of the seen triangles, with gradients."""
        pixel = (winner >= 0).nonzero().squeeze(1)
        row, column = (pixel // width_px) % height_px, pixel % width_px
        function = _Edges.of(xy).rows(winner[pixel]).functions(column + 0.5, row + 0.5)
        weights, depth = self._weigh(function, z[winner[pixel]])
        barycentric = torch.zeros(len(winner), 3, dtype=xy.dtype, device=xy.device).index_copy(0, pixel, weights)
        return barycentric, torch.full_like(winner, -torch.inf, dtype=xy.dtype).index_copy(0, pixel, depth)


def drawable(corners_px: Tensor, depth_mm: Tensor, cull_backfaces: bool, perspective_correct: bool) -> Tensor:
    """Which triangles a rasteriser draws at all, `[...]` bool, from corners `[..., 3, 2]` and depths `[..., 3]`."""
    area = _area(corners_px)
    drawn = torch.isfinite(area + depth_mm.sum(dim=-1)) & (area != 0)
    if cull_backfaces:
        drawn &= area < 0  # y runs down: counter-clockwise in the head frame, which faces the viewer
    if perspective_correct:
        drawn &= depth_mm.amax(dim=-1) < 0
    return drawn


def _area(corners: Tensor) -> Tensor:
    """Twice the signed area of triangles `[..., 3, 2]` in pixels."""
    (ax, ay), (bx, by), (cx, cy) = (corners[..., k, :].unbind(-1) for k in range(3))
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


def interpolate_torch(fragments: Fragments[Tensor], triangles: Tensor, attributes: Tensor, background: float) -> Tensor:
    """`interpolate` over tensors: differentiable in the barycentrics and the attributes."""
    seen = fragments.triangle_index >= 0
    size = seen.shape
    pixel = seen.flatten().nonzero().squeeze(1)
    corners = triangles.long()[fragments.triangle_index.flatten()[pixel]]  # [N, 3]
    weights = fragments.barycentric.reshape(-1, 3)[pixel].to(attributes.dtype)
    if attributes.ndim > 2:
        attributes = attributes.expand(*size[:-2], *attributes.shape[-2:])
        corners = corners + (pixel // (size[-2] * size[-1]))[:, None] * attributes.shape[-2]
    values = torch.einsum("nk,nkc->nc", weights, attributes.reshape(-1, attributes.shape[-1])[corners])
    out = torch.full((seen.numel(), values.shape[-1]), background, dtype=values.dtype, device=values.device)
    return out.index_copy(0, pixel, values).reshape(*size, -1)
