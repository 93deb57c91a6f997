"""Where each painted pixel comes from in the photo.

The face mesh and the shell's rings carry the photo's own pixels. Rings follow the head less and less, up to a last one
that never moves, and beyond it the photo stands still. A closed mesh whose rim is fixed covers all that lies inside the
rim, however its inside moves: so no hole can open, and nothing has to be invented behind the head.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from face_model import mp478
from foundation.easing import smoothstep
from render2video.head_shell import band, below_share
from render2video.photo.moving import motion_of, places_of
from render2video.rasterizer import Rasterizer

# How much of the head's motion the rings have: above and beside the head hair goes along; below it, neck and
# shoulders stay behind.
FOLLOW_UP = (1.0, 1.0, 0.95, 0.75)
FOLLOW_DOWN = (0.85, 0.55, 0.22, 0.06)
SHOULDERS = 0.35  # of the way that the neck goes, shoulders go too
RIM_REACH = 1.75  # of the last ring's distance from the middle of the face: the rim that never moves
STILL_SHARE = 0.07  # of the picture's side, at its edges, over which all motion fades
SMOOTHING_SHARE = 0.012  # of the picture's side: deviation of the blur over the motion outside the face
COARSER = 2  # times: the grid that blurs are done on
# What the photo's mouth has and no learned expression explains (a broad smile) is taken away: all of it within the
# first distance from the lips, none beyond the second.
NEUTRAL_MM, OWN_MM = 6.0, 30.0
THINNEST_LIP = 0.55  # of what the red of the lips is at rest: strong emotions stretch a mesh's lips to a line
FULL_MM = 10.0  # from lips that are fuller than the mesh's: how far the skin around them makes room
LIP_INSET = 0.14  # of the way to the outer lip: the photo's lip edges hold a trace of teeth

LIP_RING, LIP_OUTER = np.array(mp478.INNER_LIPS), np.array(mp478.OUTER_LIPS)
UPPER_LIP, LOWER_LIP = LIP_RING[1:10], LIP_RING[:10:-1]
LIP_SIDES = np.array([0.0, *[1.0] * 9, 0.0, *[-1.0] * 9])  # of the rings: above the mouth, at its corners, below it
EYES = (np.array(mp478.RIGHT_EYE), np.array(mp478.LEFT_EYE))


@dataclass(frozen=True)
class PhotoGeometry:
    """The photo's mesh, in pixels of the crop.

    landmarks_px: `[V, 2]`, where the photo has the face's vertices. fitted_px: `[V + S, 2]`, where the fitted mesh has
    them and the shell. neutral_mm: `[V, 3]` and shell_mm `[S, 3]`, head frame. triangles: `[F, 3]` of face and shell.
    lip_rest_px: `[9]`, the mesh's opening between the lips at rest, which is meant to be none. lip_fullness_px: `[20]`,
    see `lip_fullness`.
    """

    landmarks_px: np.ndarray
    fitted_px: np.ndarray
    neutral_mm: np.ndarray
    shell_mm: np.ndarray
    triangles: np.ndarray
    lip_rest_px: np.ndarray
    lip_fullness_px: np.ndarray = field(default_factory=lambda: np.zeros(len(LIP_RING)))

    @property
    def vertices(self) -> int:
        return len(self.landmarks_px)

    def rigid_map(self, points_px: np.ndarray) -> np.ndarray:
        """`[2, 4]`: head frame (mm, 1) to pixels, from where the shell, which is rigid, lies among `[V + S, 2]`."""
        homogeneous = np.concatenate((self.shell_mm, np.ones((len(self.shell_mm), 1))), axis=1)
        return np.linalg.lstsq(homogeneous, points_px[self.vertices :], rcond=None)[0].T


def polygon_mask(points: np.ndarray, shape: tuple[int, int], blur_px: float) -> np.ndarray:
    """`[h, w]` float32 0-1: inside of a polygon `[N, 2]`, with soft edges."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.rint((points - 0.5) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    soft = mask.astype(np.float32) / 255
    return cv2.GaussianBlur(soft, (0, 0), blur_px) if blur_px > 0 else soft


def plane_map(to_source: np.ndarray, to_driven: np.ndarray, points_mm: np.ndarray) -> np.ndarray:
    """Affine map `[2, 3]` from driven to source pixels of a rigid plane through three points `[3, 3]` (mm)."""
    homogeneous = np.concatenate((points_mm, np.ones((3, 1))), axis=1)
    source, driven = homogeneous @ to_source.T, homogeneous @ to_driven.T
    return cv2.getAffineTransform(driven.astype(np.float32), source.astype(np.float32))


def _mouth_share(neutral_mm: np.ndarray) -> np.ndarray:
    """`[V, 1]`: 1 at the mouth, falling smoothly to 0 around it."""
    ring = neutral_mm[LIP_OUTER][:, :2]
    away_mm = np.linalg.norm(neutral_mm[:, None, :2] - ring[None], axis=-1).min(1)
    share = np.clip((OWN_MM - away_mm) / (OWN_MM - NEUTRAL_MM), 0, 1)
    return smoothstep(share)[:, None]


def lip_fullness(landmarks_px: np.ndarray, resting_px: np.ndarray) -> np.ndarray:
    """How much thicker `[20]` the red of the photo's lips is, around the mouth, than that of the mesh at rest; pixels.

    Lips that are thinner in the photo may be stretched by a smile or a word, so of those nothing is told.
    """
    def thickness(points: np.ndarray) -> np.ndarray:
        up = points[10] - points[152]
        tall: np.ndarray = np.abs((points[LIP_OUTER] - points[LIP_RING]) @ (up / np.linalg.norm(up)))
        return tall

    closed = resting_px.copy()
    closed[UPPER_LIP] = closed[LOWER_LIP] = (resting_px[UPPER_LIP] + resting_px[LOWER_LIP]) / 2
    return np.maximum(thickness(landmarks_px) - thickness(closed), 0.0)


def lip_shares(neutral_mm: np.ndarray) -> np.ndarray:
    """`[V, 20]`: how far up each vertex of the face goes for a unit by which the lips get fuller at each place of their
    ring: the inner lips stay, the outer ones make room, and the skin around is compressed over `FULL_MM`.
    """
    x, y = neutral_mm[:, 0], neutral_mm[:, 1]
    upper, lower = np.arange(11), np.array([0, *range(len(LIP_RING) - 1, 9, -1)])
    middle = np.interp(x, x[LIP_RING[upper]], (y[LIP_RING[upper]] + y[LIP_RING[lower]]) / 2)
    shares = np.zeros((len(neutral_mm), len(LIP_RING)))
    for half, side in ((upper, 1.0), (lower, -1.0)):
        inner, outer = LIP_RING[half], LIP_OUTER[half]
        start = np.interp(x, x[inner], y[inner])
        thick = np.maximum(side * (np.interp(x, x[outer], y[outer]) - start), 1e-3)
        rise = side * (y - start)
        beside = np.maximum(np.abs(x - x[outer].mean()) - np.ptp(x[outer]) / 2, 0)
        away_mm = np.hypot(np.maximum(rise - thick, 0), beside)
        share = side * np.clip(rise / thick, 0, 1) * smoothstep(np.clip(1 - away_mm / FULL_MM, 0, 1))
        share = np.where(side * (y - middle) >= 0, share, 0)
        for place, one in zip(half, np.eye(len(half)), strict=True):
            shares[:, place] += share * np.interp(x, x[outer], one)
    return shares


class Warp:
    """Draws, for driven vertices, the map from painted pixels to the photo's.

    Args:
        geometry: of the photo.
        size_px: side of the crop.
        rasterizer: draws the mesh.
    """

    def __init__(self, geometry: PhotoGeometry, size_px: int, rasterizer: Rasterizer[np.ndarray]) -> None:
        self.geometry, self.size_px, self.rasterizer = geometry, size_px, rasterizer
        count = len(mp478.FACE_OVAL)
        rings = geometry.fitted_px[geometry.vertices :].reshape(-1, count, 2)
        centre = geometry.landmarks_px[list(mp478.FACE_OVAL)].mean(0)
        self.rim_px = centre + (rings[-1] - centre) * RIM_REACH
        self.follow, self.shoulders = self._follow(rings, centre)
        self.neck = geometry.vertices + np.flatnonzero(self.shoulders[:count, 0] > 0.9 * self.shoulders[:count].max())
        outer = len(geometry.fitted_px) - count + np.arange(count)
        self.triangles = np.concatenate((geometry.triangles, band(outer, len(geometry.fitted_px) + np.arange(count))))
        self.source_px = np.concatenate((geometry.landmarks_px, geometry.fitted_px[geometry.vertices :], self.rim_px))
        self.source_px[LIP_RING] += LIP_INSET * (self.source_px[LIP_OUTER] - self.source_px[LIP_RING])
        rim_depth = np.full(count, geometry.shell_mm[:, 2].min() - 50)
        self.depth_mm = np.concatenate((geometry.neutral_mm[:, 2], geometry.shell_mm[:, 2], rim_depth))
        self.depth_mm = (self.depth_mm - 1000).astype(np.float32)
        unexplained = geometry.landmarks_px - geometry.fitted_px[: geometry.vertices]
        self.neutral_px = geometry.landmarks_px - _mouth_share(geometry.neutral_mm) * unexplained
        self.lip_shares = lip_shares(geometry.neutral_mm)
        self.lip_room_px = (self.lip_shares @ geometry.lip_fullness_px)[:, None]
        scale_px_mm = float(np.linalg.norm(geometry.rigid_map(geometry.fitted_px)[0, :3]))
        resting = geometry.neutral_mm[LIP_OUTER, 1] - geometry.neutral_mm[LIP_RING, 1]
        self.lip_px = np.maximum(LIP_SIDES * resting * scale_px_mm, 0) + geometry.lip_fullness_px
        rows, columns = np.mgrid[:size_px, :size_px].astype(np.float32)
        self.identity = np.stack((columns, rows), axis=-1) + 0.5
        edge = np.minimum(self.identity, size_px - self.identity).min(-1) / (STILL_SHARE * size_px)
        self.moving = smoothstep(np.clip(edge, 0, 1))[..., None].astype(np.float32)

    @staticmethod
    def _follow(rings: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`[4 * R, 1]` each: the share of the head's motion that each vertex of the rings has, and of the neck's."""
        share = below_share(rings[0] - centre)
        above, below = np.array(FOLLOW_UP)[:, None], np.array(FOLLOW_DOWN)[:, None]
        follow = above * (1 - share) + below * share
        return follow.reshape(-1, 1), (SHOULDERS * (1 - follow) * share).reshape(-1, 1)

    def targets(self, driven_px: np.ndarray, blink: float) -> np.ndarray:
        """Where face, rings and rim go `[V + S + R, 2]` for driven vertices `[V + S, 2]` and AU45 0-5."""
        geometry = self.geometry
        moved = driven_px - geometry.fitted_px
        up = driven_px[10] - driven_px[152]
        up = up / np.linalg.norm(up)
        face = self.neutral_px + moved[: geometry.vertices] + self.lip_room_px * up
        rings = geometry.fitted_px[geometry.vertices :] + self.follow * moved[geometry.vertices :]
        rings += self.shoulders * moved[self.neck].mean(axis=0)
        self._close_lips(face, driven_px, up)
        self._keep_lips(face, up)
        self._close_lids(face, blink)
        return np.concatenate((face, rings, self.rim_px))

    def _close_lips(self, face: np.ndarray, driven_px: np.ndarray, up: np.ndarray) -> None:
        """Open the lips by what the mesh's opening is above its rest: at rest they meet, and they never cross."""
        gap = ((driven_px[UPPER_LIP] - driven_px[LOWER_LIP]) @ up) - self.geometry.lip_rest_px
        middle = (face[UPPER_LIP] + face[LOWER_LIP]) / 2
        half = np.maximum(gap, 0)[:, None] * up / 2
        face[UPPER_LIP], face[LOWER_LIP] = middle + half, middle - half

    def _keep_lips(self, face: np.ndarray, up: np.ndarray) -> None:
        """Move the outer lips, and the skin around, away from inner ones that leave less than `THINNEST_LIP`."""
        tall = (face[LIP_OUTER] - face[LIP_RING]) @ up * LIP_SIDES
        lacking = np.maximum(THINNEST_LIP * self.lip_px - tall, 0)
        if lacking.max() > 0:
            face += (self.lip_shares @ lacking)[:, None] * up

    def _close_lids(self, face: np.ndarray, blink: float) -> None:
        """Bring each upper lid down to the lower one as far as the blink says: the mesh's own travel is a mean."""
        source = self.geometry.landmarks_px
        for ring in EYES:
            upper, lower = ring[1:8], ring[:8:-1]
            opening = source[upper] - source[lower]
            face[upper] = face[lower] + opening * max(0.0, 1.0 - blink / 5.0)

    def __call__(self, targets: np.ndarray) -> np.ndarray:
        """`[S, S, 2]` float32: for each painted pixel, the place in the photo (pixels, first centre at 0.5)."""
        size = self.size_px
        points = targets.astype(np.float32)
        fragments = self.rasterizer(points, self.depth_mm, self.triangles, size, size)
        motion = motion_of(fragments, self.triangles, self.source_px, self.moving)
        sigma = SMOOTHING_SHARE * size
        coarse = size // COARSER
        face = np.zeros((coarse, coarse), np.float32)
        outline = np.rint(targets[list(mp478.FACE_OVAL)] * (16 / COARSER)).astype(np.int32)
        cv2.fillPoly(face, [outline], 1.0, shift=4)
        inside = cv2.resize(cv2.GaussianBlur(face, (0, 0), sigma / COARSER), (size, size))
        small = cv2.resize(motion, (coarse, coarse), interpolation=cv2.INTER_AREA)
        smooth = cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / COARSER), (size, size))
        return places_of(motion, smooth, inside, self.moving)
