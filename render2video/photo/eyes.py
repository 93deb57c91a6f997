"""Eyes that lids pass over: the eyeball keeps still in the skull and is covered, not squeezed."""

from __future__ import annotations

import cv2
import numpy as np

from render2video.photo.folds import fall
from render2video.photo.light import LUMA
from render2video.photo.warp import EYES, PhotoGeometry, plane_map, polygon_mask

EYE_DEPTH_MM = 2.0  # behind the lids' edge
OUTER_ENDS = 0.0, 1.0  # of each eye's ring: which end of its upper lid lies at the temple
LEAST_CLOSED = 0.1
# Of a closed lid: the share of its colour that is painted, and of that what the skin below the eye gives.
LID_SHARE, BELOW_SHARE = 0.85, 0.45
LASH = 0.4, 0.7  # of the skin's brightness that may be left where lashes are
LASH_TINT = np.array([0.94, 1.02, 1.06], np.float32)  # they darken blue more than red: they are brown, not grey
# All lengths in widths of the eye. How far above the lid lashes are seen in a photo; how much lower than the lower
# lid's points closed lids meet; how far above the lashes and below the eye skin is looked at; how softly the lid ends.
LASH_REACH, SAG, SKIN_ABOVE, SKIN_BELOW, FADE = 0.05, 0.02, (0.02, 0.05, 0.08), (-0.14, -0.18, -0.22), 0.12
CREASE_UP, CREASE_WIDE, LINE = 0.01, 0.055, (0.014, 0.026)  # the lashes' line at the nose and at the temple
LASHES_UP = 0.6  # the line's softness above its middle, of that below, where the lashes are
# Shares of brightness: the lid's bulge, what it loses towards the lashes and towards the corners, the crease.
BULGE, EDGE, CORNER, CREASE = 0.06, 0.11, 0.05, 0.07
LID_TAPER, LINE_TAPER = 2.0, 2.5  # how steeply lid and line begin at the corners


def eye_planes_mm(geometry: PhotoGeometry) -> np.ndarray:
    """`[2, 3, 3]`: three points of the plane that each eye is painted on, head frame."""
    planes = []
    for ring in EYES:
        corners = geometry.neutral_mm[ring[[0, 8]]] - (0, 0, EYE_DEPTH_MM)
        planes.append(np.stack((*corners, corners.mean(0) + (0, 10.0, 0))))
    return np.stack(planes)


def hold_eyes(
    places: np.ndarray, targets: np.ndarray, blink: float, to_source: np.ndarray, to_driven: np.ndarray,
    planes_mm: np.ndarray,
) -> None:
    """In a map of places `[S, S, 2]`, let what shows between closing lids come from where the eyeball is."""
    share = float(np.clip(blink / 1.0, 0, 1))  # eyes that are open follow the mesh, so that nothing shows at their rim
    if share == 0:
        return
    size = len(places)
    for ring, plane in zip(EYES, planes_mm, strict=True):
        low = np.floor(targets[ring].min(0) - 4).astype(int).clip(0, size - 8)
        high = np.ceil(targets[ring].max(0) + 4).astype(int).clip(low + 8, size)
        view = places[low[1] : high[1], low[0] : high[0]]
        opening = np.linalg.norm(targets[ring[1:8]] - targets[ring[:8:-1]], axis=1).max()
        visible = share * float(np.clip(opening / 3 - 0.3, 0, 1))
        soft = polygon_mask(targets[ring] - low, view.shape[:2], 0.6)[..., None] * visible
        rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
        here = np.stack((columns, rows, np.ones_like(rows)), axis=-1)
        view += soft * ((here @ plane_map(to_source, to_driven, plane).T).astype(np.float32) - view)


class Lids:
    """Paints lids that come down over the eyes of warped pictures, since stretched lashes are no lid: skin as there is
    above them, bulging over the eyeball, a crease above, and lashes where they end.

    Args:
        photo: `[S, S, 3]` uint8, which the pictures are warped from.
        geometry: of it.
    """

    def __init__(self, photo: np.ndarray, geometry: PhotoGeometry) -> None:
        points = geometry.landmarks_px
        self.size_px = len(photo)
        self.opening_px = [points[ring[1:8]] - points[ring[:8:-1]] for ring in EYES]
        self.lash = [_lash_light(photo, points[ring]) for ring in EYES]

    def paint(self, picture: np.ndarray, targets: np.ndarray, blink: float) -> None:
        """Paint into a picture `[S, S, 3]` float32 0-255.

        Args:
            targets: vertices in it, pixels.
            blink: AU45 0-5.
        """
        closed = float(np.clip(blink / 5.0, 0, 1))
        if closed < LEAST_CLOSED:
            return
        for ring, opening, lash, outer in zip(EYES, self.opening_px, self.lash, OUTER_ENDS, strict=True):
            self._lid(picture, targets[ring], opening, lash, outer, closed)

    def _lid(
        self, picture: np.ndarray, ring: np.ndarray, opening: np.ndarray, lash: float, outer: float, closed: float
    ) -> None:
        edge, raised, lower = ring[:9].copy(), ring[:9].copy(), ring[[0, *range(15, 7, -1)]]
        width = float(np.linalg.norm(edge[-1] - edge[0]))
        raised[1:8] = ring[:8:-1] + opening
        raised[1:8, 1] -= LASH_REACH * width
        edge[:, 1] += SAG * closed * width * np.sin(np.linspace(0, np.pi, 9))
        margin = 0.14 * width + 3
        low = np.floor(np.minimum(raised, edge).min(0) - margin).astype(int).clip(0, self.size_px - 8)
        high = np.ceil(np.maximum(raised, edge).max(0) + margin).astype(int).clip(low + 8, self.size_px)
        view = picture[low[1] : high[1], low[0] : high[0]]
        columns = np.arange(low[0], high[0], dtype=np.float32) + 0.5
        rows = np.arange(low[1], high[1], dtype=np.float32)[:, None] + 0.5
        bottom, top = (np.interp(columns, line[:, 0], line[:, 1]).astype(np.float32) for line in (edge, raised))
        across = np.clip((columns - edge[0, 0]) / max(edge[-1, 0] - edge[0, 0], 1.0), 0, 1)
        middle = np.sin(np.pi * across)  # 1 in the middle of the eye, 0 at its corners
        soft = 0.6 + 0.02 * width
        inside = fall(rows, top - FADE * width / 2, top + FADE * width) * np.clip((bottom - rows) / soft + 0.5, 0, 1)
        inside *= np.clip(LID_TAPER * middle, 0, 1)
        down = np.clip((rows - top) / np.maximum(bottom - top, 1.0), 0, 1)
        bulge = BULGE * np.sin(np.pi * np.minimum(1.25 * down, 1)) - EDGE * down**3
        shade = 1 + middle * bulge - CORNER * (1 - middle)
        strength = LID_SHARE * min(1.0, 1.6 * closed)
        skin = self._skin(picture, raised, lower, width, columns)
        view += (strength * inside)[..., None] * (skin * shade[..., None] - view)
        crease = CREASE * closed * np.exp(-np.square((rows - top + CREASE_UP * width) / (CREASE_WIDE * width)))
        thick = LINE[0] + (LINE[1] - LINE[0]) * (across if outer else 1 - across)
        below = (rows - bottom) / (thick * width + 0.5)
        line = np.exp(-np.square(np.where(below > 0, below * LASHES_UP, below))) * min(1.0, 1.8 * closed)
        dark = 1 - (1 - crease * middle) * (1 - (1 - lash) * line * np.clip(LINE_TAPER * middle, 0, 1))
        view *= 1 - np.clip(dark[..., None] * LASH_TINT, 0, 1)

    def _skin(
        self, picture: np.ndarray, raised: np.ndarray, lower: np.ndarray, width: float, columns: np.ndarray
    ) -> np.ndarray:
        """Colour `[w, 3]` of the skin above a lid, and a little of that below the eye, column by column."""

        def seen(line: np.ndarray, shares: tuple[float, ...]) -> np.ndarray:
            heights = (line - (0.5, share * width + 0.5) for share in shares)
            places = np.stack([np.rint(at).astype(int).clip(0, self.size_px - 1) for at in heights])
            colours: np.ndarray = np.median(picture[places[..., 1], places[..., 0]], axis=0)
            return colours

        above, below = seen(raised, SKIN_ABOVE), seen(lower, SKIN_BELOW)
        samples = above + BELOW_SHARE * (below - above)
        samples = cv2.GaussianBlur(samples.reshape(1, -1, 3), (0, 0), 1.5, borderType=cv2.BORDER_REPLICATE)[0]
        return np.stack([np.interp(columns, raised[:, 0], samples[:, c]) for c in range(3)], axis=-1).astype(np.float32)


def _lash_light(photo: np.ndarray, ring: np.ndarray) -> float:
    """How bright the lashes of an open eye are in a photo, as a share of the skin above it."""
    width = float(np.linalg.norm(ring[8] - ring[0]))

    def light(up: float) -> np.ndarray:
        places = np.rint(ring[1:8] - (0.5, up * width + 0.5)).astype(int).clip(0, len(photo) - 1)
        return photo[places[:, 1], places[:, 0]].astype(np.float32) @ LUMA

    lashes = np.min([light(up) for up in (-0.02, 0.0, 0.03)], axis=0)
    skin = np.median([light(up) for up in SKIN_ABOVE], axis=0)
    return float(np.clip(np.median(lashes) / max(float(np.median(skin)), 1.0), *LASH))
