"""The fast rasteriser: a z-buffer in numba. `torch_backend` is its plain reference; both do the same float64
arithmetic on edges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from numba import njit, prange

from foundation.compiled import compiled
from render2video.rasterizer.fragments import Fragments


def compiled_folder() -> Path | None:
    """The folder that keeps the machine code from run to run; None where it is compiled anew each time."""
    folder = _draw_serial.stats.cache_path
    return Path(folder) if folder else None


@njit(inline="always")
def _edge(from_x, from_y, to_x, to_y, orientation):  # type: ignore[no-untyped-def]
    """Origin, direction and tie rule of an edge whose function is dx (y - oy) - dy (x - ox), positive inside.

    The origin is the smaller endpoint, whichever way the edge runs: two triangles that share the edge then compute
    exactly opposite numbers, whatever the rounding.
    """
    dx, dy = orientation * (to_x - from_x), orientation * (to_y - from_y)
    swap = to_x < from_x or (to_x == from_x and to_y < from_y)
    origin_x, origin_y = (to_x, to_y) if swap else (from_x, from_y)
    owns_ties = dy < 0.0 or (dy == 0.0 and dx > 0.0)  # a left or a top edge
    return origin_x, origin_y, dx, dy, owns_ties


@compiled()
def _draw_rows(  # type: ignore[no-untyped-def]
    xy, z, triangles, first_row, end_row, cull, perspective, index, barycentric, depth
):
    """Draw rows `first_row` to `end_row` (exclusive) of one picture `[H, W]`."""
    index[first_row:end_row] = -1
    barycentric[first_row:end_row] = 0.0
    depth[first_row:end_row] = -np.inf
    last_column = index.shape[1] - 1.0
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = np.float64(xy[a, 0]), np.float64(xy[a, 1]), np.float64(z[a])
        bx, by, bz = np.float64(xy[b, 0]), np.float64(xy[b, 1]), np.float64(z[b])
        cx, cy, cz = np.float64(xy[c, 0]), np.float64(xy[c, 1]), np.float64(z[c])
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        # y runs down, so counter-clockwise in the head frame, which faces the viewer, has negative area here.
        if not math.isfinite(area + az + bz + cz) or area == 0.0 or (cull and area > 0.0):
            continue
        if perspective and max(az, bz, cz) >= 0.0:
            continue
        column_from = int(max(math.ceil(min(ax, bx, cx) - 0.5), 0.0))
        column_to = int(min(math.floor(max(ax, bx, cx) - 0.5), last_column))
        row_from = int(max(math.ceil(min(ay, by, cy) - 0.5), float(first_row)))
        row_to = int(min(math.floor(max(ay, by, cy) - 0.5), end_row - 1.0))
        orientation = 1.0 if area > 0.0 else -1.0
        ox0, oy0, dx0, dy0, tie0 = _edge(bx, by, cx, cy, orientation)
        ox1, oy1, dx1, dy1, tie1 = _edge(cx, cy, ax, ay, orientation)
        ox2, oy2, dx2, dy2, tie2 = _edge(ax, ay, bx, by, orientation)
        for row in range(row_from, row_to + 1):
            y = row + 0.5
            up0, up1, up2 = dx0 * (y - oy0), dx1 * (y - oy1), dx2 * (y - oy2)
            for column in range(column_from, column_to + 1):
                x = column + 0.5
                e0, e1, e2 = up0 - dy0 * (x - ox0), up1 - dy1 * (x - ox1), up2 - dy2 * (x - ox2)
                if e0 < 0.0 or e1 < 0.0 or e2 < 0.0:
                    continue
                if (e0 == 0.0 and not tie0) or (e1 == 0.0 and not tie1) or (e2 == 0.0 and not tie2):
                    continue
                if perspective:
                    e_sum = e0 + e1 + e2
                    e0, e1, e2 = e0 / az, e1 / bz, e2 / cz
                    weight_sum = e0 + e1 + e2
                    here = np.float32(e_sum / weight_sum)
                else:
                    weight_sum = e0 + e1 + e2
                    here = np.float32((e0 * az + e1 * bz + e2 * cz) / weight_sum)
                if here > depth[row, column]:
                    depth[row, column] = here
                    index[row, column] = t
                    barycentric[row, column, 0] = e0 / weight_sum
                    barycentric[row, column, 1] = e1 / weight_sum
                    barycentric[row, column, 2] = e2 / weight_sum


@compiled()
def _draw_serial(xy, z, triangles, cull, perspective, index, barycentric, depth):  # type: ignore[no-untyped-def]
    for picture in range(len(xy)):
        _draw_rows(
            xy[picture], z[picture], triangles, 0, index.shape[1], cull, perspective,
            index[picture], barycentric[picture], depth[picture],
        )


@compiled(parallel=True)
def _draw_parallel(xy, z, triangles, cull, perspective, bands, index, barycentric, depth):  # type: ignore[no-untyped-def]
    """Bands of rows, each drawn by one thread: no two threads write the same pixel."""
    height = index.shape[1]
    for part in prange(len(xy) * bands):
        picture, band = part // bands, part % bands
        _draw_rows(
            xy[picture], z[picture], triangles, band * height // bands, (band + 1) * height // bands, cull, perspective,
            index[picture], barycentric[picture], depth[picture],
        )


@dataclass(frozen=True)
class NumbaRasterizer:
    """`Rasterizer` over numpy arrays. Same coverage as `TorchRasterizer` to the last pixel.

    cull_backfaces: leave out triangles that face away. perspective_correct: barycentrics linear in space rather than
    in the picture, for pinhole cameras. parallel: use numba's threads (as many as `numba.set_num_threads` says);
    releases the GIL either way.
    """

    cull_backfaces: bool = False
    perspective_correct: bool = False
    parallel: bool = False

    def __call__(
        self, vertices_px: np.ndarray, depth_mm: np.ndarray, triangles: np.ndarray, height_px: int, width_px: int
    ) -> Fragments[np.ndarray]:
        """See `Rasterizer`. Returns int32 indices, float32 barycentrics and depth."""
        lead = vertices_px.shape[:-2]
        xy = np.ascontiguousarray(vertices_px, np.float32).reshape(-1, *vertices_px.shape[-2:])
        z = np.ascontiguousarray(np.broadcast_to(depth_mm, vertices_px.shape[:-1]), np.float32).reshape(xy.shape[:2])
        faces = checked_triangles(triangles, xy.shape[1])
        index = np.empty((len(xy), height_px, width_px), np.int32)
        barycentric = np.empty((*index.shape, 3), np.float32)
        depth = np.empty(index.shape, np.float32)
        options = (self.cull_backfaces, self.perspective_correct)
        if self.parallel:
            bands = 4 * numba.get_num_threads()  # more than threads: a face leaves some rows empty
            _draw_parallel(xy, z, faces, *options, bands, index, barycentric, depth)
        else:
            _draw_serial(xy, z, faces, *options, index, barycentric, depth)
        size = (*lead, height_px, width_px)
        return Fragments(index.reshape(size), barycentric.reshape(*size, 3), depth.reshape(size))


def checked_triangles(triangles: np.ndarray, vertex_count: int) -> np.ndarray:
    """Contiguous int32 `[F, 3]`; numba does not check indices, so a wrong one would read foreign memory."""
    faces = np.ascontiguousarray(triangles, np.int32)
    assert faces.ndim == 2 and faces.shape[1] == 3, f"triangles {faces.shape}, expected [F, 3]"
    in_range = not len(faces) or (faces.min() >= 0 and faces.max() < vertex_count)
    assert in_range, f"triangles index beyond {vertex_count} vertices"
    return faces


@compiled()
def _interpolate(index, barycentric, triangles, attributes, background, out):  # type: ignore[no-untyped-def]
    channels = attributes.shape[2]
    for picture in range(len(index)):
        values = attributes[picture if len(attributes) > 1 else 0]
        for row in range(index.shape[1]):
            for column in range(index.shape[2]):
                t = index[picture, row, column]
                if t < 0:
                    out[picture, row, column] = background
                    continue
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                weights = barycentric[picture, row, column]
                for k in range(channels):
                    out[picture, row, column, k] = (
                        weights[0] * values[a, k] + weights[1] * values[b, k] + weights[2] * values[c, k]
                    )


def interpolate_numpy(
    fragments: Fragments[np.ndarray], triangles: np.ndarray, attributes: np.ndarray, background: float
) -> np.ndarray:
    """`interpolate` over numpy arrays; `attributes` `[V, C]` for all pictures, or `[..., V, C]` with the fragments'
    leading axes."""
    size = fragments.triangle_index.shape
    index = np.ascontiguousarray(fragments.triangle_index, np.int32).reshape(-1, *size[-2:])
    barycentric = np.ascontiguousarray(fragments.barycentric, np.float32).reshape(*index.shape, 3)
    if attributes.ndim > 2:
        attributes = np.broadcast_to(attributes, (*size[:-2], *attributes.shape[-2:]))
    values = np.ascontiguousarray(attributes, np.float32).reshape(-1, *attributes.shape[-2:])
    faces = checked_triangles(triangles, values.shape[1])
    assert not index.size or index.max() < len(faces), "fragments of other triangles"
    out = np.empty((*index.shape, values.shape[2]), np.float32)
    _interpolate(index, barycentric, faces, values, np.float32(background), out)
    return out.reshape(*size, values.shape[2])
