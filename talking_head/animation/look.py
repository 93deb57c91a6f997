"""A person's own colours for the exported head: one painted picture of them at rest, laid over the mesh."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from face_model import mp478
from face_model.tracks import FaceMotion
from render2video.painter import load_painter
from talking_head.formats.gltf import Look
from talking_head.motion.speaking import habits_of
from talking_head.target.card import Target

MARGIN = 0.03  # of the face's box, around it
LARGEST_PX = 1024
JPEG_QUALITY = 92
VERTICES = 478


def look_of(person: Target, device: str = "cpu") -> Look:
    """What a target looks like in its mean pose, with lips closed and eyes open, as its own network paints it."""
    with person.unchanged():  # its motion was read before
        painter = load_painter(person.folder, mp478.load(), device)
    still = FaceMotion.unpack(np.array([person.card.motion_statistics.mean]), person.card.fps)
    rest = habits_of(person).statistics.rest[None].astype(np.float32)
    still = replace(still, expression=rest, blink=np.zeros(1, np.float32))
    painted = next(painter.frames(still))
    points = painter.face_px(still)[0, :VERTICES]
    size = np.array([painted.shape[1], painted.shape[0]])
    margin = MARGIN * np.ptp(points, axis=0)
    low = np.clip(np.floor(points.min(axis=0) - margin), 0, size - 1).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + margin), low + 1, size).astype(int)
    cut = painted[low[1] : high[1], low[0] : high[0]]
    zoom = min(1.0, LARGEST_PX / max(cut.shape[:2]))
    if zoom < 1:
        cut = cv2.resize(cut, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    done, content = cv2.imencode(".jpg", cut[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return Look(content.tobytes(), np.clip((points - low) / (high - low), 0, 1).astype(np.float32))
