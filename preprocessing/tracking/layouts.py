"""Which of a tracker's points are what: the Face Landmarker's 478, and the 68 that most other trackers give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from face_model import mp478
from foundation.errors import InputError

Pair = tuple[int, int]

# Points of the 68 that mean the same as points of mp478 and hardly move against the skull: eye corners, bridge and
# base of the nose, its tip, the wings.
STEADY = {36: 33, 39: 133, 42: 362, 45: 263, 27: 168, 28: 197, 30: 4, 33: 2, 31: 98, 35: 327}


@dataclass(frozen=True)
class Layout:
    """A tracker's points; right and left are the person's.

    count: how many. arkit_count: ARKit values that come with them. skull: those that move least against each other,
    the four eye corners (right outer, right inner, left inner, left outer) first; skull_mp478: the vertices of `mp478`
    that mean the same. lid_pairs: upper and lower lid of the right and of the left eye. lip_pairs: inner upper and
    lower lip, side by side. nose_tip, mouth_corners: what they say, the right corner first.
    """

    count: int
    arkit_count: int
    skull: tuple[int, ...]
    skull_mp478: tuple[int, ...]
    lid_pairs: tuple[tuple[Pair, ...], tuple[Pair, ...]]
    lip_pairs: tuple[Pair, ...]
    nose_tip: int
    mouth_corners: Pair

    @property
    def eye_corners(self) -> tuple[Pair, Pair]:
        """Corner and corner of the right and of the left eye."""
        return (self.skull[0], self.skull[1]), (self.skull[2], self.skull[3])

    def five_points(self, points: np.ndarray) -> np.ndarray:
        """Right eye, left eye (each between its corners), nose tip, right and left mouth corner `[..., 5, C]` of points
        `[..., count, C]`.
        """
        right, left = (points[..., list(pair), :].mean(axis=-2) for pair in self.eye_corners)
        rest = (points[..., index, :] for index in (self.nose_tip, *self.mouth_corners))
        return np.stack([right, left, *rest], axis=-2)


def roll_rad(points: np.ndarray) -> np.ndarray:
    """How far faces are turned clockwise in the picture `[...]`, -pi to pi, by the line through the eyes of points
    `[..., L, C]`.

    Raises:
        InputError: of another layout.
    """
    right, left = (points[..., list(pair), :2].mean(-2) for pair in layout_of(points).eye_corners)
    across = left - right
    return np.arctan2(across[..., 1], across[..., 0])


_SKULL_478 = (*mp478.EYE_CORNERS, 6, 168, 197, 195, 10, 151, 9, 127, 356, 234, 454, 103, 332)
MP478 = Layout(
    count=478, arkit_count=52, skull=_SKULL_478, skull_mp478=_SKULL_478,
    lid_pairs=(((160, 144), (159, 145), (158, 153)), ((385, 380), (386, 374), (387, 373))),
    lip_pairs=((82, 87), (13, 14), (312, 317)), nose_tip=4, mouth_corners=(61, 291),
)
POINTS68 = Layout(
    count=68, arkit_count=0, skull=tuple(STEADY), skull_mp478=tuple(STEADY.values()),
    lid_pairs=(((37, 41), (38, 40)), ((43, 47), (44, 46))), lip_pairs=((61, 67), (62, 66), (63, 65)), nose_tip=30,
    mouth_corners=(48, 54),
)
_BY_COUNT = {layout.count: layout for layout in (MP478, POINTS68)}


def layout_of(points: np.ndarray) -> Layout:
    """The layout of points `[..., L, C]`, by how many there are.

    Raises:
        InputError: another number of points.
    """
    count = points.shape[-2]
    if count not in _BY_COUNT:
        raise InputError(f"{count} landmarks", " or ".join(str(known) for known in sorted(_BY_COUNT)))
    return _BY_COUNT[count]
