"""What stands still behind a person is kept still: frames of the footage come in any order, and a wall whose grain
changed with each of them would flicker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from face_model.tracks import FaceMotion
from foundation.easing import smoothstep
from render2video.conditioning import HeadRenderer

SAMPLES = 40  # frames, spread over the footage, that tell what stands still
LEAST_SAMPLES = 8
MOST_BYTES = 2 * 10**8  # of them
STILL_LEVELS = 5.0  # what changes by less over the footage, but for grain, stands still
PASSING_LEVELS = 5.0, 10.0  # what differs by so much from the wall in one frame is something before it
KEPT_STILL = 0.6  # of the difference to the wall that is taken away: a living picture is never quite the same
GRAIN_PX, EDGE_PX = 3.0, 4.0  # deviations of the blurs that leave grain out, and that soften the wall's edge
SPECK_PX = 5  # what moves is larger, or it is grain
HEAD_RING = 2  # of the shell: what is inside of it is never a wall


@dataclass(frozen=True)
class StillWall:
    """plate: `[H, W, 3]` float32, the wall without its grain. weight: `[H, W, 1]` float32, how much of each pixel's
    change is taken away.
    """

    plate: np.ndarray
    weight: np.ndarray

    @staticmethod
    def of(samples: Sequence[np.ndarray], head: HeadRenderer, motion: FaceMotion) -> StillWall | None:
        """What stands still in frames `[H, W, 3]`, outside of wherever the head goes in a motion; None if too few tell.
        """
        if len(samples) < LEAST_SAMPLES:
            return None
        plate = np.median(np.stack(samples), axis=0).astype(np.float32)
        most = np.percentile(np.stack([_change(sample - plate) for sample in samples]), 95, axis=0)
        specks = np.ones((SPECK_PX, SPECK_PX), np.uint8)
        moving = cv2.morphologyEx((most > STILL_LEVELS).astype(np.uint8), cv2.MORPH_OPEN, specks)
        count, face = len(head.model.index_sets["face_oval"]), len(head.neutral_mm)
        for points in head.vertices_px(motion)[0]:
            ring = points[face + HEAD_RING * count : face + (HEAD_RING + 1) * count]
            cv2.fillPoly(moving, [np.rint(ring).astype(np.int32)], 1)
        reach = 2 * round(EDGE_PX) + 1
        still = 1 - cv2.dilate(moving, np.ones((reach, reach), np.uint8)).astype(np.float32)
        weight = KEPT_STILL * cv2.GaussianBlur(still, (0, 0), EDGE_PX)
        return StillWall(plate, weight[..., None]) if still.any() else None

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """A frame `[H, W, 3]` uint8 whose wall stands still; what passes before it stays."""
        change = frame - self.plate
        share = (PASSING_LEVELS[1] - _change(change)[..., None]) / (PASSING_LEVELS[1] - PASSING_LEVELS[0])
        stilled = frame - self.weight * smoothstep(np.clip(share, 0, 1)) * change
        kept: np.ndarray = np.rint(stilled).clip(0, 255).astype(np.uint8)
        return kept


def _change(difference: np.ndarray) -> np.ndarray:
    """`[H, W]`: levels of luma of a difference of pictures `[H, W, 3]`, but for grain."""
    grey = cv2.cvtColor(difference.astype(np.float32), cv2.COLOR_RGB2GRAY)
    level: np.ndarray = np.abs(cv2.GaussianBlur(grey, (0, 0), GRAIN_PX))
    return level


def sampled(frames: Iterable[np.ndarray], count: int, samples: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The `count` frames themselves; `samples` gets some, spread over them."""
    every = 1
    for index, frame in enumerate(frames):
        if index == 0:
            most = max(LEAST_SAMPLES, min(SAMPLES, MOST_BYTES // frame.nbytes))
            every = -(-count // most)
        if index % every == 0:
            samples.append(frame)
        yield frame
