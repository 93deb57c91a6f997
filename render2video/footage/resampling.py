"""A picture read at places that are not pixels, where a coarse grid of displacements says, through Lanczos' filter.

What `cv2.remap` gives with `INTER_LANCZOS4` (to one level; its places are 32nds of a pixel too), in a fraction of the
time: the eight pixels of a row that one filter reads lie side by side, colour by colour, as many as one vector
instruction takes; and places are found a row at once.
"""

from __future__ import annotations

import numpy as np
from numba import float32, int32, uint64

from foundation.compiled import compiled

TAPS, PARTS, SHIFT = 8, 32, 5  # of the filter; of a pixel, and as a power of two
STILL = 1 << 20  # marks a pixel that is copied
FAST = {"fastmath": True, "error_model": "numpy"}


def _weights() -> np.ndarray:
    """`[PARTS * TAPS]` float32 of Lanczos' filter."""
    away = np.arange(PARTS)[:, None] / PARTS + TAPS // 2 - 1 - np.arange(TAPS)
    weights = np.sinc(away) * np.sinc(away / (TAPS // 2))
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32).ravel()


WEIGHTS = _weights()


def displaced(
    picture: np.ndarray, grid: np.ndarray, step_px: int, still_px: float, rows: slice, columns: slice,
    origin: tuple[int, int] = (0, 0), corner: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """A rectangle of the displaced picture, `[h, w, 3]` uint8.

    Args:
        picture: `[H, W, 3]` uint8, a part of a frame or all of it; beyond it its edge goes on.
        grid: `[gh, gw, 2]` float32, from places of the result to those of the picture, at the middles of cells.
        step_px: side of a cell.
        still_px: what moves by no more, across and down, is copied.
        rows, columns: the rectangle, in the frame.
        origin: (row, column) in the frame of the grid's first cell, in cells; beyond the grid its edge goes on.
        corner: (row, column) in the frame of the picture.
    """
    shifts = np.ascontiguousarray(grid, np.float32)
    high, wide = (slice(p.start - at, p.stop - at) for p, at in zip((rows, columns), corner, strict=True))
    part = reading(shifts, high, wide, *picture.shape[:2])
    read, corner = picture[part], (corner[0] + part[0].start, corner[1] + part[1].start)
    height, width = read.shape[:2]
    planes = np.empty((3, height + 2 * TAPS, width + 2 * TAPS), np.float32)
    _part(np.ascontiguousarray(read).reshape(height, 3 * width), planes)
    made = np.empty((rows.stop - rows.start, 3 * (columns.stop - columns.start)), np.uint8)
    _displace(
        planes.ravel(), planes.shape[1], planes.shape[2], shifts, step_px,
        np.float32(origin[0] - corner[0] / step_px), np.float32(origin[1] - corner[1] / step_px),
        np.float32(still_px), WEIGHTS, np.uint64(TAPS), rows.start - corner[0], columns.start - corner[1], made,
    )
    return made.reshape(len(made), -1, 3)


def reading(grid: np.ndarray, rows: slice, columns: slice, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a picture that its displaced rectangle depends on."""
    read = []
    for part, (low, high), last in zip((rows, columns), _bounds(grid), (height, width), strict=True):
        start = int(np.clip(part.start + low - TAPS, 0, last - 1))
        read.append(slice(start, int(np.clip(part.stop + high + TAPS, start + 1, last))))
    return read[0], read[1]


@compiled(**FAST)
def _bounds(grid):  # type: ignore[no-untyped-def]
    """Least and most whole pixels, down and across, of a grid."""
    low, high = grid[0, 0].copy(), grid[0, 0].copy()
    for row in range(grid.shape[0]):
        for cell in range(grid.shape[1]):
            for axis in range(2):
                low[axis], high[axis] = min(low[axis], grid[row, cell, axis]), max(high[axis], grid[row, cell, axis])
    across, down = (int(np.floor(low[0])), int(np.ceil(high[0]))), (int(np.floor(low[1])), int(np.ceil(high[1])))
    return down, across


@compiled(**FAST)
def _part(flat, planes):  # type: ignore[no-untyped-def]
    """Colours `[3, H + 16, W + 16]` of a picture `[H, 3 W]`, whose edge goes on for as far as the filter reads."""
    height, width = len(flat), flat.shape[1] // 3
    for row in range(planes.shape[1]):
        line = flat[min(max(row - TAPS, 0), height - 1)]
        for colour in range(3):
            own = planes[colour, row]
            for x in range(uint64(width)):
                own[uint64(TAPS) + x] = float32(line[uint64(3) * x + uint64(colour)])
            own[:TAPS], own[TAPS + width :] = own[TAPS], own[TAPS + width - 1]


@compiled(**FAST)
def _places(grid, y, at, still, line, across, down):  # type: ignore[no-untyped-def]
    """By how much a row is displaced `[w]`, in 32nds of a pixel; STILL where it is copied.

    y: the row, in cells. at: `[w]`, the columns likewise. line: `[2 * (gw + 1)]` to work in.
    """
    high, wide = grid.shape[0], grid.shape[1]
    y = min(max(y, float32(0)), float32(high - 1))
    above = int(y)
    below, share = min(above + 1, high - 1), y - float32(above)
    for axis in range(2):
        own = line[axis * (wide + 1) : (axis + 1) * (wide + 1)]
        for cell in range(wide):
            start = grid[above, cell, axis]
            own[cell] = float32(PARTS) * (start + share * (grid[below, cell, axis] - start))
        own[wide] = own[wide - 1]
    for x in range(uint64(len(at))):
        cell = uint64(int32(at[x]))
        share = at[x] - float32(cell)
        a, b = line[cell], line[cell + uint64(wide + 1)]
        a += share * (line[cell + uint64(1)] - a)
        b += share * (line[cell + uint64(wide + 2)] - b)
        moves = max(abs(a), abs(b)) > still
        across[x] = int32(np.floor(a + float32(0.5))) if moves else STILL
        down[x] = int32(np.floor(b + float32(0.5)))


@compiled(**FAST)
def _displace(  # type: ignore[no-untyped-def]
    planes, tall, broad, grid, step, grid_top, grid_left, still, weights, taps, top, left, made
):
    """planes: `[3 * tall * broad]`, see `_part`."""
    high, wide, size = made.shape[0], made.shape[1] // 3, uint64(tall * broad)
    at_cell, across, down = np.empty(wide, np.float32), np.empty(wide, np.int32), np.empty(wide, np.int32)
    for x in range(wide):
        place = (float32(left + x) + float32(0.5)) / float32(step) - float32(0.5) - grid_left
        at_cell[x] = min(max(place, float32(0)), float32(grid.shape[1] - 1))
    line = np.empty(2 * (grid.shape[1] + 1), np.float32)
    n1 = uint64(broad)
    n2, n3, n4, n5, n6, n7 = (
        uint64(2 * broad), uint64(3 * broad), uint64(4 * broad), uint64(5 * broad), uint64(6 * broad),
        uint64(7 * broad),
    )
    for row in range(high):
        y = (float32(top + row) + float32(0.5)) / float32(step) - float32(0.5) - grid_top
        _places(grid, y, at_cell, still * float32(PARTS), line, across, down)
        line_made = made[row]
        here = (top + row + TAPS) * broad + left + TAPS
        for x in range(wide):
            right, below = across[x], down[x]
            if right == STILL:
                at = uint64(here + x)
                for colour in range(3):
                    made[row, 3 * x + colour] = np.uint8(planes[at])
                    at += size
                continue
            # Where the filter's corner is, moved to where the edge goes on if it lies further outside.
            first_row = min(max(top + row + (below >> SHIFT) + TAPS // 2 + 1, 0), tall - TAPS)
            first = min(max(left + x + (right >> SHIFT) + TAPS // 2 + 1, 0), broad - TAPS)
            at = uint64(first_row * broad + first)
            w, d = uint64((right & (PARTS - 1)) * TAPS), uint64((below & (PARTS - 1)) * TAPS)
            d0, d1, d2, d3 = weights[d], weights[d + uint64(1)], weights[d + uint64(2)], weights[d + uint64(3)]
            d4, d5, d6, d7 = (
                weights[d + uint64(4)], weights[d + uint64(5)], weights[d + uint64(6)], weights[d + uint64(7)]
            )
            red = green = blue = float32(0.5)
            for k in range(taps):
                p, q = at + k, at + size + k
                r = q + size
                weight = weights[w + k]
                red += weight * (
                    d0 * planes[p] + d1 * planes[p + n1] + d2 * planes[p + n2] + d3 * planes[p + n3]
                    + d4 * planes[p + n4] + d5 * planes[p + n5] + d6 * planes[p + n6] + d7 * planes[p + n7]
                )
                green += weight * (
                    d0 * planes[q] + d1 * planes[q + n1] + d2 * planes[q + n2] + d3 * planes[q + n3]
                    + d4 * planes[q + n4] + d5 * planes[q + n5] + d6 * planes[q + n6] + d7 * planes[q + n7]
                )
                blue += weight * (
                    d0 * planes[r] + d1 * planes[r + n1] + d2 * planes[r + n2] + d3 * planes[r + n3]
                    + d4 * planes[r + n4] + d5 * planes[r + n5] + d6 * planes[r + n6] + d7 * planes[r + n7]
                )
            line_made[3 * x] = np.uint8(min(max(red, float32(0)), float32(255)))
            line_made[3 * x + 1] = np.uint8(min(max(green, float32(0)), float32(255)))
            line_made[3 * x + 2] = np.uint8(min(max(blue, float32(0)), float32(255)))
