"""What is between the lips where the footage never opened them so far: painted as behind a photo's closed lips."""

from __future__ import annotations

import numpy as np

from foundation.easing import smoothstep
from render2video.footage.footage import Footage, gap_mm
from render2video.photo.bent import TEETH_DEPTH_MM
from render2video.photo.config import PhotoConfig
from render2video.photo.mouth import Mouth
from render2video.photo.teeth import teeth_of
from render2video.photo.warp import LIP_RING, PhotoGeometry, plane_map

LACK_MM = 1.2, 2.6  # by which a real mouth is opened too little: from here on, and from here on all, is painted
REACH = 1.6  # of the eyes' distance: half the side of the picture that the light and the teeth are taken from
TURN_WEIGHT = 20.0  # mm a rad: a still face that looks into the camera is worth lips that are a little open


class MouthInside:
    """Paints teeth, tongue and cavity into bent mouths.

    Args:
        footage: of the person.
    """

    def __init__(self, footage: Footage) -> None:
        head = footage.head
        turned = np.abs(footage.motion.rotation - np.median(footage.motion.rotation, axis=0)).sum(1)
        still = np.where(footage.usable, gap_mm(footage.lips_mm) + TURN_WEIGHT * turned, np.inf)
        index = int(still.argmin())
        frame, points = footage.frames[index], footage.points_px[index].astype(np.float64)
        reach = min(round(REACH * footage.eyes_px), min(frame.shape[:2]) // 2)
        middle = points[: len(head.neutral_mm)].mean(0)
        left, top = np.clip(np.rint(middle - reach), 0, np.array(frame.shape[1::-1]) - 2 * reach).astype(int)
        picture = np.ascontiguousarray(frame[top : top + 2 * reach, left : left + 2 * reach])
        placed = points - (left, top)
        self.geometry = PhotoGeometry(
            placed[: len(head.neutral_mm)], placed, head.neutral_mm.numpy().astype(np.float64),
            head.mesh.shell_mm.astype(np.float64), head.mesh.triangles, np.zeros(9),
        )
        self.to_still = self.geometry.rigid_map(placed)
        scale_px_mm = float(np.linalg.norm(self.to_still[0, :3]))
        teeth, corner = teeth_of(picture, self.geometry, scale_px_mm, PhotoConfig().teeth_height_mm)
        self.mouth = Mouth(teeth, corner, picture, self.geometry, scale_px_mm)
        lips = self.geometry.neutral_mm[LIP_RING].mean(0) - (0, 0, TEETH_DEPTH_MM)
        self.jaw_mm = lips + np.array([(-20.0, 0, 0), (20.0, 0, 0), (0, 20.0, 0)])

    def painted(self, picture: np.ndarray, points_px: np.ndarray, lack_mm: float) -> np.ndarray:
        """A picture `[h, w, 3]` levels of a bent mouth, its inside painted as far as the real one is opened too little.

        Args:
            points_px: `[V + S, 2]` of the wanted mesh in the picture. lack_mm: wanted gap less the real mouth's.
        """
        share = float(smoothstep(np.clip((lack_mm - LACK_MM[0]) / (LACK_MM[1] - LACK_MM[0]), 0, 1)))
        if share == 0:
            return picture
        made = np.array(picture, np.float32)
        points = points_px.astype(np.float64)
        self.mouth.paint(made, points, plane_map(self.to_still, self.geometry.rigid_map(points), self.jaw_mm))
        opened: np.ndarray = picture + share * (made - picture)
        return opened
