"""A person's real frames, where head and lips are in them, and how far each is from a frame that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from face_model import mp478
from face_model.tracks import FaceMotion
from render2video.conditioning import HeadRenderer
from render2video.footage.distances import deviations, mean_apart
from render2video.footage.expected import Told
from render2video.footage.frames import Frames, Part
from render2video.footage.gaze import gaze_of
from render2video.footage.registration import Registration
from render2video.footage.steadying import moved

BLINKING = 1.5  # AU45 from which on eyes look closed or closing
LIPS = list(mp478.INNER_LIPS + mp478.OUTER_LIPS)
UPPER, LOWER = list(mp478.INNER_LIPS[1:10]), list(mp478.INNER_LIPS[:10:-1])
GAP_WEIGHT = 2.0  # of the opening between the lips, beside the mean distance of their points
LIP_UNIT_MM, TURN_UNIT_RAD = 0.4, 0.12  # lips, and the turn of the head around them, that are off by so much cost 1
RING_STEP = 3  # every so many points of the first ring tell where the head is


@dataclass(frozen=True)
class Footage:
    """What a person's films are made from.

    frames: real frames. head: draws the person's mesh with their camera. motion: `[T]`, as measured in them. usable:
    `[T]` bool, where the face was seen well. breaks: `[T]` bool, True where a frame does not follow the one before.
    thumbnails: `[T, D]` float32 levels, of what lies around the head. follow: `[9, R]`, how far what lies around the
    face goes along with the head (`render2video.footage.following`); None: as usual. steady: `[T, 2, 3]`, what moves
    the mesh as tracked to where the head is (`render2video.footage.steadying`); None: it is there. registration: what
    moves it on to where the face is; None: it is there. told: how the parts of the face look for a motion
    (`render2video.footage.expected`).
    """

    frames: Frames
    head: HeadRenderer
    motion: FaceMotion
    usable: np.ndarray
    breaks: np.ndarray
    thumbnails: np.ndarray
    follow: np.ndarray | None = None
    steady: np.ndarray | None = None
    registration: Registration | None = None
    told: Mapping[str, Told] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.usable)

    def part(self, frames: np.ndarray) -> Footage:
        """Some frames of it `[N]`, in order; a break is where one does not follow the one before."""
        parted = self.breaks[frames] | (np.diff(frames, prepend=frames[:1]) != 1)
        laid = self.registration
        return replace(
            self, frames=Part(self.frames, frames), usable=self.usable[frames], breaks=parted,
            motion=FaceMotion.unpack(self.motion.pack()[frames], self.motion.fps, self.motion.face_model),
            thumbnails=self.thumbnails[frames], steady=None if self.steady is None else self.steady[frames],
            registration=None if laid is None else replace(laid, frames=laid.frames[frames]),
        )

    @cached_property
    def points_px(self) -> np.ndarray:
        """`[T, V + S, 2]`: face and shell in each frame, lids open: lids are painted, not bent."""
        return self._steadied(open_eyed_px(self.head, self.motion), slice(None))

    def wanted_px(self, motion: FaceMotion, lidded: bool = False) -> np.ndarray:
        """`[T, V + S, 2]`: where face and shell shall be for a motion, lids open, or as they are in it."""
        points = self.head.vertices_px(motion)[0] if lidded else open_eyed_px(self.head, motion)
        return points if self.registration is None else self.registration.wanted(points, motion)

    def lidded_px(self, index: int) -> np.ndarray:
        """`[V + S, 2]`: face and shell in a frame, lids as they are in it."""
        return self._steadied(self.head.vertices_px(self.motion[index : index + 1])[0], slice(index, index + 1))[0]

    def _steadied(self, points_px: np.ndarray, frames: slice) -> np.ndarray:
        there = points_px if self.steady is None else moved(points_px, self.steady[frames])
        return there if self.registration is None else self.registration.moved(there, frames)

    @cached_property
    def eyes_px(self) -> float:
        """The distance between the outer corners of the eyes, its median: what lengths in pixels are told in."""
        corners = self.points_px[:, [mp478.RIGHT_EYE[0], mp478.LEFT_EYE[8]]]
        return float(np.median(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)))

    @cached_property
    def _rings_px(self) -> np.ndarray:
        return np.ascontiguousarray(self._ring(self.points_px), np.float32)

    def _ring(self, points_px: np.ndarray) -> np.ndarray:
        start = len(self.head.neutral_mm)
        ring: np.ndarray = points_px[..., start : start + len(mp478.FACE_OVAL) : RING_STEP, :]
        return ring

    @cached_property
    def gaze(self) -> np.ndarray:
        """`[T, 2]`: where the eyes look, see `gaze_of`."""
        return gaze_of(self.head, self.motion.expression)

    @cached_property
    def lips_mm(self) -> np.ndarray:
        """`[T, 40, 3]`: the lips in the head's own frame."""
        return lips_of(self.head, self.motion.expression)

    @cached_property
    def gaps_mm(self) -> np.ndarray:
        """`[T]`: the mean opening of the lips."""
        return gap_mm(self.lips_mm)

    def head_distance(self, points_px: np.ndarray) -> np.ndarray:
        """`[T]`: how far the head of each frame is from a wanted one `[V + S, 2]`, hundredths of the eyes' distance."""
        hundredths: np.ndarray = mean_apart(self._rings_px, self._ring(points_px)) * (100 / self.eyes_px)
        return hundredths

    def lip_distance_mm(self, lips_mm: np.ndarray) -> np.ndarray:
        """`[T]`: how far the lips of each frame are from wanted ones `[40, 3]`."""
        away = deviations(self.lips_mm, lips_mm)
        opening = np.abs(self.gaps_mm - gap_mm(lips_mm))
        distance: np.ndarray = away + GAP_WEIGHT * opening
        return distance

    def mouth_costs(self, lips_mm: np.ndarray, rotation: np.ndarray) -> np.ndarray:
        """`[T]`: what taking each frame's mouth costs, for wanted lips `[40, 3]` of a head turned by `[3]` (rad)."""
        costs: np.ndarray = (self.lip_distance_mm(lips_mm) / LIP_UNIT_MM) ** 2 + self.turn_costs(rotation)
        return costs

    def turn_costs(self, rotation: np.ndarray) -> np.ndarray:
        """`[T]`: what it costs to take a piece of each face for a head turned by `[3]` (rad): it shows another side."""
        costs: np.ndarray = (np.linalg.norm(self.motion.rotation - rotation, axis=1) / TURN_UNIT_RAD) ** 2
        return costs

    @cached_property
    def unrest(self) -> np.ndarray:
        """`[T]`: what a jump to or from each frame costs more because its lids are closed, or move near it."""
        blink = self.motion.blink
        steps = np.abs(np.diff(blink, prepend=blink[:1]))
        near = np.max([np.roll(steps, k) for k in range(-NEAR_FRAMES, NEAR_FRAMES + 1)], axis=0)
        unrest: np.ndarray = UNREST * np.clip(np.maximum(near, blink - CLOSING), 0, 1)
        return unrest

    @cached_property
    def looks(self) -> np.ndarray:
        """`[T, D]`: what two frames must share to follow each other, hundredths of the eyes' distance or as bad."""
        heads = self._rings_px.reshape(len(self), -1) * (100 / self.eyes_px / HEAD_SHARE)
        scale = np.sqrt(self._rings_px.shape[1])
        return np.concatenate((self.thumbnails * LEVEL_COST, heads / scale), axis=1).astype(np.float32)


def open_eyed_px(head: HeadRenderer, motion: FaceMotion) -> np.ndarray:
    """`[T, V + S, 2]`: face and shell of a motion without its blinks."""
    return head.vertices_px(replace(motion, blink=np.zeros_like(motion.blink)))[0]


HEAD_SHARE = 3.0  # heads are bent to the same pose on both sides of a jump, so how they differ counts so much less
UNREST, NEAR_FRAMES, CLOSING = 20.0, 2, 0.5  # of moving lids, how near, and the AU45 from which on lids are closing
LEVEL_COST = 1.5  # of a level of difference around the head, mean over the thumbnail


def lips_of(head: HeadRenderer, expression: np.ndarray) -> np.ndarray:
    """`[..., 40, 3]`: lips (mm, head frame) of expressions `[..., E]`."""
    shown = torch.from_numpy(np.asarray(expression, np.float32))
    offsets = torch.einsum("...k,kvc->...vc", shown, head.model.expression_mm[:, LIPS])
    lips: np.ndarray = (head.neutral_mm[LIPS] + offsets).numpy()
    return lips


def gap_mm(lips_mm: np.ndarray) -> np.ndarray:
    """`[...]`: mean opening of the inner lips of `[..., 40, 3]`, 0 where they meet or cross."""
    order = {vertex: place for place, vertex in enumerate(LIPS)}
    upper, lower = [order[v] for v in UPPER], [order[v] for v in LOWER]
    return np.maximum(lips_mm[..., upper, 1] - lips_mm[..., lower, 1], 0).mean(-1)
