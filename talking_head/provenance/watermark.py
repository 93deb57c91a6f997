"""An invisible mark in the picture: `generated` and a short id, which outlive re-encoding, scaling and cropping.

Spread spectrum (Cox et al. 1997), made for what H.264 keeps. The picture is paved with cells, each a smooth ripple of
middle frequency whose sign is the key's; 24 x 24 cells are a tile, which repeats, so that a part of the picture is
enough. Most cells carry the key alone (by them a reader finds scale and shift), the others the key times a code word of
the id. The mark stands still while a person moves, so that an encoder codes it once; where the picture moves, where it
would be lost anyway, it is weaker.

Cells are whole blocks of eight pixels wide: a ripple across blocks falls apart into coefficients too small to be kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numba
import numpy as np

CELLS = 24  # across a tile
RIPPLE = 3  # half-waves across a cell, both ways
BLOCK_PX = 8
CELLS_A_PICTURE = 32  # across the shorter side, about
LEAST_BLOCKS = 2  # across a cell
SYNC_SHARE = 0.6  # of the cells: the key alone
WORDS, WORD_BITS = 2, 10  # the id is two words, each one of 1024 known sign patterns
ID_BITS = WORDS * WORD_BITS
MEAN_SQUARE = 0.44  # of the change, grey levels: 0.28 dB of 40 dB
STRENGTHS = np.linspace(0, 4, 81)
FIRST_STEPS, LATER_STEPS, GENTLY = 16, 2, 0.3  # to the strength whose whole grey levels cost what they may
COARSE_PX = 8  # motion is seen in blocks of so many pixels
CALMING = 0.7  # by so much motion a grey level a frame weakens the mark
MEMORY = 0.7  # of a frame's motion, in the next one's
KEY = 0x7A1C
THIRDS = np.full(3, 1 / 3, np.float32)


@dataclass(frozen=True)
class Code:
    """What a reader must know. signs: of the key `[24 * 24]`. sync: the cells that carry nothing else. words: for each
    word the cells that carry it, and its sign patterns `[1024, cells]`."""

    signs: np.ndarray
    sync: np.ndarray
    words: tuple[tuple[np.ndarray, np.ndarray], ...]

    @classmethod
    def of_key(cls, key: int) -> Code:
        """The signs that a key draws; every key is as good as any other, and says nothing of another."""
        draw = np.random.Generator(np.random.PCG64(key))
        signs = draw.choice(np.array([-1.0, 1.0], np.float32), CELLS * CELLS)
        order = draw.permutation(CELLS * CELLS)
        count = round(SYNC_SHARE * len(order))
        own = np.array_split(order[count:], WORDS)
        patterns = (draw.choice(np.array([-1.0, 1.0], np.float32), (1 << WORD_BITS, len(cells))) for cells in own)
        return cls(signs, order[:count], tuple(zip(own, patterns, strict=True)))

    def tile(self, mark_id: int) -> np.ndarray:
        """Signs of all cells `[24, 24]` for an id."""
        signs = self.signs.copy()
        for place, (cells, patterns) in enumerate(self.words):
            signs[cells] *= patterns[mark_id >> (WORD_BITS * place) & ((1 << WORD_BITS) - 1)]
        return signs.reshape(CELLS, CELLS)


@lru_cache(maxsize=1)
def code() -> Code:
    """The code of every film that talking-head makes."""
    return Code.of_key(KEY)


def mark_id_of(*facts: str) -> int:
    """The short id that stands for some facts, 0 to 2^20 - 1."""
    digest = hashlib.sha256("\0".join(facts).encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:4], "big") % (1 << ID_BITS)


def id_text(mark_id: int) -> str:
    """A short id as people see it: five hexadecimal digits."""
    return f"{mark_id:0{ID_BITS // 4}x}"


@lru_cache(maxsize=4)
def ripple(size_px: int) -> np.ndarray:
    """A cell `[size, size]` float32: a cosine both ways under a smooth window, mean 0 and mean square 1."""
    centres = (np.arange(size_px) + 0.5) / size_px
    wave = np.cos(np.pi * RIPPLE * centres) * np.sin(np.pi * centres)
    cell = np.outer(wave, wave)
    return (cell / np.sqrt((cell * cell).mean())).astype(np.float32)


def cell_px(width_px: int, height_px: int) -> int:
    """Side of a cell in pictures of that size."""
    blocks = round(min(width_px, height_px) / CELLS_A_PICTURE / BLOCK_PX)
    return BLOCK_PX * max(LEAST_BLOCKS, blocks)


def pattern(width_px: int, height_px: int, mark_id: int, key: Code | None = None) -> np.ndarray:
    """The mark of a whole picture `[H, W]` float32, mean square 1."""
    side = cell_px(width_px, height_px)
    tile = np.kron((key or code()).tile(mark_id), ripple(side))
    repeats = -(-height_px // len(tile)), -(-width_px // len(tile))
    return np.ascontiguousarray(np.tile(tile, repeats)[:height_px, :width_px])


class Watermark:
    """Marks the frames of one film, in order; how strongly depends on them and on those before, never on the clock.

    Args:
        width_px, height_px: of the frames.
        mark_id: the short id.
        channels: 3, or 4 of frames with coverage, which stays as it is.
        key: of another code, for tests.
    """

    def __init__(
        self, width_px: int, height_px: int, mark_id: int, channels: int = 3, key: Code | None = None
    ) -> None:
        self.shape = height_px, width_px, channels
        flat = np.zeros(self.shape, np.float32)
        flat[..., :3] = pattern(width_px, height_px, mark_id, key)[..., None]
        self._pattern = flat.reshape(height_px, -1)
        cell = ripple(cell_px(width_px, height_px))
        self._costs = [float(np.square(np.rint(cell * strength)).mean()) for strength in STRENGTHS]
        self._scale = 0.0
        self._blocks = max(1, width_px // COARSE_PX), max(1, height_px // COARSE_PX)
        self._before: np.ndarray | None = None
        self._motion = np.zeros(self._blocks[::-1], np.float32)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """A copy of a frame `[H, W, 3 or 4]` uint8 that carries the mark."""
        assert frame.shape == self.shape, f"a frame {frame.shape} in a film of {self.shape}"
        rows, columns = self._pattern.shape
        strength = cv2.resize(self._strength(frame), (columns, self._blocks[1]), interpolation=cv2.INTER_NEAREST)
        marked = np.empty(self.shape, np.uint8)
        _add(np.ascontiguousarray(frame).reshape(rows, -1), self._pattern, strength, marked.reshape(rows, -1))
        return marked

    def alone(self, frame: np.ndarray) -> np.ndarray:
        """The same of a picture that is no film's next one: as of a film's first frame."""
        self._before, self._scale = None, 0.0
        self._motion[:] = 0
        return self(frame)

    def _strength(self, frame: np.ndarray) -> np.ndarray:
        """How strong the mark is in each block `[h, w]`: less where the picture moves, the same over the whole."""
        width, height = self._blocks
        few = cv2.resize(frame, (2 * width, 2 * height), interpolation=cv2.INTER_NEAREST)[..., :3]
        blocks = cv2.resize(few, self._blocks, interpolation=cv2.INTER_AREA).astype(np.float32) @ THIRDS
        if self._before is not None:
            moved = cv2.GaussianBlur(np.abs(blocks - self._before), (0, 0), 2)
            self._motion = MEMORY * self._motion + (1 - MEMORY) * moved
        self._before = blocks
        calm = (1 / (1 + CALMING * self._motion)).astype(np.float32)
        sample = calm[::4, ::4].ravel()
        for _ in range(LATER_STEPS if self._scale else FIRST_STEPS):
            self._scale = self._scale or 1.0
            cost = np.interp(self._scale * sample, STRENGTHS, self._costs).mean()
            self._scale *= float((MEAN_SQUARE / max(cost, 0.01)) ** GENTLY)
        return calm * np.float32(self._scale)


@numba.njit(cache=True, nogil=True)
def _add(frame: np.ndarray, mark: np.ndarray, strength: np.ndarray, marked: np.ndarray) -> None:
    """A frame `[H, W * C]` with the mark, in whole grey levels. strength: of each row of blocks `[h, W * C]`."""
    rows, columns = frame.shape
    for row in range(rows):
        before, ripples, share, after = frame[row], mark[row], strength[row * len(strength) // rows], marked[row]
        for column in range(columns):
            value = np.float32(before[column]) + np.rint(ripples[column] * share[column])
            after[column] = np.uint8(min(np.float32(255), max(np.float32(0), value)))
