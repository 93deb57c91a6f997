"""Which stretches of long footage films are made from: a frame costs the same however long somebody was filmed.

Minutes of somebody who talks show the same poses and mouths again and again. Stretches are taken one after another,
each the one that shows most of what those before it do not.
"""

from __future__ import annotations

import numpy as np

from render2video.footage.footage import Footage, gap_mm

MOST_FRAMES = 3000  # two minutes at 25 frames a second
STRETCH_S = 1.6  # shorter ones would make films that jump
# Sides of the cells that count as shown: of the head's turn and place, and of the mouth's gap and width.
TURN_RAD, PLACE_MM, GAP_MM, WIDTH_MM = 0.07, 8.0, 1.0, 2.0
LEFT_CORNER, RIGHT_CORNER = 20, 30  # of the outer lips, after the 20 inner ones


def useful(footage: Footage, most: int = MOST_FRAMES) -> Footage:
    """The footage, or its most useful part where it has more than `most` frames."""
    return footage if len(footage) <= most else footage.part(useful_frames(footage, most))


def useful_frames(footage: Footage, most: int = MOST_FRAMES) -> np.ndarray:
    """Numbers of the frames of `useful`, in order."""
    if len(footage) <= most:
        return np.arange(len(footage))
    length = max(2, round(STRETCH_S * footage.motion.fps))
    starts = np.arange(0, len(footage), length)
    cells = _cells(footage)
    shown: list[set[int]] = [set() for _ in starts]
    for index in np.flatnonzero(footage.usable):
        shown[index // length].update(cells[index])
    gains, known, kept = np.array([len(cell) for cell in shown]), set[int](), np.zeros(len(starts), bool)
    while kept.sum() < most // length:
        best = int(gains.argmax())
        fresh = len(shown[best] - known)
        if fresh < gains[best]:  # what it promised was shown since; gains only fall
            gains[best] = fresh
            continue
        if gains[best] < 0:
            break
        known |= shown[best]
        kept[best], gains[best] = True, -1
    frames = np.arange(len(footage))
    return frames[kept[frames // length]]


def _cells(footage: Footage) -> np.ndarray:
    """`[T, 3]`: names of what each frame shows of the head's turn, of its place, and of the mouth."""
    motion, lips = footage.motion, footage.lips_mm
    width = np.linalg.norm(lips[:, LEFT_CORNER] - lips[:, RIGHT_CORNER], axis=-1)
    parts = (
        motion.rotation / TURN_RAD, motion.translation / PLACE_MM,
        np.stack((gap_mm(lips) / GAP_MM, width / WIDTH_MM), axis=1),
    )  # fmt: skip
    names = [np.unique(np.rint(part).astype(int), axis=0, return_inverse=True)[1].ravel() for part in parts]
    return np.stack([3 * name + kind for kind, name in enumerate(names)], axis=1)
