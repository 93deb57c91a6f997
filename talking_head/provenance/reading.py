"""Finding the invisible mark in a film or a picture, whatever was done to it on the way.

For each scale the picture may have been brought to: the ripple's strength at every pixel, bounded (so that one strong
edge counts little more than a calm wall, and what an encoder left empty nothing), summed over the tiles, correlated
with the key's signs at every shift. What changes slowly is taken away first: pictures have most of their strength
there, and whitened they hide the mark less.

A false alarm's probability is bounded for *any* picture. With signs drawn at random by the key, and the picture given,
`z = sum(sign * x) / sqrt(sum(x^2))` is a self-normalised sum of independent signs, and P(z > t) <= 3.22 Q(t) (Pinelis
2012, for sums of independent symmetric signs). Tried are 192^2 shifts, `len(scales())` scales and the mirror's picture:
1.5e7 trials, so with `THRESHOLD` less than one picture in 10,000 without a mark is taken for one with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from foundation.errors import InputError
from preprocessing.media import probe, read_frames
from preprocessing.media.stills import read_still
from talking_head.provenance.watermark import CELLS, ID_BITS, WORD_BITS, Code, code, ripple

CELL_PX = 8  # of the picture as it is searched: the ripple is 5 pixels long then
TILE_PX = CELLS * CELL_PX
SMALLEST, LARGEST = 1 / 72, 1 / 10  # of a cell, of the picture's shorter side: shown small on a screen, or cropped
STEP = 1.01  # from one scale tried to the next
THRESHOLD = 6.95
LEGIBLE = 1.0  # by so much a word's best pattern must stand out for the id to be told
MOST_PX = 512  # shorter side of what is searched: larger pictures have larger cells
FRAMES, SPAN_S = 48, 60.0  # looked at, spread over so much of the film
SOFT = 0.5  # grey levels below which a calm place is noise
DETAIL = 1 / 160  # of the shorter side: what is smoother is taken away
CLEAR = 24.0  # strength of a ripple that counts half as much as the strongest


@dataclass(frozen=True)
class Mark:
    """What was found. strength: z, 7 and more. mark_id: the short id, None where it is not legible. cell_share: side of
    a cell as a part of the picture's shorter side. mirrored: whether left and right were swapped."""

    strength: float
    mark_id: int | None
    cell_share: float
    mirrored: bool


@dataclass(frozen=True)
class Peak:
    """The best place at one scale. z, shift (row, column), and the tile `[192, 192]` of ripple strengths it is in."""

    z: float
    shift: tuple[int, int]
    tile: np.ndarray


def scales() -> np.ndarray:
    """Sides of a cell, as parts of the shorter side, that are tried."""
    count = int(np.log(LARGEST / SMALLEST) / np.log(STEP)) + 1
    return SMALLEST * STEP ** np.arange(count)


def find_mark(path: Path | str) -> Mark | None:
    """The mark in a film or a picture; None when there is none, or too little is left of it.

    Raises:
        InputError: it cannot be read.
    """
    return mark_in(_looked_at(Path(path)))


def mark_in(frames: Iterable[np.ndarray], key: Code | None = None) -> Mark | None:
    """The mark in frames `[H, W, 3]` uint8 of one film. key: of another code, for tests."""
    search = Search(frames, key)
    share, mirrored, best = search.best()
    if best.z < THRESHOLD:
        return None
    return Mark(round(best.z, 2), search.read(best), share, mirrored)


class Search:
    """What is left of some frames when all is taken away that cannot be the mark."""

    def __init__(self, frames: Iterable[np.ndarray], key: Code | None = None) -> None:
        self._code = key or code()
        signs, used = np.zeros((2, TILE_PX, TILE_PX), np.float32)
        signs[::CELL_PX, ::CELL_PX] = _grid(self._code.sync, self._code.signs)
        used[::CELL_PX, ::CELL_PX] = _grid(self._code.sync, np.ones(CELLS * CELLS, np.float32))
        self._signs, self._used = np.conj(np.fft.rfft2(signs)), np.conj(np.fft.rfft2(used))
        self._picture: np.ndarray = np.zeros((1, 1), np.float32)
        for frame in frames:
            flat = _flattened(frame)
            self._picture = flat if self._picture.shape != flat.shape else self._picture + flat

    def best(self, shares: np.ndarray | None = None) -> tuple[float, bool, Peak]:
        """The best of all scales, of the picture and its mirror image: the share, whether mirrored, the place."""
        tried = (
            (float(share), mirrored, self.at(share, mirrored))
            for share in (scales() if shares is None else shares) for mirrored in (False, True)
        )
        return max(tried, key=lambda one: one[2].z)

    def at(self, share: float, mirrored: bool = False) -> Peak:
        """The best shift where a cell has that share of the shorter side."""
        picture = self._picture[:, ::-1] if mirrored else self._picture
        zoom = CELL_PX / (share * min(picture.shape))
        kind = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        size = max(CELL_PX, round(picture.shape[1] * zoom)), max(CELL_PX, round(picture.shape[0] * zoom))
        strength = cv2.filter2D(
            cv2.resize(picture, size, interpolation=kind), -1, ripple(CELL_PX), anchor=(0, 0),
            borderType=cv2.BORDER_CONSTANT,
        )
        tile = _folded(strength / (np.abs(strength) + CLEAR))
        key = np.fft.irfft2(np.fft.rfft2(tile) * self._signs, tile.shape)
        energy = np.fft.irfft2(np.fft.rfft2(tile * tile) * self._used, tile.shape)
        z = key / np.sqrt(np.maximum(energy, 1.0))
        row, column = divmod(int(z.argmax()), TILE_PX)
        return Peak(float(z[row, column]), (row, column), tile)

    def read(self, peak: Peak) -> int | None:
        """The id at a place; None when one of its words is not legible."""
        cells = np.roll(peak.tile, (-peak.shift[0], -peak.shift[1]), (0, 1))[::CELL_PX, ::CELL_PX].ravel()
        cells = cells * self._code.signs
        found = 0
        for place, (own, patterns) in enumerate(self._code.words):
            fits = patterns @ cells[own] / max(1.0, float(np.linalg.norm(cells[own])))
            second, first = np.argsort(fits)[-2:]
            if fits[first] - fits[second] < LEGIBLE:
                return None
            found |= int(first) << (WORD_BITS * place)
        assert found < 1 << ID_BITS
        return found


def _grid(cells: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values of some cells on the tile's grid `[24, 24]`, 0 elsewhere."""
    grid = np.zeros(CELLS * CELLS, np.float32)
    grid[cells] = values[cells]
    return grid.reshape(CELLS, CELLS)


def _flattened(frame: np.ndarray) -> np.ndarray:
    """A frame's brightness without what changes slowly, of one strength all over: float32."""
    light = cv2.cvtColor(np.ascontiguousarray(frame[..., :3]), cv2.COLOR_RGB2GRAY)
    zoom = MOST_PX / min(light.shape)
    if zoom < 1:
        light = cv2.resize(light, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    bright = light.astype(np.float32)
    near = min(bright.shape) * DETAIL
    detail = bright - cv2.GaussianBlur(bright, (0, 0), near)
    strength = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 2 * near))
    return np.clip(detail / (strength + SOFT), -2.5, 2.5).astype(np.float32)


def _folded(strength: np.ndarray) -> np.ndarray:
    """All tiles of a picture summed to one `[192, 192]`."""
    rows, columns = (-(-side // TILE_PX) * TILE_PX for side in strength.shape)
    whole = np.zeros((rows, columns), np.float32)
    whole[: strength.shape[0], : strength.shape[1]] = strength
    return whole.reshape(rows // TILE_PX, TILE_PX, -1, TILE_PX).sum((0, 2))


def _looked_at(path: Path) -> Iterator[np.ndarray]:
    still = read_still(path)
    if still is not None:
        return iter((still.picture_rgb,))
    info = probe(path)
    if not info.has_video:
        raise InputError(f"{path} has no pictures", "a film or a picture")
    every = max(1, round(min(info.duration_s, SPAN_S) * info.fps / FRAMES))
    return islice(read_frames(path), 0, every * FRAMES, every)
