"""A real frame, bent so that its head stands otherwise.

The head follows as a rigid body in depth, the skin of the face with the expression, hair along with the head, neck and
collar by a share that falls smoothly, and beyond a rim nothing moves. The displacement is smooth, so it is drawn on a
coarse grid and enlarged; the frame itself is read once, in full resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from foundation.easing import smoothstep
from preprocessing.media.yuv import Planes
from render2video.conditioning import HeadRenderer
from render2video.footage.frames import Frames
from render2video.footage.resampling import LANCZOS, SHORT, displaced, reading
from render2video.head_shell import band, below_share
from render2video.rasterizer import interpolate

# Rings around the face, each between two of the shell's (0 is its innermost): close to each other, for hair ends and
# the wall begins within millimetres.
RINGS = (0.0, 0.5, 1.0, 1.33, 1.67, 2.0, 2.33, 2.67, 3.0)
# How much of the head's motion they have unless it is learned: above and beside the head hair goes along; below it,
# neck and shoulders stay behind.
FOLLOW_UP = (1.0, 1.0, 1.0, 0.95, 0.9, 0.7, 0.4, 0.2, 0.1)
FOLLOW_DOWN = (0.85, 0.7, 0.55, 0.4, 0.3, 0.2, 0.12, 0.08, 0.05)
RIM_REACH = 1.15  # of the last ring's distance from the middle of the face: the rim that never moves
STILL_SHARE = 0.04  # of the frame's shorter side, at its edges, over which all motion fades
STEP_PX = 4  # of the coarse grid
FINE_SHARE = 0.035  # of the eyes' distance: where steps twice as wide are finer than that, they are fine enough
SMOOTHING_SHARE = 0.02  # of the face's height: deviation of the blur over the motion outside the face
MOTIONLESS_PX = 0.02


def usual_follow(oval_px: np.ndarray) -> np.ndarray:
    """`[9, R]`: the share of the head's motion that rings around an outline `[R, 2]` have if nothing is known."""
    share = below_share(oval_px - oval_px.mean(0))
    above, below = np.array(FOLLOW_UP)[:, None], np.array(FOLLOW_DOWN)[:, None]
    shares: np.ndarray = above * (1 - share) + below * share
    return shares


@dataclass(frozen=True)
class Displacement:
    """From places in a bent frame to where their pixels come from, on a part of the coarse grid; where that ends at
    no edge of what was asked for, nothing moves beyond it.

    values: `[h, w, 2]` float32, pixels. top, left: of its first cell. step_px: of the grid.
    """

    values: np.ndarray
    top: int
    left: int
    step_px: int = STEP_PX

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """`[h, w, 2]`: at places `[h, w]` of the bent frame."""
        column, row = (
            (place / self.step_px - 0.5 - first).astype(np.float32) for place, first in ((x, self.left), (y, self.top))
        )
        return cv2.remap(self.values, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)

    def moving_px(self, height_px: int, width_px: int) -> tuple[slice, slice] | None:
        """Rows and columns of the frame in which anything moves."""
        moving, step_px = np.abs(self.values).max(-1) > MOTIONLESS_PX, self.step_px
        if not moving.any():
            return None
        rows, columns = (
            slice(max(0, (start + int(found[0]) - 1) * step_px), min(side, (start + int(found[-1]) + 2) * step_px))
            for start, found, side in (
                (self.top, np.flatnonzero(moving.any(1)), height_px),
                (self.left, np.flatnonzero(moving.any(0)), width_px),
            )
        )
        return rows, columns


def step_for(eyes_px: float) -> int:
    """Of the coarse grid, for a face whose eyes are so far apart."""
    return 2 * STEP_PX if FINE_SHARE * eyes_px >= 2 * STEP_PX else STEP_PX


class Bend:
    """Bends full frames of one person.

    Args:
        head: draws the person's mesh with the camera of the full frame.
        follow: `[9, R]`, the share of the head's motion that each point of the rings has; None: the usual ones.
        step_px: of the coarse grid.
    """

    def __init__(self, head: HeadRenderer, follow: np.ndarray | None = None, step_px: int = STEP_PX) -> None:
        self.head, self.follow, self.step_px, camera = head, follow, step_px, head.camera
        self.width_px, self.height_px = camera.width_px, camera.height_px
        self.face = len(head.neutral_mm)
        self.oval = head.model.index_sets["face_oval"].numpy()
        count, model = len(self.oval), head.model
        inner, triangles = self.oval, [model.triangles.numpy()]
        for ring in range(len(RINGS) + 1):
            outer = self.face + ring * count + np.arange(count)
            triangles.append(band(inner, outer))
            inner = outer
        self.triangles = np.concatenate(triangles).astype(np.int64)
        depth = np.concatenate((head.neutral_mm[:, 2], self._rings(head.mesh.shell_mm)[..., 2].ravel()))
        self.depth_mm = np.concatenate((depth, np.full(count, depth.min() - 50))).astype(np.float32) - 1000
        self.grid = -(-self.height_px // self.step_px), -(-self.width_px // self.step_px)
        rows, columns = np.mgrid[: self.grid[0], : self.grid[1]].astype(np.float32)
        self.centres = (np.stack((columns, rows), axis=-1) + 0.5) * self.step_px
        size = np.array((self.width_px, self.height_px), np.float32)
        edge = np.minimum(self.centres, size - self.centres).min(-1) / (STILL_SHARE * size.min())
        self.moving = smoothstep(np.clip(edge, 0, 1))[..., None].astype(np.float32)

    def _rings(self, shell: np.ndarray) -> np.ndarray:
        """`[9, R, D]` of the shell's four rings `[4 R, D]`."""
        rings = shell.reshape(-1, len(self.oval), shell.shape[-1])
        low = np.minimum(np.array(RINGS).astype(int), len(rings) - 2)
        share = (np.array(RINGS) - low)[:, None, None]
        between: np.ndarray = rings[low] * (1 - share) + rings[low + 1] * share
        return between

    def bent_points(self, source_px: np.ndarray, target_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where face, rings and rim `[V + 9 R + R, 2]` are in the real frame, and where they go."""
        rings = self._rings(source_px[self.face :])
        moved = self._rings(target_px[self.face :]) - rings
        follow = usual_follow(source_px[self.oval]) if self.follow is None else self.follow
        centre = source_px[self.oval].mean(0)
        rim = centre + (rings[-1] - centre) * RIM_REACH
        before = np.concatenate((source_px[: self.face], rings.reshape(-1, 2), rim))
        after = (rings + follow[..., None] * moved).reshape(-1, 2)
        return before, np.concatenate((target_px[: self.face], after, rim))

    def displacement(
        self, source_px: np.ndarray, target_px: np.ndarray, rows: slice | None = None, columns: slice | None = None
    ) -> Displacement:
        """From a place in the bent frame to where its pixel comes from.

        Args:
            source_px: `[V + S, 2]`, where face and shell are in the real frame. target_px: where they shall be.
            rows, columns: the rectangle of the frame that it is wanted for; None: all.
        """
        before, bent = self.bent_points(source_px, target_px)
        points = (bent / self.step_px).astype(np.float32)
        sigma = max(1.0, SMOOTHING_SHARE * float(np.ptp(points[self.oval][:, 1])))
        reach = round(4 * sigma) + 1  # of the blur
        box = self._cells(points, reach, rows, columns)
        if box is None:
            return Displacement(np.zeros((1, 1, 2), np.float32), 0, 0, self.step_px)
        inner_top, inner_left, bottom, right = box
        top, left = max(0, inner_top - reach), max(0, inner_left - reach)
        size = min(self.grid[0], bottom + reach) - top, min(self.grid[1], right + reach) - left
        points -= np.array((left, top), np.float32)
        fragments = self.head.rasterizer(points, self.depth_mm, self.triangles, *size)
        raw = interpolate(fragments, self.triangles, (before - bent).astype(np.float32))
        face = np.zeros(size, np.float32)
        cv2.fillPoly(face, [np.rint(points[self.oval] * 16).astype(np.int32)], 1.0, shift=4)
        inside = np.clip(2 * cv2.GaussianBlur(face, (0, 0), sigma / 2) - 1, 0, 1)[..., None]
        smooth, fine = cv2.GaussianBlur(raw, (0, 0), sigma), cv2.GaussianBlur(raw, (0, 0), 0.8)
        moving = self.moving[top : top + size[0], left : left + size[1]]
        smoothed = (smooth + inside * (fine - smooth)) * moving
        kept = smoothed[inner_top - top : bottom - top, inner_left - left : right - left]
        return Displacement(np.ascontiguousarray(kept), inner_top, inner_left, self.step_px)

    def _cells(
        self, points: np.ndarray, reach: int, rows: slice | None, columns: slice | None
    ) -> tuple[int, int, int, int] | None:
        """Top, left, bottom and right of the cells in which a mesh `[N, 2]` (cells) moves anything, of those that are
        wanted; None where nothing is.
        """
        low = np.floor(points.min(0)).astype(int) - reach
        high = np.ceil(points.max(0)).astype(int) + reach
        top, left = max(0, low[1]), max(0, low[0])
        bottom, right = min(self.grid[0], high[1]), min(self.grid[1], high[0])
        if rows is not None and columns is not None:  # and one around it, which the enlarged ones lie between
            step = self.step_px
            top, left = max(top, rows.start // step - 1), max(left, columns.start // step - 1)
            bottom, right = min(bottom, -(-rows.stop // step) + 1), min(right, -(-columns.stop // step) + 1)
        return (int(top), int(left), int(bottom), int(right)) if top < bottom and left < right else None

    def __call__(self, frame: np.ndarray, displacement: Displacement) -> np.ndarray:
        """The bent frame, `[H, W, 3]` uint8, a copy; what does not move is not touched."""
        bent = frame.copy()
        place = displacement.moving_px(self.height_px, self.width_px)
        if place is not None:
            bent[place] = self.sampled(frame, displacement, *place)
        return bent

    def planes(self, frame: Planes, displacement: Displacement) -> Planes:
        """A bent frame as it is coded, a copy: half the work of a picture, whose colours are four times as many."""
        height, width = frame.light.shape
        place = displacement.moving_px(height, width)
        if place is None:
            return frame
        rows, columns = place
        origin, bent = (displacement.top, displacement.left), []
        for plane, part in ((frame.light, 1), (frame.blue, 2), (frame.red, 2)):
            high, wide = (slice(side.start // part, side.stop // part) for side in (rows, columns))
            made, shift = plane.copy(), displacement.values / part
            through = LANCZOS if part == 1 else SHORT  # colours have no grain that it would blur
            made[high, wide] = displaced(
                plane, shift, self.step_px / part, MOTIONLESS_PX / part, high, wide, origin, through=through
            )
            bent.append(made)
        return Planes(*bent)

    def taken(
        self, frames: Frames, index: int, displacement: Displacement, rows: slice, columns: slice
    ) -> np.ndarray:
        """A rectangle of frame `index`, bent; only the part of the frame that it needs is read."""
        read = reading(displacement.values, rows, columns, self.height_px, self.width_px)
        top, left = read[0].start, read[1].start
        part = frames.window(index, *read)
        origin = displacement.top, displacement.left
        return displaced(
            part, displacement.values, self.step_px, MOTIONLESS_PX, rows, columns, origin, (top, left)
        )

    def sampled(self, frame: np.ndarray, displacement: Displacement, rows: slice, columns: slice) -> np.ndarray:
        """A rectangle of the bent frame, `[h, w, 3]` uint8."""
        origin = displacement.top, displacement.left
        return displaced(frame, displacement.values, self.step_px, MOTIONLESS_PX, rows, columns, origin)


@lru_cache(maxsize=4)
def pixels(height_px: int, width_px: int) -> np.ndarray:
    """`[H, W, 2]` float32: column and row of each pixel."""
    rows, columns = np.mgrid[:height_px, :width_px].astype(np.float32)
    return np.stack((columns, rows), axis=-1)
