"""New words on a film: its own frames, whose lower face alone is bent and repainted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import tee

import numpy as np

from face_model.tracks import FaceMotion
from foundation.easing import smoothstep
from render2video.footage.footage import lips_of, open_eyed_px
from render2video.footage.painter import FootagePainter, Wanted
from render2video.footage.steadying import moved
from render2video.side_by_side import painted_side_by_side

RAMP_FRAMES = 3  # over which painting begins after, and ends before, frames that are left as they are
NOSE_BASE, UPPER_LIP = 2, 0  # vertices of mp478 between which the lower face begins


def painted_shares(painted: np.ndarray, breaks: np.ndarray) -> np.ndarray:
    """`[T]`, 0-1: how much of a frame is painted, rising and falling over a few frames inside each shot.

    Args:
        painted: `[T]` bool, frames whose mouth can be painted. breaks: `[T]` bool, True at the first of each shot.
    """
    count = len(painted)
    shares = np.where(painted, 1.0, 0.0)
    for order in (range(count), range(count - 1, -1, -1)):
        before = None
        for index in order:
            cut = before is None or breaks[max(index, before)]
            if painted[index] and not cut:
                shares[index] = min(shares[index], shares[before] + 1 / (RAMP_FRAMES + 1))
            before = index
    return shares


@dataclass(frozen=True)
class FilmFace:
    """One person's face through a film. motion: `[T]` as tracked. steady: `[T, 2, 3]`."""

    painter: FootagePainter
    motion: FaceMotion
    steady: np.ndarray

    def wanted(self, frame: FilmFrame) -> tuple[np.ndarray, Wanted]:
        """Where a frame's face is `[V + S, 2]`, and what it shall show, with the lower face of its expression."""
        head, at = self.painter.footage.head, slice(frame.index, frame.index + 1)
        own = self.motion[at]
        spoken = replace(own, expression=frame.expression[None].astype(np.float32))
        tracked, said = (self._placed(motion, at) for motion in (own, spoken))
        here = tracked if frame.points_px is None else frame.points_px
        there = here + self._lower_share[:, None] * (said - tracked)
        return here, Wanted(there, lips_of(head, spoken.expression)[0], spoken)

    def _placed(self, motion: FaceMotion, at: slice) -> np.ndarray:
        """`[V + S, 2]`: the mesh of a frame's motion where its face is."""
        footage = self.painter.footage
        points = moved(open_eyed_px(footage.head, motion), self.steady[at])
        laid = footage.registration
        return (points if laid is None else laid.wanted(points, motion))[0]

    @cached_property
    def _lower_share(self) -> np.ndarray:
        """`[V + S]`: 0 above the nose's base, 1 from the upper lip down; 0 around the face."""
        head = self.painter.footage.head
        height = head.neutral_mm[:, 1].numpy()
        share = smoothstep(np.clip((height[NOSE_BASE] - height) / (height[NOSE_BASE] - height[UPPER_LIP]), 0, 1))
        lower: np.ndarray = np.concatenate((share, np.zeros(len(head.mesh.shell_mm))))
        return lower


@dataclass(frozen=True)
class FilmFrame:
    """One frame of a film that gets new words. time_s: when it is shown. index: its place in the track. picture:
    `[H, W, 3]` uint8. expression: `[E]`, what it shall show. share: 0-1, how much it is painted; 0 leaves it alone.
    points_px: `[V + S, 2]`, where its face is; None: where the track has it.
    """

    time_s: float
    index: int
    picture: np.ndarray
    expression: np.ndarray
    share: float
    points_px: np.ndarray | None = None


def dubbed(face: FilmFace, frames: Iterable[FilmFrame]) -> Iterator[tuple[float, np.ndarray]]:
    """(time in seconds, `[H, W, 3]` uint8) of each frame of a film, with its new words."""
    painter = face.painter
    shown, posed, timed = tee(frames, 3)
    wanted, heard = tee(face.wanted(frame) if frame.share > 0 else None for frame in posed)
    mouths = painter.mouth_path(one[1] for one in heard if one is not None)

    def painted(job: _Job) -> np.ndarray:
        if job.face is None:
            return job.frame.picture
        here, want = job.face
        made = painter.bend(job.frame.picture, painter.bend.displacement(here, want.points_px))
        painter.paint_spoken(made, want, job.mouths)
        return made if job.frame.share == 1 else mixed(job.frame.picture, made, job.frame.share)

    jobs = (_Job(f, w, [] if w is None else next(mouths)) for f, w in zip(shown, wanted, strict=True))
    return zip((frame.time_s for frame in timed), painted_side_by_side(painted, jobs), strict=True)


@dataclass(frozen=True)
class _Job:
    """A frame to paint. face: from `FilmFace.wanted`; None: the frame stays. mouths: see `Plan`."""

    frame: FilmFrame
    face: tuple[np.ndarray, Wanted] | None
    mouths: list[tuple[int, float]]


def mixed(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """`share` of the second picture over the first."""
    return np.rint(one + share * (other.astype(np.float32) - one)).astype(np.uint8)


def continued(painter: FootagePainter, last: int, count: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Frames that go on after a film's frame `last`: their places in the footage, the pictures, and where the face is
    in each, `[V + S, 2]`.

    The footage is played on, backward, or from a frame that resembles the one before it, to whose pose the head then
    goes over in a moment; never in a plain loop. After a frame that shows no face, or is not in the footage, it cuts.
    """
    footage = painter.footage
    after = last if last < len(footage) and footage.usable[last] else None
    path = painter.path(painter.config.head)
    nowhere = np.zeros(len(footage), np.float32)
    for step in painter.steps(path((nowhere for _ in range(count)), after), -1 if after is None else after):
        index, points = step.index, footage.points_px[step.index]
        if step.share < 1:
            points = points + np.float32(1 - step.share) * (footage.points_px[step.old] - points)
        want = Wanted(points, footage.lips_mm[index], footage.motion[index : index + 1])
        yield index, painter.base(step, want), points
