"""A picture read at places that are not pixels, where a coarse grid of displacements says, through Lanczos' filter.

What `cv2.remap` gives with `INTER_LANCZOS4` (to one level; its places are 32nds of a pixel too), in a third of the
time. Displacements are smooth, so neighbours in a row mostly read pixels that are neighbours: each such run is filtered
as a whole, which vector instructions can do.
"""

from __future__ import annotations

import numpy as np
from numba import float32, int32, njit, uint64

from foundation.compiled import compiled

TAPS, PARTS = 8, 32  # of the filter; of a pixel
REACH_PX = 16  # around what is read, so that the filter and whole vectors stay inside
RUN, PADDED = 64, 32  # pixels filtered at once, at most; values that vector instructions take together, or more
STILL = 1 << 20  # marks a pixel that is copied
FAST = {"fastmath": True, "error_model": "numpy"}


def _weights() -> np.ndarray:
    """`[PARTS, TAPS]` float32 of Lanczos' filter."""
    away = np.arange(PARTS)[:, None] / PARTS + TAPS // 2 - 1 - np.arange(TAPS)
    weights = np.sinc(away) * np.sinc(away / (TAPS // 2))
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


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
    height, width = picture.shape[:2]
    made = np.empty((rows.stop - rows.start, 3 * (columns.stop - columns.start)), np.uint8)
    _displace(
        np.ascontiguousarray(picture).reshape(height, 3 * width), np.ascontiguousarray(grid, np.float32), step_px,
        np.float32(origin[0] - corner[0] / step_px), np.float32(origin[1] - corner[1] / step_px), np.float32(still_px),
        WEIGHTS, rows.start - corner[0], columns.start - corner[1], made,
    )
    return made.reshape(len(made), -1, 3)


@njit(fastmath=True, error_model="numpy")
def _across(weights, pixels, j):  # type: ignore[no-untyped-def]
    """One row's filter at one value; the next pixel's value of the same colour lies three further."""
    return (
        weights[0, j] * float32(pixels[j]) + weights[1, j] * float32(pixels[j + uint64(3)])
        + weights[2, j] * float32(pixels[j + uint64(6)]) + weights[3, j] * float32(pixels[j + uint64(9)])
        + weights[4, j] * float32(pixels[j + uint64(12)]) + weights[5, j] * float32(pixels[j + uint64(15)])
        + weights[6, j] * float32(pixels[j + uint64(18)]) + weights[7, j] * float32(pixels[j + uint64(21)])
    )  # fmt: skip


@compiled(**FAST)
def _filtered(flat, top, left, count, across, down, values):  # type: ignore[no-untyped-def]
    """`values[:count]` of a run whose filter's corner is at row `top` and value `left` of `[H, 3 W]`."""
    end = left + count + 3 * (TAPS - 1)
    r0, r1, r2, r3 = flat[top, left:end], flat[top + 1, left:end], flat[top + 2, left:end], flat[top + 3, left:end]
    r4, r5, r6, r7 = flat[top + 4, left:end], flat[top + 5, left:end], flat[top + 6, left:end], flat[top + 7, left:end]
    for j in range(uint64(count)):  # unsigned, for an index that may be negative is no vector's
        values[j] = (
            down[0, j] * _across(across, r0, j) + down[1, j] * _across(across, r1, j)
            + down[2, j] * _across(across, r2, j) + down[3, j] * _across(across, r3, j)
            + down[4, j] * _across(across, r4, j) + down[5, j] * _across(across, r5, j)
            + down[6, j] * _across(across, r6, j) + down[7, j] * _across(across, r7, j)
        )  # fmt: skip


@compiled(**FAST)
def _filtered_at_edge(flat, top, left, count, across, down, values):  # type: ignore[no-untyped-def]
    """The same of `count` pixels from pixel `left` on, where the filter leaves the picture."""
    height, width = flat.shape[0], flat.shape[1] // 3
    for x in range(count):
        for colour in range(3):
            total = float32(0)
            for r in range(TAPS):
                row = min(max(top + r, 0), height - 1)
                for k in range(TAPS):
                    column = min(max(left + x + k, 0), width - 1)
                    total += across[k, 3 * x] * down[r, 3 * x] * float32(flat[row, 3 * column + colour])
            values[3 * x + colour] = total


@compiled(**FAST)
def _places(grid, y, cells, shares, still, line, pixel, part):  # type: ignore[no-untyped-def]
    """Whole pixels `pixel[2, w]` (across, down) that a row is displaced by, and parts of one, in 32nds.

    y: the row, in cells. line: `[2, gw + 1]` to work in.
    """
    high, wide = grid.shape[0], grid.shape[1]
    y = min(max(y, float32(0)), float32(high - 1))
    above = int(y)
    below, share = min(above + 1, high - 1), y - float32(above)
    for cell in range(wide):
        for axis in range(2):
            start = grid[above, cell, axis]
            line[axis, cell] = float32(PARTS) * (start + share * (grid[below, cell, axis] - start))
    line[0, wide], line[1, wide] = line[0, wide - 1], line[1, wide - 1]
    for x in range(len(cells)):
        cell, share = cells[x], shares[x]
        across = line[0, cell] + share * (line[0, cell + 1] - line[0, cell])
        down = line[1, cell] + share * (line[1, cell + 1] - line[1, cell])
        a, b = int32(np.floor(across + float32(0.5))), int32(np.floor(down + float32(0.5)))
        moves = abs(across) > still or abs(down) > still
        pixel[0, x], pixel[1, x] = (a // PARTS if moves else STILL), (b // PARTS if moves else 0)
        part[0, x], part[1, x] = a % PARTS, b % PARTS


@compiled(**FAST)
def _displace(  # type: ignore[no-untyped-def]
    flat, grid, step, grid_top, grid_left, still, weights, top, left, made
):
    height, width = flat.shape[0], flat.shape[1] // 3
    high, wide = made.shape[0], made.shape[1] // 3
    cells, shares = np.empty(wide, np.int32), np.empty(wide, np.float32)
    for x in range(wide):
        place = (float32(left + x) + float32(0.5)) / float32(step) - float32(0.5) - grid_left
        place = min(max(place, float32(0)), float32(grid.shape[1] - 1))
        cells[x], shares[x] = int(place), place - float32(int(place))
    pixel, part = np.empty((2, wide), np.int32), np.empty((2, wide), np.int32)
    line = np.empty((2, grid.shape[1] + 1), np.float32)
    across = np.zeros((TAPS, 3 * RUN + PADDED), np.float32)
    down = np.zeros_like(across)
    values = np.empty(3 * RUN + PADDED, np.float32)
    for row in range(high):
        y = (float32(top + row) + float32(0.5)) / float32(step) - float32(0.5) - grid_top
        _places(grid, y, cells, shares, still * float32(PARTS), line, pixel, part)
        start = 0
        while start < wide:
            a, b, end = pixel[0, start], pixel[1, start], start + 1
            if a == STILL:
                while end < wide and pixel[0, end] == STILL:
                    end += 1
                made[row, 3 * start : 3 * end] = flat[top + row, 3 * (left + start) : 3 * (left + end)]
                start = end
                continue
            while end < min(wide, start + RUN) and pixel[0, end] == a and pixel[1, end] == b:
                end += 1
            for x in range(end - start):
                for k in range(TAPS):
                    one, two = weights[part[0, start + x], k], weights[part[1, start + x], k]
                    across[k, 3 * x], across[k, 3 * x + 1], across[k, 3 * x + 2] = one, one, one
                    down[k, 3 * x], down[k, 3 * x + 1], down[k, 3 * x + 2] = two, two, two
            first_row, first = top + row + b - TAPS // 2 + 1, left + start + a - TAPS // 2 + 1
            count = (3 * (end - start) + PADDED - 1) // PADDED * PADDED
            inside = 0 <= first_row <= height - TAPS and first >= 0 and 3 * (first + TAPS - 1) + count <= 3 * width
            if inside:
                _filtered(flat, first_row, 3 * first, count, across, down, values)
            else:
                _filtered_at_edge(flat, first_row, first, end - start, across, down, values)
            for j in range(3 * (end - start)):
                level = min(max(values[j] + float32(0.5), float32(0)), float32(255))
                made[row, 3 * start + j] = np.uint8(level)
            start = end
