"""Lids that come down over the eyes of warped pictures: skin of the photo's own colour, and the photo's own lashes at
the edge, which point up while the eye is open and down once it is closed.

No photo of an open eye shows what lies under lid and lashes. It is what the skin around them continues to (the
smoothest surface between, which solves Laplace's equation), and the lashes are what the photo is darker than that.
"""

from __future__ import annotations

import cv2
import numpy as np

from foundation.easing import smoothstep
from render2video.photo.folds import fall
from render2video.photo.light import LUMA
from render2video.photo.warp import EYES, PhotoGeometry, polygon_mask

PAINTED = 0.18, 0.42  # closed so far, a lid begins to be painted and wholly is; eyes that narrow keep their lashes
TEMPLE_ENDS = 0.0, 1.0  # of each eye's upper lid: which end lies at the temple
# All lengths in widths of the eye, along it and across it. How far lashes reach beyond the upper lid, the lower lid,
# the corner at the nose and the one at the temple: that far nothing of the photo is taken for skin.
ABOVE, BELOW, NOSE_SIDE, TEMPLE_SIDE = 0.16, 0.06, 0.10, 0.22
MARGIN = 0.16  # of the picture around that: skin to continue from
DARK_SHARE, DARK_ROUNDS = 0.72, 2  # darker than this share of what would be there: hair, a brow or a lash, not skin
ROUNDS = 300  # of relaxation
GRAIN_PX, GRAIN_LEVELS = 1.5, 10.0  # deviation that tells the skin's grain, and the most of it
EDGE_SOFT, PATCH_SOFT = 0.016, 0.035
SAG = 0.02  # how much lower than the lower lid's points closed lids meet
# Lashes: cells of their map along the eye and away from it; how far it goes; their length once closed, of that in the
# photo, for they then point at the camera as much as down; no darker than; from this darkness on no line is added.
LASH_CELLS, LASH_REACH, LASH_CLOSED, LASH_DARKEST = (48, 12), (0.015, 0.15), -0.6, 0.7
LASH_SHORTEST, LASH_SOFT_PX = 0.3, 0.7
LASH_TINT = np.array([0.94, 1.02, 1.06], np.float32)  # they darken blue more than red: they are brown, not grey
LINE, LINE_DARK = (0.012, 0.024), 0.45  # the line where lids meet, at the nose and at the temple: half width, darkness
# Shares of brightness: the lid's bulge over the eyeball, what it loses above its edge and in the crease above it.
BULGE, EDGE, CREASE, CREASE_WIDE = 0.05, 0.06, 0.07, 0.05


class Lid:
    """One eye's lid.

    Args:
        photo: `[S, S, 3]` uint8, which the pictures are warped from.
        points: `[16, 2]`, the eye's ring in it: upper lid from corner to corner, then the lower one back.
        temple: 0 or 1, the end of the upper lid at the temple.
    """

    def __init__(self, photo: np.ndarray, points: np.ndarray, temple: float) -> None:
        self.temple, self.size_px = temple, len(photo)
        self.opening_px = points[1:8] - points[:8:-1]
        self.width_px = float(np.linalg.norm(points[8] - points[0]))
        reach = (TEMPLE_SIDE + MARGIN) * self.width_px + 3
        low = np.floor(points.min(0) - reach).astype(int).clip(0, self.size_px - 8)
        high = np.ceil(points.max(0) + reach).astype(int).clip(low + 8, self.size_px)
        self.corner = low
        view = photo[low[1] : high[1], low[0] : high[0]].astype(np.float32)
        outline = self._outline(points) - low
        self.patch = polygon_mask(outline, view.shape[:2], PATCH_SOFT * self.width_px + 0.5)
        hidden = polygon_mask(outline, view.shape[:2], 0.0) > 0
        self.skin = _continued_skin(view, hidden) + _grain(photo, points, view.shape[:2], low)
        self.lashes = self._lash_map(view @ LUMA / np.maximum(self.skin @ LUMA, 1.0), points - low)

    def _outline(self, points: np.ndarray) -> np.ndarray:
        """`[16, 2]`: the eye with its lashes."""
        across, down, width = _axes(points)
        beyond = (TEMPLE_SIDE, NOSE_SIDE) if self.temple == 0 else (NOSE_SIDE, TEMPLE_SIDE)
        wide = points.copy()
        wide[0] -= beyond[0] * width * across
        wide[8] += beyond[1] * width * across
        wide[1:8] -= ABOVE * width * down
        wide[9:] += BELOW * width * down
        for corner, inner in ((0, (1, 15)), (8, (7, 9))):  # lashes at the corners stand higher than the corner itself
            wide[corner] += 0.25 * (wide[inner[0]] - points[inner[0]])
        return wide

    def _lash_map(self, light: np.ndarray, points: np.ndarray) -> np.ndarray:
        """How much darker than skin the photo is `[away, along]` float32 0-1, by the place along the eye and the
        distance above its upper lid.
        """
        along, away = self._lash_axes()
        across, down, width = _axes(points)
        edge = _across_at(points[:9], points, along)
        places = points[0] + width * (along[None, :, None] * across + (edge - away[:, None])[..., None] * down)
        column, row = (places[..., axis].astype(np.float32) - 0.5 for axis in (0, 1))
        seen = cv2.remap(light.astype(np.float32), column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        dark = np.clip(1 - seen, 0, LASH_DARKEST)
        dark *= smoothstep(np.clip(2 * (1 - away / LASH_REACH[1]), 0, 1))[:, None]
        return dark.astype(np.float32)

    def _lash_axes(self) -> tuple[np.ndarray, np.ndarray]:
        beside = (0.8 * TEMPLE_SIDE, 0.5 * NOSE_SIDE) if self.temple == 0 else (0.5 * NOSE_SIDE, 0.8 * TEMPLE_SIDE)
        return (
            np.linspace(-beside[0], 1 + beside[1], LASH_CELLS[0]), np.linspace(*LASH_REACH, LASH_CELLS[1])
        )  # fmt: skip

    def paint(self, picture: np.ndarray, ring: np.ndarray, closed: float, to_photo: np.ndarray) -> None:
        """Paint into a picture `[S, S, 3]` float32 0-255.

        Args:
            ring: `[16, 2]`, where the eye's points are in it, the lids as far together as they are `closed`, 0-1.
            to_photo: `[2, 3]`, affine from its pixels to the photo's.
        """
        across, down, width = _axes(ring)
        open_ring = ring.copy()
        open_ring[1:8] = ring[:8:-1] + self.opening_px * (width / self.width_px)
        reach = (TEMPLE_SIDE + MARGIN) * width
        low = np.floor(open_ring.min(0) - reach).astype(int).clip(0, self.size_px - 8)
        high = np.ceil(open_ring.max(0) + reach).astype(int).clip(low + 8, self.size_px)
        view = picture[low[1] : high[1], low[0] : high[0]]
        rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float32) + np.float32(0.5)
        x, y = columns - ring[0, 0], rows - ring[0, 1]
        along = (x * across[0] + y * across[1]) / width
        below = (x * down[0] + y * down[1]) / width
        inside = np.clip(along, 0, 1)
        middle = np.sin(np.pi * inside)
        edge = _across_at(ring[:9], ring, inside) + SAG * closed * middle
        top = _across_at(open_ring[:9], ring, inside)
        local = to_photo.copy()
        local[:, 2] += to_photo[:, :2] @ (low + 0.5) - self.corner - 0.5
        size, how = view.shape[1::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        skin = cv2.warpAffine(self.skin, local, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        patch = cv2.warpAffine(self.patch, local, size, flags=how)
        above = below - edge  # negative above the lid's edge
        strength = fall(np.array(closed), *PAINTED) * patch
        strength = strength * np.clip(0.5 - above / (EDGE_SOFT + 1.2 / width), 0, 1)
        height = np.maximum(edge - top, 0.02)
        share = np.clip((below - top) / height, 0, 1)
        shade = 1 + closed * middle * (BULGE * np.sin(np.pi * share) - EDGE * share**4)
        shade -= closed * CREASE * middle * np.exp(-np.square((below - top + 0.3 * ABOVE) / CREASE_WIDE))
        view += strength[..., None] * (skin * shade[..., None] - view)
        dark = self._dark(along, above, closed, width)
        view *= 1 - np.clip(dark[..., None] * LASH_TINT, 0, 1)

    def _dark(self, along: np.ndarray, above: np.ndarray, closed: float, width: float) -> np.ndarray:
        """How dark lashes and the line between the lids are `[h, w]` 0-1, by the place in widths of the eye."""
        cells, away = self._lash_axes()
        length = 1 + (LASH_CLOSED - 1) * float(smoothstep(closed))
        length = float(np.copysign(max(abs(length), LASH_SHORTEST), length))
        column = (along - cells[0]) / (cells[-1] - cells[0]) * (LASH_CELLS[0] - 1)
        outward = -above / length  # from the lid's edge along the lashes
        row = (outward - away[0]) / (away[-1] - away[0]) * (LASH_CELLS[1] - 1)
        lashes = cv2.remap(
            self.lashes, column.astype(np.float32), np.maximum(row, 0).astype(np.float32), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
        )
        lashes *= np.clip(outward * abs(length) * width + 0.5, 0, 1)
        lashes = cv2.GaussianBlur(lashes, (0, 0), LASH_SOFT_PX)
        thick = LINE[0] + (LINE[1] - LINE[0]) * (along if self.temple else 1 - along)
        ends = np.clip(8 * np.minimum(along + 0.02, 1.02 - along), 0, 1)
        line = LINE_DARK * ends * np.exp(-np.square(above / (np.maximum(thick, LINE[0]) + 0.4 / width)))
        shown = float(fall(np.array(closed), *PAINTED))
        dark: np.ndarray = shown * np.maximum(lashes, line * closed)
        return dark


class Lids:
    """Both lids.

    Args:
        photo: `[S, S, 3]` uint8, which the pictures are warped from.
        geometry: of it.
    """

    def __init__(self, photo: np.ndarray, geometry: PhotoGeometry) -> None:
        rings = (geometry.landmarks_px[ring] for ring in EYES)
        self.lids = [Lid(photo, ring, temple) for ring, temple in zip(rings, TEMPLE_ENDS, strict=True)]

    def paint(self, picture: np.ndarray, targets: np.ndarray, blink: float, to_photo: list[np.ndarray]) -> None:
        """Paint into a picture `[S, S, 3]` float32 0-255.

        Args:
            targets: vertices in it, pixels.
            blink: AU45 0-5.
            to_photo: of each eye `[2, 3]`, affine from its pixels to the photo's.
        """
        closed = float(np.clip(blink / 5.0, 0, 1))
        if closed <= PAINTED[0]:
            return
        for lid, ring, way in zip(self.lids, EYES, to_photo, strict=True):
            lid.paint(picture, targets[ring], closed, way)


def _axes(ring: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Along an eye from corner to corner, and down across it, `[2]` each; its width."""
    across = ring[8] - ring[0]
    width = max(float(np.linalg.norm(across)), 1e-3)
    across = across / width
    return across, np.array([-across[1], across[0]]), width


def _across_at(line: np.ndarray, ring: np.ndarray, along: np.ndarray) -> np.ndarray:
    """How far below the line between the corners a lid's `[9, 2]` is at places along the eye, in its widths."""
    across, down, width = _axes(ring)
    away = (line - ring[0]) / width
    at: np.ndarray = np.interp(along, away @ across, away @ down).astype(np.float32)
    return at


def _continued_skin(view: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """A picture `[h, w, 3]` float32 whose hidden part `[h, w]` bool, and all that is too dark around it, is as smooth
    as what is around it allows.
    """
    light = view @ LUMA
    skin = _smoothest(view, hidden)
    for _ in range(DARK_ROUNDS):
        plain = cv2.blur((~hidden).astype(np.float32), (9, 9))
        usual = cv2.blur(light * ~hidden, (9, 9)) / np.maximum(plain, 1e-3)
        level = np.maximum(np.median(light[~hidden]) if (~hidden).any() else 0.0, usual)
        hidden = hidden | (light < DARK_SHARE * level)
        hidden = cv2.dilate(hidden.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if hidden.all():
            return skin
        skin = _smoothest(view, hidden)
    return skin


def _smoothest(view: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The solution of Laplace's equation where a picture is hidden, by relaxation from coarse to fine."""
    filled = view.copy()
    known = (~hidden).astype(np.float32)
    if min(view.shape[:2]) > 12:
        small = cv2.resize(known, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        mean = cv2.resize(view * known[..., None], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        coarse = _smoothest(mean / np.maximum(small, 1e-3)[..., None], small < 0.1)
        filled[hidden] = cv2.resize(coarse, view.shape[1::-1], interpolation=cv2.INTER_LINEAR)[hidden]
    elif known.any():
        filled[hidden] = view[~hidden].mean(0)
    kernel = np.array([[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]], np.float32)
    for _ in range(ROUNDS // 10):
        filled[hidden] = cv2.filter2D(filled, -1, kernel, borderType=cv2.BORDER_REPLICATE)[hidden]
    return filled


def _grain(photo: np.ndarray, points: np.ndarray, shape: tuple[int, int], corner: np.ndarray) -> np.ndarray:
    """The skin's grain `[h, w, 3]` float32: that of the cheek below the eye, turned upside down."""
    width = float(np.linalg.norm(points[8] - points[0]))
    first = int(min(float(points[:, 1].max()) + 0.35 * width, len(photo) - 8))
    count = int(max(4, min(0.35 * width, len(photo) - first)))
    strip = photo[first : first + count, corner[0] : corner[0] + shape[1]].astype(np.float32)
    fine = np.clip(strip - cv2.GaussianBlur(strip, (0, 0), GRAIN_PX), -GRAIN_LEVELS, GRAIN_LEVELS)
    tiles = [fine[::-1] if k % 2 == 0 else fine for k in range(-(-shape[0] // count))]
    return np.concatenate(tiles)[: shape[0]]
