"""Where the head is, to a fraction of a pixel: landmarks say where, optical flow says how far it went.

A tracker finds each frame anew and trembles by about a pixel; a frame that is bent by the difference to such a track
trembles too. Flow measures the step from frame to frame well, but adds up errors. Together: the offsets that make
the steps of the track those of the flow, kept small (a complementary filter, solved as one banded system).
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from face_model import mp478
from render2video.conditioning import HeadRenderer

TRUST = 0.03  # (deviation of the flow's steps / deviation of the track's places)^2
FLOW_SIDE_PX = 256
MARGIN = 0.15  # of the face's box, around it
FARTHEST_SHARE = 0.03  # of the face's width: a larger offset is no trembling


def steadied(frames: Iterable[np.ndarray], head: HeadRenderer, points_px: np.ndarray, breaks: np.ndarray) -> np.ndarray:
    """Similarities `[T, 2, 3]` that move each frame's points to where the head is.

    Args:
        frames: `T`, in order. points_px: `[T, V + S, 2]`, the mesh as tracked. breaks: `[T]` bool, True where a frame
            does not follow the one before.
    """
    clusters = _clusters(head)
    places = np.stack([points_px[:, cluster].mean(1) for cluster in clusters], axis=1)  # [T, 2, 2]
    steps, joined = np.zeros_like(places), ~breaks
    joined[0] = False
    face = len(head.neutral_mm)
    before = None
    for index, here in enumerate(frames):
        if before is not None and joined[index]:
            steps[index] = _step(before, here, points_px[index - 1, :face], clusters)
        before = here
    measured = np.diff(places, axis=0, prepend=places[:1])
    wanted = np.where(joined[:, None, None], steps - measured, 0)
    offsets = _solved(wanted.reshape(len(wanted), 4), joined).reshape(places.shape)
    farthest = FARTHEST_SHARE * float(np.median(np.ptp(points_px[:, :face, 0], axis=1)))
    return _similarities(places, np.clip(offsets, -farthest, farthest))


def moved(points_px: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """Points `[T, N, 2]` moved by `[T, 2, 3]`."""
    there: np.ndarray = points_px @ similarities[:, :, :2].transpose(0, 2, 1) + similarities[:, None, :, 2]
    return there.astype(np.float32)


def _clusters(head: HeadRenderer) -> list[np.ndarray]:
    """Vertices of the right and of the left half of the face that move with the skull: no lids, lips or jaw."""
    neutral = head.neutral_mm.numpy()
    nose_mm, eyes = neutral[4], [*mp478.RIGHT_EYE, *mp478.LEFT_EYE, *mp478.RIGHT_IRIS, *mp478.LEFT_IRIS]
    still = neutral[:, 1] > nose_mm[1] + 5
    still[eyes] = False
    side = neutral[:, 0] - neutral[:, 0].mean()
    return [np.flatnonzero(still & (side < -10)), np.flatnonzero(still & (side > 10))]


def _step(before: np.ndarray, after: np.ndarray, points_px: np.ndarray, clusters: list[np.ndarray]) -> np.ndarray:
    """`[2, 2]`: how far each half of the face went, in pixels."""
    low, high = points_px.min(0), points_px.max(0)
    reach = MARGIN * (high - low)
    height, width = before.shape[:2]
    left, top = np.clip(np.floor(low - reach), 0, (width - 2, height - 2)).astype(int)
    right, bottom = np.clip(np.ceil(high + reach), (left + 2, top + 2), (width, height)).astype(int)
    zoom = min(1.0, FLOW_SIDE_PX / max(right - left, bottom - top))
    size = max(16, round((right - left) * zoom)), max(16, round((bottom - top) * zoom))
    one, two = (
        cv2.resize(cv2.cvtColor(frame[top:bottom, left:right], cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        for frame in (before, after)
    )
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = finder.calc(one, two, np.zeros((*one.shape, 2), np.float32))
    scale = np.array((size[0] / (right - left), size[1] / (bottom - top)))
    found = []
    for cluster in clusters:
        at = np.rint((points_px[cluster] - (left, top)) * scale - 0.5).astype(int)
        column, row = at[:, 0].clip(0, size[0] - 1), at[:, 1].clip(0, size[1] - 1)
        found.append(np.median(flow[row, column], axis=0) / scale)
    return np.stack(found)


def _solved(wanted: np.ndarray, joined: np.ndarray) -> np.ndarray:
    """Offsets `[T, 4]` whose steps are about as `wanted` where frames are joined, and which are about zero."""
    from scipy.linalg import solveh_banded  # which painting has no use for

    link = joined.astype(float)
    diagonal = TRUST + link + np.append(link[1:], 0)
    above = np.append(0.0, -link[1:])  # between a frame and the one before, as `solveh_banded` wants it
    right = wanted * link[:, None]
    right[:-1] -= wanted[1:] * link[1:, None]
    solved: np.ndarray = solveh_banded(np.stack((above, diagonal)), right)
    return solved


def _similarities(places: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """`[T, 2, 3]`: what moves the two places `[T, 2, 2]` by their offsets, and all else with them."""
    def complex_of(pairs: np.ndarray) -> np.ndarray:
        return pairs[..., 0] + 1j * pairs[..., 1]

    one, two = complex_of(places).T
    new_one, new_two = complex_of(places + offsets).T
    turn = (new_two - new_one) / (two - one)
    shift = new_one - turn * one
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.array(rows).transpose(2, 0, 1)
