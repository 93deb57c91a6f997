"""What lies around the head, small: frames that agree there may follow each other without a jump of the shoulders."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from face_model import mp478
from face_model.tracks import FaceMotion
from render2video.conditioning import HeadRenderer

SIDE_PX = 24
HEAD_REACH = 1.3  # of the face's outline: what is inside it is bent and compared otherwise


@dataclass(frozen=True)
class Thumbnails:
    """Makes thumbnails. weight: `[SIDE, SIDE]` 0-1, how much of each cell the head never covers."""

    weight: np.ndarray

    @staticmethod
    def around(head: HeadRenderer, motion: FaceMotion) -> Thumbnails:
        """Of frames in which the head moves so."""
        camera = head.camera
        outlines = head.vertices_px(motion)[0][:, list(mp478.FACE_OVAL)]
        scale = np.array((SIDE_PX * 8 / camera.width_px, SIDE_PX * 8 / camera.height_px))
        covered = np.zeros((SIDE_PX * 8, SIDE_PX * 8), np.uint8)
        for outline in outlines:
            middle = outline.mean(0)
            reached = (middle + (outline - middle) * HEAD_REACH) * scale
            cv2.fillPoly(covered, [np.rint(reached).astype(np.int32)], 1)
        small = cv2.resize((1 - covered).astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
        return Thumbnails(small)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """`[SIDE^2]` float32 of a frame: the distance of two is the deviation of their levels around the head."""
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
        values: np.ndarray = (small * np.sqrt(self.weight)).ravel() / np.sqrt(max(self.weight.sum(), 1.0))
        return values
