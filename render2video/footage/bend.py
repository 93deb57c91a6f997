"""A real frame, bent so that its head stands otherwise.

The head follows as a rigid body in depth, the skin of the face with the expression, hair along with the head, neck and
collar by a share that falls smoothly, and beyond a rim nothing moves. The displacement is smooth, so it is drawn on a
coarse grid and enlarged; the frame itself is read once, in full resolution.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from foundation.easing import smoothstep
from render2video.conditioning import HeadRenderer
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
SMOOTHING_SHARE = 0.02  # of the face's height: deviation of the blur over the motion outside the face
MOTIONLESS_PX = 0.02


def usual_follow(oval_px: np.ndarray) -> np.ndarray:
    """`[9, R]`: the share of the head's motion that rings around an outline `[R, 2]` have if nothing is known."""
    share = below_share(oval_px - oval_px.mean(0))
    above, below = np.array(FOLLOW_UP)[:, None], np.array(FOLLOW_DOWN)[:, None]
    shares: np.ndarray = above * (1 - share) + below * share
    return shares


class Bend:
    """Bends full frames of one person.

    Args:
        head: draws the person's mesh with the camera of the full frame.
        follow: `[9, R]`, the share of the head's motion that each point of the rings has; None: the usual ones.
    """

    def __init__(self, head: HeadRenderer, follow: np.ndarray | None = None) -> None:
        self.head, self.follow, camera = head, follow, head.camera
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
        self.grid = -(-self.height_px // STEP_PX), -(-self.width_px // STEP_PX)
        rows, columns = np.mgrid[: self.grid[0], : self.grid[1]].astype(np.float32)
        self.centres = (np.stack((columns, rows), axis=-1) + 0.5) * STEP_PX
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

    def displacement(self, source_px: np.ndarray, target_px: np.ndarray) -> np.ndarray:
        """`[h, w, 2]` float32 on the coarse grid: from a place in the bent frame to where its pixel comes from.

        Args:
            source_px: `[V + S, 2]`, where face and shell are in the real frame. target_px: where they shall be.
        """
        before, bent = self.bent_points(source_px, target_px)
        back = before - bent
        height, width = self.grid
        points = (bent / STEP_PX).astype(np.float32)
        fragments = self.head.rasterizer(points, self.depth_mm, self.triangles, height, width)
        raw = interpolate(fragments, self.triangles, back.astype(np.float32))
        outline = np.rint(points[self.oval] * 16).astype(np.int32)
        face = np.zeros(self.grid, np.float32)
        cv2.fillPoly(face, [outline], 1.0, shift=4)
        tall = float(np.ptp(points[self.oval][:, 1]))
        sigma = max(1.0, SMOOTHING_SHARE * tall)
        inside = np.clip(2 * cv2.GaussianBlur(face, (0, 0), sigma / 2) - 1, 0, 1)[..., None]
        smooth = cv2.GaussianBlur(raw, (0, 0), sigma)
        smoothed: np.ndarray = (inside * cv2.GaussianBlur(raw, (0, 0), 0.8) + (1 - inside) * smooth) * self.moving
        return smoothed

    def __call__(self, frame: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        """The bent frame, `[H, W, 3]` uint8, a copy; what does not move is not touched."""
        bent = frame.copy()
        moving = np.abs(displacement).max(-1) > MOTIONLESS_PX
        if not moving.any():
            return bent
        rows, columns = (
            slice(max(0, (int(found[0]) - 1) * STEP_PX), min(side, (int(found[-1]) + 2) * STEP_PX))
            for found, side in (
                (np.flatnonzero(moving.any(1)), self.height_px), (np.flatnonzero(moving.any(0)), self.width_px)
            )
        )
        bent[rows, columns] = self.sampled(frame, displacement, rows, columns)
        return bent

    def sampled(self, frame: np.ndarray, displacement: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        """A rectangle of the bent frame, `[h, w, 3]` uint8."""
        places = self._enlarged(displacement, rows, columns)
        places = places + pixels(self.height_px, self.width_px)[rows, columns]
        return cv2.remap(
            frame, places[..., 0], places[..., 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
        )

    def _enlarged(self, displacement: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
        """The displacement at the pixels of a rectangle; what `cv2.resize` gives there for the whole."""
        y = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) / STEP_PX - 0.5)[:, None]
        x = ((np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) / STEP_PX - 0.5)[None]
        y, x = np.broadcast_arrays(y, x)
        return cv2.remap(
            displacement, np.ascontiguousarray(x), np.ascontiguousarray(y), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )


@lru_cache(maxsize=4)
def pixels(height_px: int, width_px: int) -> np.ndarray:
    """`[H, W, 2]` float32: column and row of each pixel."""
    rows, columns = np.mgrid[:height_px, :width_px].astype(np.float32)
    return np.stack((columns, rows), axis=-1)
