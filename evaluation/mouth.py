"""The mouth in the head frame: curves of lip gap and lip width, in interocular distances."""

from __future__ import annotations

import numpy as np

from evaluation.head_frame import HeadFrame
from face_model.mp478 import INNER_LIPS, LIP_GAP, LIP_WIDTH, OUTER_LIPS

# Eight pairs of inner-lip points above one another (THEval's lip opening): the rings run the upper lip from the
# person's right corner to the left one, then back along the lower.
_UPPER_ROW, _LOWER_ROW = np.array(INNER_LIPS[1:9]), np.array(INNER_LIPS[19:11:-1])
LIPS = np.array(OUTER_LIPS + INNER_LIPS)


def lip_gap(head: HeadFrame) -> np.ndarray:
    """`[T]`: how far the inner lips stand apart at the middle, along the head's vertical, in interocular distances; 0
    is closed.
    """
    upper, lower = LIP_GAP
    return np.maximum(head.points[:, upper, 1] - head.points[:, lower, 1], 0.0)


def lip_opening(head: HeadFrame) -> np.ndarray:
    """`[T]`: the mean of the gap over eight pairs of inner-lip points (THEval's lip opening), in interocular distances.
    """
    rows = head.points[:, _UPPER_ROW, 1] - head.points[:, _LOWER_ROW, 1]
    return np.abs(rows).mean(1)


def lip_width(head: HeadFrame) -> np.ndarray:
    """`[T]`: distance between the mouth corners in the head's frontal plane, in interocular distances."""
    right, left = LIP_WIDTH
    return np.linalg.norm(head.points[:, left, :2] - head.points[:, right, :2], axis=-1)
