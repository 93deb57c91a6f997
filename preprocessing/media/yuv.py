"""Between RGB and what video is coded in: planes of 8 bits, BT.709 in studio range, colour at half of rows and columns.
What FFmpeg's scaler gives (bicubic, colour repeated across), and several times as fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import float32

from foundation.compiled import compiled

SHARPNESS = -0.6  # FFmpeg's own, of its cubic filter
LUMA = 0.2126, 0.7152, 0.0722  # BT.709: of red, green and blue
BLACK, GREY, RANGE, COLOURS = 16, 128, 219, 224


def _down() -> np.ndarray:
    """`[2, 4]` float32: the cubic filter over rows of colours, for even and odd rows of pixels."""
    rows = []
    for part in (0.75, 0.25):  # of the way from the second of four rows to the third
        away = np.abs(part + 1 - np.arange(4))
        near = ((SHARPNESS + 2) * away - (SHARPNESS + 3)) * away**2 + 1
        far = ((SHARPNESS * away - 5 * SHARPNESS) * away + 8 * SHARPNESS) * away - 4 * SHARPNESS
        rows.append(np.where(away < 1, near, far))
    return np.array(rows, np.float32)


DOWN = _down()
_red, _green, _blue = LUMA
LIGHT = 255 / RANGE
MATRIX = np.array((
    2 * (1 - _red), 2 * (1 - _blue) * _blue / _green, 2 * (1 - _red) * _red / _green, 2 * (1 - _blue)
), np.float32) * np.float32(255 / COLOURS)  # fmt: skip
# To light, and to blue and red of the sum of four pixels.
TO_PLANES = np.array((
    (RANGE * _red, RANGE * _green, RANGE * _blue),
    (-COLOURS * _red / (8 * (1 - _blue)), -COLOURS * _green / (8 * (1 - _blue)), COLOURS / 8),
    (COLOURS / 8, -COLOURS * _green / (8 * (1 - _red)), -COLOURS * _blue / (8 * (1 - _red))),
), np.float32) / np.float32(255)  # fmt: skip


@dataclass(frozen=True)
class Planes:
    """A picture of `H` x `W` pixels, both even. light: `[H, W]`. blue, red: `[H / 2, W / 2]`; all uint8."""

    light: np.ndarray
    blue: np.ndarray
    red: np.ndarray

    @staticmethod
    def of(packed: np.ndarray) -> Planes:
        """Of the planes one after another, `[3 H / 2, W]`, as PyAV gives them."""
        rows, width = packed.shape
        height = rows * 2 // 3
        colours = packed[height:].reshape(2, height // 2, width // 2)
        return Planes(packed[:height], colours[0], colours[1])

    @property
    def bytes(self) -> int:
        return self.light.nbytes * 3 // 2

    def part(self, rows: slice, columns: slice) -> Planes:
        """A copy of a rectangle whose sides are even."""
        half = slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
        return Planes(self.light[rows, columns].copy(), self.blue[half].copy(), self.red[half].copy())

    def rgb(self, rows: slice, columns: slice) -> np.ndarray:
        """A rectangle of it, `[h, w, 3]` uint8."""
        made = np.empty((rows.stop - rows.start, 3 * (columns.stop - columns.start)), np.uint8)
        _to_rgb(self.light, self.blue, self.red, rows.start, columns.start, DOWN, MATRIX, made)
        return made.reshape(len(made), -1, 3)


def packed(picture: np.ndarray) -> np.ndarray:
    """The planes one after another, `[3 H / 2, W]` uint8, of a picture `[H, W, 3]` uint8 of even size; a colour is the
    mean of four pixels.
    """
    height, width = picture.shape[:2]
    made = np.empty((height * 3 // 2, width), np.uint8)
    colours = made[height:].reshape(2, height // 2, width // 2)
    _to_planes(np.ascontiguousarray(picture).reshape(height, 3 * width), TO_PLANES, made[:height], *colours)
    return made


@compiled(fastmath=True, error_model="numpy")
def _to_planes(flat, matrix, light, blue, red):  # type: ignore[no-untyped-def]
    height, width = light.shape
    sums = np.empty((3, width), np.float32)
    for row in range(0, height, 2):
        for half in range(2):
            line, levels = flat[row + half], light[row + half]
            for x in range(width):
                r, g, b = float32(line[3 * x]), float32(line[3 * x + 1]), float32(line[3 * x + 2])
                lit = matrix[0, 0] * r + matrix[0, 1] * g + matrix[0, 2] * b
                levels[x] = np.uint8(lit + float32(BLACK + 0.5))
        one, two = flat[row], flat[row + 1]
        for j in range(3):
            for x in range(width):
                sums[j, x] = float32(one[3 * x + j]) + float32(two[3 * x + j])
        to_blue, to_red = blue[row // 2], red[row // 2]
        for x in range(width // 2):
            r, g, b = (
                sums[0, 2 * x] + sums[0, 2 * x + 1], sums[1, 2 * x] + sums[1, 2 * x + 1],
                sums[2, 2 * x] + sums[2, 2 * x + 1],
            )  # fmt: skip
            u = matrix[1, 0] * r + matrix[1, 1] * g + matrix[1, 2] * b
            v = matrix[2, 0] * r + matrix[2, 1] * g + matrix[2, 2] * b
            to_blue[x], to_red[x] = np.uint8(u + float32(GREY + 0.5)), np.uint8(v + float32(GREY + 0.5))


@compiled(fastmath=True, error_model="numpy")
def _to_rgb(light, blue, red, top, left, down, matrix, made):  # type: ignore[no-untyped-def]
    high, wide = made.shape[0], made.shape[1] // 3
    first = left // 2
    count, rows, odd = (left + wide - 1) // 2 + 1 - first, len(blue), left % 2
    more_red = np.empty(2 * count, np.float32)
    more_green, more_blue = np.empty_like(more_red), np.empty_like(more_red)
    for row in range(high):
        y = top + row
        above = y // 2 - 1 + y % 2  # the second of four rows of colours
        near = max(above - 1, 0), max(above, 0), min(above + 1, rows - 1), min(above + 2, rows - 1)
        w0, w1, w2, w3 = down[y % 2, 0], down[y % 2, 1], down[y % 2, 2], down[y % 2, 3]
        b0, b1, b2, b3 = blue[near[0], first:], blue[near[1], first:], blue[near[2], first:], blue[near[3], first:]
        r0, r1, r2, r3 = red[near[0], first:], red[near[1], first:], red[near[2], first:], red[near[3], first:]
        for x in range(count):
            u = w0 * float32(b0[x]) + w1 * float32(b1[x]) + w2 * float32(b2[x]) + w3 * float32(b3[x]) - float32(GREY)
            v = w0 * float32(r0[x]) + w1 * float32(r1[x]) + w2 * float32(r2[x]) + w3 * float32(r3[x]) - float32(GREY)
            more_red[2 * x] = more_red[2 * x + 1] = matrix[0] * v
            more_green[2 * x] = more_green[2 * x + 1] = -matrix[1] * u - matrix[2] * v
            more_blue[2 * x] = more_blue[2 * x + 1] = matrix[3] * u
        levels, line = light[y, left : left + wide], made[row]
        reds, greens, blues = more_red[odd:], more_green[odd:], more_blue[odd:]
        for x in range(wide):
            lit = float32(LIGHT) * (float32(levels[x]) - float32(BLACK)) + float32(0.5)
            line[3 * x] = np.uint8(min(max(lit + reds[x], float32(0)), float32(255)))
            line[3 * x + 1] = np.uint8(min(max(lit + greens[x], float32(0)), float32(255)))
            line[3 * x + 2] = np.uint8(min(max(lit + blues[x], float32(0)), float32(255)))
