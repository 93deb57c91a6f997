"""What a face is expected to look like for a motion, as far as its own footage tells: the light on it, lids, lips.

Real frames are taken for the head's pose, so that their light, and how far eyes and mouth are open, are those of
another moment. On the mean face (`render2video.footage.registration`) all frames lie on each other; there the look of
each part goes with the motion, and that is told by kernel regression on the motions of the footage. What is told is
too smooth to be shown, so that a picture gets only its coarse part; the grain stays the real frame's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numba import float32

from face_model import mp478
from face_model.morphable_model import MorphableModel
from face_model.tracks import FaceMotion
from foundation.compiled import compiled
from foundation.easing import smoothstep
from render2video.footage.bend import Bend
from render2video.footage.masks import Patch, eye_outlines, mouth_outline, polygon_patch
from render2video.footage.registration import Canonical

COARSE_PX, COARSE_CANONICAL = 2.2, 1.25  # in pixels of the frame, and of the canonical face: what is smaller stays real
PART_SOFT, OUTLINE_SOFT = 3.0, 2.0  # canonical pixels: blur of the edges between parts, and towards the outline
UNLIKE_LEVELS = 30.0, 60.0  # skin that is off by so much is something else: a hand, a microphone
KNOWN = 0.15, 0.4  # of the likeness of the nearest frame: from here on, and from here on all, is believed

PLACE = 0.1  # what a millimetre of the head's place counts beside a degree of its turn

EYES = (*mp478.RIGHT_EYE, *mp478.LEFT_EYE, *mp478.RIGHT_IRIS, *mp478.LEFT_IRIS, *mp478.RIGHT_BROW, *mp478.LEFT_BROW)
LIPS = (*mp478.INNER_LIPS, *mp478.OUTER_LIPS)


@dataclass(frozen=True)
class Part:
    """A part of the face. vertices: whose places tell how it looks; None: all. turn: how much a degree of the head's
    turn counts beside a millimetre of them. lids: how much a level of AU45 does. zoom: of the canonical face. detail:
    what is told is smooth; by so much more of the real frame's own detail, or by less of it where what stays real is
    larger, the whole is as sharp as the frame was. Of much more, a mouth would show the edges of teeth twice.
    """

    name: str
    vertices: tuple[int, ...] | None
    turn: float
    lids: float
    zoom: float
    detail: float


EYES_PART = "eyes"
PARTS = (
    Part("skin", None, 0.5, 1.0, 0.5, 0.2), Part(EYES_PART, EYES, 0.2, 1.0, 1.0, 0.2),
    Part("mouth", LIPS, 0.2, 0.2, 1.0, 0.3),
)


class Spots:
    """Motions as points, for each part; the nearer, the more alike the part looks. Their unit is about a millimetre.

    Args:
        model: gives expressions their meaning.
    """

    def __init__(self, model: MorphableModel) -> None:
        self._metrics = {part.name: _metric(model, part.vertices) for part in PARTS}

    def __call__(self, motion: FaceMotion, looking: FaceMotion | None = None) -> dict[str, np.ndarray]:
        """`[T, D]` of each part. looking: the motion of the eyes; None: the same."""
        return {
            part.name: self._of(part, looking if looking is not None and part.name == EYES_PART else motion)
            for part in PARTS
        }

    def _of(self, part: Part, motion: FaceMotion) -> np.ndarray:
        moved = motion.expression @ self._metrics[part.name]
        turned = part.turn * np.degrees(motion.rotation)
        there = PLACE * part.turn * motion.translation
        all_of_it = (moved, turned, there, part.lids * motion.blink[:, None])
        spots: np.ndarray = np.concatenate(all_of_it, axis=1).astype(np.float32)
        return spots


def _metric(model: MorphableModel, vertices: tuple[int, ...] | None) -> np.ndarray:
    """`[E, E]`: makes the distance of expressions that of the vertices they move (root mean square, mm)."""
    chosen = slice(None) if vertices is None else sorted(set(vertices))
    shapes = model.expression_mm[:, chosen].numpy().astype(np.float64)
    rows = shapes.reshape(len(shapes), -1)
    strength, turned = np.linalg.eigh(rows @ rows.T / shapes.shape[1])
    metric: np.ndarray = (turned * np.sqrt(np.maximum(strength, 0))).astype(np.float32)
    return metric


def parts_weights(canonical: Canonical, oval: np.ndarray) -> dict[str, np.ndarray]:
    """`[h, w]` 0-1 of each part, on the canonical face: skin all of it, the others on top of it."""
    width, height = canonical.size

    def filled(outlines: list[np.ndarray], soft_px: float) -> np.ndarray:
        mask = np.zeros((height, width), np.float32)
        for outline in outlines:
            patch = polygon_patch(canonical.pixels(outline), soft_px, width, height)
            if patch is not None:
                square = mask[patch.rows, patch.columns]
                np.maximum(square, patch.weight[..., 0], out=square)
        return mask

    places = canonical.places
    skin = np.clip(2 * filled([places[oval]], OUTLINE_SOFT) - 1, 0, 1)
    return {
        "skin": skin, "eyes": filled(eye_outlines(places), PART_SOFT),
        "mouth": filled([mouth_outline(places)], PART_SOFT),
    }


@dataclass(frozen=True)
class Told:
    """What is told of a part.

    spots: `[N, D]`, of frames of the footage. reach: `[1]`, of a frame, squared. shares: `[N, K]`, what each frame adds
    of each component. basis: `[K, h, w, 3]` and mean `[h, w, 3]`, levels. corner: row and column, on the canonical face
    at the part's zoom.
    """

    spots: np.ndarray
    reach: np.ndarray
    shares: np.ndarray
    basis: np.ndarray
    mean: np.ndarray
    corner: np.ndarray

    def __call__(self, spot: np.ndarray) -> tuple[np.ndarray, float]:
        """The part `[h, w, 3]` for a motion, and how near the nearest frame of the footage is to that, 0-1."""
        like = kernel(spot[None], self.spots, float(self.reach[0]))[0]
        picture: np.ndarray = self.mean + (like @ self.shares @ self._rows).reshape(self.mean.shape)
        return picture, float(like.max())

    @cached_property
    def _rows(self) -> np.ndarray:
        return self.basis.astype(np.float32).reshape(len(self.basis), -1)


def apart(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """`[A, B]`: squared distances of spots."""
    squared: np.ndarray = np.square(some).sum(1)[:, None] + np.square(others).sum(1) - 2 * some @ others.T
    return np.maximum(squared, 0)


def kernel(some: np.ndarray, others: np.ndarray, reach: float) -> np.ndarray:
    """`[A, B]`: 1 where two spots are the same, less the further apart they are."""
    return np.exp(-apart(some, others) / np.float32(2 * reach))


@dataclass(frozen=True)
class Look:
    """How a face is expected to look. picture: `[h, w, 6]` float32, the canonical face in levels, how much each pixel
    is believed, how much it is skin, and the `detail` of its part. known: of each part, how much it is believed, 0-1.
    """

    picture: np.ndarray
    known: Mapping[str, float]


class ExpectedFace:
    """What a person's face is expected to look like.

    Args:
        canonical: of the person.
        told: of parts by their name; a part of which nothing is told is left alone.
        bend: of the person.
    """

    def __init__(self, canonical: Canonical, told: Mapping[str, Told], bend: Bend) -> None:
        self.canonical, self.told, self.bend = canonical, told, bend
        self.step_px = max(COARSE_PX, COARSE_CANONICAL / canonical.zoom)
        self.finer = np.float32((COARSE_PX / self.step_px) ** 2)
        self.weights = parts_weights(canonical, bend.oval)
        self.spots = Spots(bend.head.model)

    def look(self, spots: dict[str, np.ndarray]) -> Look:
        """For a motion's spots `[D]`."""
        width, height = self.canonical.size
        made, shares = np.zeros((height, width, 6), np.float32), {}
        for part in PARTS:
            if part.name not in self.told:
                continue
            told = self.told[part.name]
            picture, known = told(spots[part.name])
            share = shares[part.name] = float(smoothstep(np.clip((known - KNOWN[0]) / (KNOWN[1] - KNOWN[0]), 0, 1)))
            top, left = told.corner
            if part.zoom != 1:
                picture, top, left = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), 0, 0
            square = np.s_[top : top + picture.shape[0], left : left + picture.shape[1]]
            skin = part.name == "skin"
            weight = np.ones_like(picture[..., :1]) if skin else self.weights[part.name][square][..., None]
            believed = share * self.weights["skin"][square][..., None]
            kinds = (np.full_like(weight, kind) for kind in (skin, part.detail))
            layer = np.concatenate((picture, believed, *kinds), axis=2)
            made[square] += weight * (layer - made[square])
        return Look(made, shares)

    def put(self, frame: np.ndarray, points_px: np.ndarray, look: Look, within: Patch | None = None) -> None:
        """Give a frame's face the coarse part of a look, in place.

        Args:
            points_px: `[V + S, 2]`, where face and shell are in the frame.
            within: the part of the frame that gets it, in the light of what is around that; None: all of the face, its
                light too.
        """
        rows, columns = self._square(points_px) if within is None else (within.rows, within.columns)
        if min(rows.stop - rows.start, columns.stop - columns.start) < 2 * self.step_px:
            return
        square = frame[rows, columns]
        whole, size = square.shape[1::-1], tuple(round(side / self.step_px) for side in square.shape[1::-1])
        coarse = cv2.resize(square, size, interpolation=cv2.INTER_AREA)
        shown = cv2.remap(look.picture, *self._places(points_px, rows, columns, size), cv2.INTER_LINEAR)
        change = cv2.subtract(np.ascontiguousarray(shown[..., :3]), coarse, dtype=cv2.CV_32F)
        weight = np.empty(change.shape[:2], np.float32)
        _believed(shown, cv2.blur(change, (5, 5)), *UNLIKE_LEVELS, weight)
        if within is not None:
            weight *= cv2.resize(within.weight, size, interpolation=cv2.INTER_AREA)
            change -= _at_edge(change, weight)
        # frame + weight (look - coarse + detail (frame - coarse)), all but the frame itself made small
        small = np.empty((*change.shape[:2], 4), np.float32)
        _weighed(change, coarse, weight, shown, self.finer, small)
        _add(square, cv2.resize(small, whole, interpolation=cv2.INTER_CUBIC))

    def _square(self, points_px: np.ndarray) -> tuple[slice, slice]:
        """Rows and columns around the face."""
        face = points_px[: self.bend.face]
        left, top = np.maximum(np.floor(face.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(face.max(0)).astype(int), (self.bend.width_px, self.bend.height_px))
        return slice(int(top), int(bottom)), slice(int(left), int(right))

    def _places(
        self, points_px: np.ndarray, rows: slice, columns: slice, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Column and row on the canonical face of each coarse pixel."""
        shift = self.bend.displacement(self.canonical.places, points_px, rows, columns)
        x, y = (
            at.start + (np.arange(count, dtype=np.float32) + 0.5) * np.float32((at.stop - at.start) / count)
            for at, count in zip((columns, rows), size, strict=True)
        )
        x, y = np.meshgrid(x, y)
        at = np.stack((x, y), axis=-1) + shift.at(x, y)
        there = self.canonical.pixels(at).astype(np.float32) - np.float32(0.5)
        return np.ascontiguousarray(there[..., 0]), np.ascontiguousarray(there[..., 1])


@compiled(fastmath=True, error_model="numpy")
def _believed(shown, off, alike, unlike, weight):  # type: ignore[no-untyped-def]
    """`weight[h, w]`, how much of a look `[h, w, 6]` is believed: of skin nothing where it is `off[h, w, 3]` by
    `unlike` levels.
    """
    for row in range(len(weight)):
        for x in range(weight.shape[1]):
            away = max(abs(off[row, x, 0]), abs(off[row, x, 1]), abs(off[row, x, 2]))
            share = min(max((away - float32(alike)) / float32(unlike - alike), float32(0)), float32(1))
            eased = share * share * (float32(3) - float32(2) * share)
            weight[row, x] = shown[row, x, 3] * (float32(1) - shown[row, x, 4] * eased)


@compiled(fastmath=True, error_model="numpy")
def _weighed(change, coarse, weight, shown, finer, small):  # type: ignore[no-untyped-def]
    """`small[h, w, 4]`: what is added to a frame, and by how much of itself it grows."""
    for row in range(len(small)):
        for x in range(small.shape[1]):
            more = finer * shown[row, x, 5] * weight[row, x]
            for c in range(3):
                small[row, x, c] = weight[row, x] * change[row, x, c] - more * float32(coarse[row, x, c])
            small[row, x, 3] = more


@compiled(fastmath=True, error_model="numpy")
def _add(square, enlarged):  # type: ignore[no-untyped-def]
    """What `_weighed` tells, enlarged, in place."""
    for row in range(len(square)):
        for x in range(square.shape[1]):
            grown = float32(1) + enlarged[row, x, 3]
            for c in range(3):
                level = float32(square[row, x, c]) * grown + enlarged[row, x, c] + float32(0.5)
                square[row, x, c] = np.uint8(min(max(level, float32(0)), float32(255)))


def _at_edge(change: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`[3]`: the mean of a change `[h, w, 3]` along the edge of its weight `[h, w]`."""
    edge = weight * (1 - weight)
    mean: np.ndarray = (edge[..., None] * change).sum((0, 1)) / max(float(edge.sum()), 1e-6)
    return mean
