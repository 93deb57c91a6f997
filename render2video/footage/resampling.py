"""A picture read at places that are not pixels, where a coarse grid of displacements says, through Lanczos' filter or
a cubic one.

What `cv2.remap` gives with `INTER_LANCZOS4` or `INTER_CUBIC` (to one level; its places are 32nds of a pixel too), in a
fraction of the time: the pixels of a row that one filter reads lie side by side, colour after colour, as in the
picture, and are multiplied as one vector, row after row; colours are parted when all rows have been added. Places are
found a row at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from llvmlite import ir
from numba import float32, int32, types, uint64
from numba.extending import intrinsic

from foundation.compiled import compiled

TAPS, PARTS, SHIFT = 8, 32, 5  # of the longer filter; of a pixel, and as a power of two
CUBIC = -0.75  # OpenCV's own
FAST = {"fastmath": True, "error_model": "numpy"}
COLOURS = 1, 3  # of a pixel
_FLOAT, _BYTE, _PLACE = ir.FloatType(), ir.IntType(8), ir.IntType(32)


@dataclass(frozen=True)
class Filter:
    """taps: pixels that it reads, across and down. down: `[PARTS * taps]` float32, its weights for each part of a
    pixel. across: of pixels of so many colours, each weight as often.
    """

    taps: int
    down: np.ndarray
    across: dict[int, np.ndarray]

    @classmethod
    def of(cls, weights: np.ndarray) -> Filter:
        """Of weights `[PARTS, taps]`."""
        even = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
        return cls(even.shape[1], even.ravel(), {count: np.repeat(even, count, axis=1).ravel() for count in COLOURS})


def _lanczos() -> Filter:
    away = np.arange(PARTS)[:, None] / PARTS + TAPS // 2 - 1 - np.arange(TAPS)
    return Filter.of(np.sinc(away) * np.sinc(away / (TAPS // 2)))


def _cubic() -> Filter:
    away = np.abs(np.arange(PARTS)[:, None] / PARTS + 1 - np.arange(4))
    near = ((CUBIC + 2) * away - (CUBIC + 3)) * away**2 + 1
    return Filter.of(np.where(away < 1, near, ((away - 5) * away + 8) * away * CUBIC - 4 * CUBIC))


LANCZOS, SHORT = _lanczos(), _cubic()


def displaced(
    picture: np.ndarray, grid: np.ndarray, step_px: float, still_px: float, rows: slice, columns: slice,
    origin: tuple[int, int] = (0, 0), corner: tuple[int, int] = (0, 0), through: Filter = LANCZOS,
) -> np.ndarray:
    """A rectangle of the displaced picture, uint8.

    Args:
        picture: `[H, W, 3]` or `[H, W]` uint8, a part of a frame or all of it; beyond it its edge goes on.
        grid: `[gh, gw, 2]` float32, from places of the result to those of the picture, at the middles of cells.
        step_px: side of a cell.
        still_px: what moves by no more, across and down, is copied.
        rows, columns: the rectangle, in the frame.
        origin: (row, column) in the frame of the grid's first cell, in cells; beyond the grid its edge goes on.
        corner: (row, column) in the frame of the picture.
    """
    shifts, colours = np.ascontiguousarray(grid, np.float32), 1 if picture.ndim == 2 else picture.shape[2]
    high, wide = (slice(p.start - at, p.stop - at) for p, at in zip((rows, columns), corner, strict=True))
    part = reading(shifts, high, wide, *picture.shape[:2])
    read, corner = picture[part], (corner[0] + part[0].start, corner[1] + part[1].start)
    padded = cv2.copyMakeBorder(read, TAPS, TAPS, TAPS, TAPS, cv2.BORDER_REPLICATE)
    made = np.empty((rows.stop - rows.start, columns.stop - columns.start, *picture.shape[2:]), np.uint8)
    _displace(
        padded.ravel(), *padded.shape[:2], shifts, np.float32(step_px),
        np.float32(origin[0] - corner[0] / step_px), np.float32(origin[1] - corner[1] / step_px),
        np.float32(still_px), through.across[colours], through.down, (0,) * through.taps, (0,) * colours,
        rows.start - corner[0], columns.start - corner[1], made.reshape(len(made), -1),
    )
    return made


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
def _across(grid, row, at, made):  # type: ignore[no-untyped-def]
    """A row of a grid at columns `at` `[w]` (cells), in 32nds of a pixel: `made[2, w]`."""
    last = grid.shape[1] - 1
    for axis in range(2):
        for x in range(uint64(len(at))):
            cell = int32(at[x])
            start, end = grid[row, cell, axis], grid[row, min(cell + 1, last), axis]
            made[axis, x] = float32(PARTS) * (start + (at[x] - float32(cell)) * (end - start))


@compiled(**FAST)
def _places(above, below, share, still, across, down):  # type: ignore[no-untyped-def]
    """By how much a row `share` of the way between two `[2, w]` is displaced `[w]`, in whole 32nds of a pixel; by
    nothing where it moves by no more than `still`.
    """
    for x in range(uint64(len(across))):
        a = above[0, x] + share * (below[0, x] - above[0, x])
        b = above[1, x] + share * (below[1, x] - above[1, x])
        moves = max(abs(a), abs(b)) > still
        across[x] = int32(np.floor(a + float32(0.5))) if moves else int32(0)
        down[x] = int32(np.floor(b + float32(0.5))) if moves else int32(0)


@compiled(**FAST)
def _moving(across, down):  # type: ignore[no-untyped-def]
    """The first pixel of a row that is displaced, and where those that are end."""
    first, end = 0, len(across)
    while first < end and across[first] == 0 and down[first] == 0:
        first += 1
    while end > first and across[end - 1] == 0 and down[end - 1] == 0:
        end -= 1
    return first, end


@compiled(**FAST)
def _starts(across, down, row, column, tall, broad, reach, starts):  # type: ignore[no-untyped-def]
    """Where in a picture `[tall, broad]` the filter's corner is for a row of displacements, `starts[w]`; moved to where
    the edge goes on if it lies further outside. row, column: of the first pixel, in the picture.
    """
    lowest, furthest = int32(tall - 2 * reach), int32(broad - 2 * reach)
    row, column, broad = int32(row + 1 - reach), int32(column + 1 - reach), int32(broad)
    for x in range(uint64(len(starts))):
        first_row = min(max(row + (down[x] >> SHIFT), int32(0)), lowest)
        first = min(max(column + int32(x) + (across[x] >> SHIFT), int32(0)), furthest)
        starts[x] = first_row * broad + first


class _Vectors:
    """Writes the compiler's vectors of float32 in its own code."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def further(self, place: Any, by: int) -> Any:
        return self.builder.add(place, ir.Constant(place.type, by))

    def loaded(self, array: Any, place: Any, kind: Any, width: int) -> Any:
        """`width` numbers from a place of an array on; bytes become float32."""
        there = self.builder.bitcast(self.builder.gep(array, [place]), ir.VectorType(kind, width).as_pointer())
        value = self.builder.load(there)
        value.align = 1 if kind is _BYTE else 4
        if kind is not _BYTE:
            return value
        return self.builder.sitofp(self.builder.zext(value, ir.VectorType(_PLACE, width)), ir.VectorType(_FLOAT, width))

    def repeated(self, number: Any, width: int) -> Any:
        nothing = ir.Constant(ir.VectorType(_FLOAT, width), ir.Undefined)
        one = self.builder.insert_element(nothing, number, ir.Constant(_PLACE, 0))
        return self.chosen(one, one, [0] * width)

    def chosen(self, one: Any, other: Any, lanes: list[int]) -> Any:
        """Of two vectors of one width, one after the other, those lanes."""
        return self.builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(_PLACE, len(lanes)), lanes))

    def times(self, one: Any, other: Any) -> Any:
        return self.builder.fmul(one, other, flags=("fast",))

    def plus(self, one: Any, other: Any) -> Any:
        return self.builder.fadd(one, other, flags=("fast",))

    def joined(self, pieces: list[Any]) -> Any:
        """One vector of one or two, of which the first is the wider one."""
        if len(pieces) == 1:
            return pieces[0]
        wide, narrow = (piece.type.count for piece in pieces)
        filled = self.chosen(pieces[1], pieces[1], [lane % narrow for lane in range(wide)])
        return self.chosen(pieces[0], filled, list(range(wide + narrow)))

    def folded(self, vector: Any, width: int) -> Any:
        """Halves added to each other until so many numbers are left."""
        while vector.type.count > width:
            half = vector.type.count // 2
            one, other = (self.chosen(vector, vector, list(range(at, at + half))) for at in (0, half))
            vector = self.plus(one, other)
        return vector


@intrinsic
def _filtered(typing, pixels, at, pitch, across, a, down, d, taps, colours):  # type: ignore[no-untyped-def]
    """The colours `(float32, ...)` of what a filter reads from `pixels[at:]`, whose rows are `pitch` apart, through the
    weights `across[a:]` and `down[d:]`. taps, colours: tuples of as many zeros.

    Written for the compiler's vectors, for it makes none of its own from a loop over colours that lie side by side.
    """
    count, parts = len(taps), len(colours)
    lanes = count * parts
    widths = [16] * (lanes // 16) + [n for n in (8, 4) if lanes % 16 & n]
    starts = [sum(widths[:k]) for k in range(len(widths))]
    place = types.uint64
    signature = types.UniTuple(float32, parts)(pixels, place, place, across, place, down, place, taps, colours)

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        levels, across, down = (
            context.make_array(signature.args[k])(context, builder, given[k]).data for k in (0, 3, 5)
        )
        do, sums = _Vectors(builder), list[Any]()
        for row in range(count):
            weight = builder.load(builder.gep(down, [do.further(given[6], row)]))
            line = builder.add(given[1], builder.mul(given[2], ir.Constant(given[2].type, row)))
            lit = [
                do.times(do.loaded(levels, do.further(line, start), _BYTE, width), do.repeated(weight, width))
                for start, width in zip(starts, widths, strict=True)
            ]
            sums = [do.plus(before, more) for before, more in zip(sums, lit, strict=True)] if sums else lit
        weighed = [
            do.times(total, do.loaded(across, do.further(given[4], start), _FLOAT, width))
            for total, start, width in zip(sums, starts, widths, strict=True)
        ]
        whole = do.folded(do.joined(weighed), parts)
        found = [builder.extract_element(whole, ir.Constant(_PLACE, k)) for k in range(parts)]
        return context.make_tuple(builder, signature.return_type, found)

    return signature, code


@compiled(**FAST)
def _displace(  # type: ignore[no-untyped-def]
    pixels, tall, broad, grid, step, grid_top, grid_left, still, across_weights, down_weights, taps, colours, top,
    left, made,
):
    """pixels: `[tall * broad * C]` uint8, the picture with TAPS pixels around it. made: `[h, w * C]`."""
    count, size, bits = len(colours), len(taps), PARTS - 1
    high, wide = made.shape[0], made.shape[1] // count
    at_cell, across, down = np.empty(wide, np.float32), np.empty(wide, np.int32), np.empty(wide, np.int32)
    starts = np.empty(wide, np.int32)
    for x in range(wide):
        place = (float32(left + x) + float32(0.5)) / step - float32(0.5) - grid_left
        at_cell[x] = min(max(place, float32(0)), float32(grid.shape[1] - 1))
    pitch, last = uint64(count * broad), grid.shape[0] - 1
    rows, known = np.empty((2, 2, wide), np.float32), np.full(2, -1)  # of the grid: even ones and odd ones
    for row in range(high):
        y = min(max((float32(top + row) + float32(0.5)) / step - float32(0.5) - grid_top, float32(0)), float32(last))
        above = int(y)
        below = min(above + 1, last)
        for cell in (above, below):
            if known[cell % 2] != cell:
                known[cell % 2] = cell
                _across(grid, cell, at_cell, rows[cell % 2])
        share = y - float32(above)
        _places(rows[above % 2], rows[below % 2], share, still * float32(PARTS), across, down)
        _starts(across, down, top + row + TAPS, left + TAPS, tall, broad, size // 2, starts)
        levels, here = made[row], count * ((top + row + TAPS) * broad + left + TAPS)
        first, end = _moving(across, down)
        levels[: count * first] = pixels[here : here + count * first]
        levels[count * end :] = pixels[here + count * end : here + count * wide]
        for x in range(uint64(first), uint64(end)):
            lit = _filtered(  # type: ignore[call-arg, var-annotated]
                pixels, uint64(count) * uint64(starts[x]), pitch,
                across_weights, uint64(across[x] & bits) * uint64(size * count),
                down_weights, uint64(down[x] & bits) * uint64(size), taps, colours,
            )
            for c in range(count):
                level = min(max(lit[c] + float32(0.5), float32(0)), float32(255))
                levels[uint64(count) * x + uint64(c)] = np.uint8(level)
