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
from render2video.head_shell import band
from render2video.rasterizer import interpolate

# How much of the head's motion the rings around the face have: above and beside the head hair goes along; below it,
# neck and shoulders stay behind.
FOLLOW_UP = (1.0, 1.0, 0.85, 0.25)
FOLLOW_DOWN = (0.85, 0.55, 0.22, 0.06)
RIM_REACH = 1.2  # of the last ring's distance from the middle of the face: the rim that never moves
STILL_SHARE = 0.04  # of the frame's shorter side, at its edges, over which all motion fades
STEP_PX = 4  # of the coarse grid
SMOOTHING_SHARE = 0.05  # of the face's height: deviation of the blur over the motion outside the face


def follow_shares(rings_px: np.ndarray, centre_px: np.ndarray) -> np.ndarray:
    """`[4 * R, 1]`: the share of the head's motion that each vertex of the rings `[4, R, 2]` has."""
    outward = rings_px[0] - centre_px
    down = outward[:, 1] / np.linalg.norm(outward, axis=1)
    share = smoothstep(np.clip((down + 0.1) / 0.8, 0, 1))
    above, below = np.array(FOLLOW_UP)[:, None], np.array(FOLLOW_DOWN)[:, None]
    shares: np.ndarray = (above * (1 - share) + below * share).reshape(-1, 1)
    return shares


class Bend:
    """Bends full frames of one person.

    Args:
        head: draws the person's mesh with the camera of the full frame.
    """

    def __init__(self, head: HeadRenderer) -> None:
        self.head, camera = head, head.camera
        self.width_px, self.height_px = camera.width_px, camera.height_px
        self.face = len(head.neutral_mm)
        self.oval = head.model.index_sets["face_oval"].numpy()
        count = len(self.oval)
        total = self.face + len(head.mesh.shell_mm)
        outer = total - count + np.arange(count)
        self.triangles = np.concatenate((head.mesh.triangles, band(outer, total + np.arange(count))))
        depth = np.concatenate((head.neutral_mm[:, 2], head.mesh.shell_mm[:, 2]))
        self.depth_mm = np.concatenate((depth, np.full(count, depth.min() - 50))).astype(np.float32) - 1000
        self.grid = -(-self.height_px // STEP_PX), -(-self.width_px // STEP_PX)
        rows, columns = np.mgrid[: self.grid[0], : self.grid[1]].astype(np.float32)
        self.centres = (np.stack((columns, rows), axis=-1) + 0.5) * STEP_PX
        size = np.array((self.width_px, self.height_px), np.float32)
        edge = np.minimum(self.centres, size - self.centres).min(-1) / (STILL_SHARE * size.min())
        self.moving = smoothstep(np.clip(edge, 0, 1))[..., None].astype(np.float32)

    def displacement(self, source_px: np.ndarray, target_px: np.ndarray) -> np.ndarray:
        """`[h, w, 2]` float32 on the coarse grid: from a place in the bent frame to where its pixel comes from.

        Args:
            source_px: `[V + S, 2]`, where face and shell are in the real frame. target_px: where they shall be.
        """
        rings = source_px[self.face :].reshape(-1, len(self.oval), 2)
        centre = source_px[self.oval].mean(0)
        rim = centre + (rings[-1] - centre) * RIM_REACH
        moved = target_px - source_px
        follow = follow_shares(rings, centre)
        bent = np.concatenate((target_px[: self.face], source_px[self.face :] + follow * moved[self.face :], rim))
        back = np.concatenate((source_px, rim)) - bent
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
        """The bent frame, `[H, W, 3]` uint8."""
        if not np.abs(displacement).max() > MOTIONLESS_PX:
            return frame
        return self.sampled(frame, displacement, slice(0, self.height_px), slice(0, self.width_px))

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


MOTIONLESS_PX = 0.02


@lru_cache(maxsize=4)
def pixels(height_px: int, width_px: int) -> np.ndarray:
    """`[H, W, 2]` float32: column and row of each pixel."""
    rows, columns = np.mgrid[:height_px, :width_px].astype(np.float32)
    return np.stack((columns, rows), axis=-1)
