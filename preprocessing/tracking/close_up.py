"""Faces of any size in a picture: in the whole, in tiles of it, and then once more in a close-up of each.

A detector that sees 128 x 128 pixels of whatever it is given finds no face below an eighth of the longer side, and what
it finds at twice that it places badly: lips were off by 0.07 to 0.21 of the distance between the eyes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from preprocessing.tracking.landmarks import FaceObservation, box_overlap

SURE_SHARE = 0.16  # of a view's longer side: a face of so much is found wherever it lies in it
TILE_STEP = 0.6  # of a tile: neighbours share the rest, so that a face on their border is whole in one of them
SMALLEST_PX = 60.0  # of a face; smaller ones have nothing to learn from
RIVAL_SHARE = 0.7  # of the largest face's size: another one of so much might be meant, and is looked for
WINDOW_FACES = 2.2  # side of a close-up, in sizes of its face; 1.5 to 3 place landmarks equally well
LEAST_VIEW_PX, MOST_VIEW_PX = 384, 768  # side of what is shown to the detector
SETTLED = 0.04  # of the face: a close-up whose face moved less from the one before is the last
LOOKS = 3
SAME_FACE_OVERLAP = 0.4  # two boxes that share so much (intersection over union) are one face seen twice

Detect = Callable[[np.ndarray], list[FaceObservation]]


@dataclass(frozen=True)
class Window:
    """A square part of a picture. centre_x_px, centre_y_px, side_px: in the picture; it may reach over its border."""

    centre_x_px: float
    centre_y_px: float
    side_px: float

    @staticmethod
    def about(face: FaceObservation) -> Window:
        """The close-up of a face."""
        x, y = face.centre_px
        return Window(float(x), float(y), WINDOW_FACES * face.size_px)

    @property
    def view_px(self) -> int:
        """Side of what is shown of it."""
        return round(min(max(self.side_px, LEAST_VIEW_PX), MOST_VIEW_PX))

    def view(self, picture_rgb: np.ndarray, view_px: int = 0) -> np.ndarray:
        """It as a picture `[S, S, 3]`, S being its `view_px` unless another is asked for; what lies over the border is
        filled with the border's colours.
        """
        view_px = view_px or self.view_px
        zoom, half = view_px / self.side_px, view_px / 2
        corner = np.array([self.centre_x_px, self.centre_y_px]) - self.side_px / 2
        size = np.array(picture_rgb.shape[1::-1])
        low = np.clip(np.floor(corner) - 2, 0, size - 1).astype(int)
        high = np.clip(np.ceil(corner + self.side_px) + 2, low + 1, size).astype(int)
        part = picture_rgb[low[1] : high[1], low[0] : high[0]]
        if zoom < 1:  # a plain reduction would skip pixels
            part = cv2.GaussianBlur(part, (0, 0), 0.4 / zoom)
        shift = half - 0.5 - zoom * (corner + self.side_px / 2 - low - 0.5)
        moved = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])
        return cv2.warpAffine(
            part, moved, (view_px, view_px), flags=cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def seen_in(self, detect: Detect, picture_rgb: np.ndarray) -> list[FaceObservation]:
        """Faces in it, in the picture's pixels."""
        zoom = self.side_px / self.view_px
        corner = np.array([self.centre_x_px - self.side_px / 2, self.centre_y_px - self.side_px / 2, 0.0], np.float32)
        return [
            FaceObservation((face.landmarks_px * zoom + corner).astype(np.float32), face.arkit)
            for face in detect(self.view(picture_rgb))
        ]

    def holds(self, face: FaceObservation) -> bool:
        """Whether it shows all of a face, about as large as a close-up does, with room to move."""
        aside = np.abs(face.centre_px - (self.centre_x_px, self.centre_y_px)).max()
        return aside < 0.25 * face.size_px and 0.75 < WINDOW_FACES * face.size_px / self.side_px < 1.3


def distinct(faces: list[FaceObservation]) -> list[FaceObservation]:
    """The faces, largest first, without those that are another one seen twice."""
    kept: list[FaceObservation] = []
    for face in sorted(faces, key=lambda f: -f.size_px):
        if all(box_overlap(face, other) < SAME_FACE_OVERLAP and not _inside(face, other) for other in kept):
            kept.append(face)
    return kept


def _inside(face: FaceObservation, other: FaceObservation) -> bool:
    """Whether the middle of a face lies well inside another: two people's never do."""
    return bool(np.linalg.norm(face.centre_px - other.centre_px) < 0.35 * other.size_px)


def _tiles(width_px: int, height_px: int, side_px: float) -> Iterator[Window]:
    def middles(length_px: int) -> np.ndarray:
        if side_px >= length_px:
            return np.array([length_px / 2])
        count = int(np.ceil((length_px - side_px) / (TILE_STEP * side_px))) + 1
        return np.linspace(side_px / 2, length_px - side_px / 2, count)

    for y in middles(height_px):
        for x in middles(width_px):
            yield Window(float(x), float(y), side_px)


def settled(detect: Detect, picture_rgb: np.ndarray, face: FaceObservation) -> FaceObservation | None:
    """A face seen again in close-ups until it stays where it is; None where a close-up shows none."""
    for _ in range(LOOKS):
        seen = Window.about(face).seen_in(detect, picture_rgb)
        if not seen:
            return None
        nearest = min(seen, key=lambda f: float(np.linalg.norm(f.centre_px - face.centre_px)))
        moved = float(np.linalg.norm(nearest.centre_px - face.centre_px)) / face.size_px
        grown = abs(nearest.size_px / face.size_px - 1)
        if moved > 0.75:  # that is somebody else
            return None
        face = nearest
        if max(moved, grown) < SETTLED:
            break
    return face


def find_faces(detect: Detect, picture_rgb: np.ndarray, sure: Detect | None = None) -> list[FaceObservation]:
    """All faces that might be meant, largest first, their landmarks settled: the largest, and any of 70% of its size.

    Looks at the whole first, then at smaller and smaller tiles, until a face of the sizes that are left to find would
    have been seen.

    Args:
        detect: gives the faces in a picture `[H, W, 3]` uint8.
        picture_rgb: `[H, W, 3]` uint8.
        sure: the same for close-ups, which may ask for more: what is no face has many chances in many tiles.
    """
    sure = sure or detect
    height_px, width_px = picture_rgb.shape[:2]
    side_px, sure_px = float(min(height_px, width_px)), SURE_SHARE * max(height_px, width_px)
    faces = _settled(sure, picture_rgb, detect(picture_rgb))
    while sure_px > max([SMALLEST_PX, *(RIVAL_SHARE * face.size_px for face in faces[:1])]):
        found = [face for tile in _tiles(width_px, height_px, side_px) for face in tile.seen_in(detect, picture_rgb)]
        faces = distinct(faces + _settled(sure, picture_rgb, found))
        side_px, sure_px = side_px / 2, SURE_SHARE * side_px
    return faces


def _settled(detect: Detect, picture_rgb: np.ndarray, found: list[FaceObservation]) -> list[FaceObservation]:
    again = (settled(detect, picture_rgb, face) for face in distinct(found))
    return distinct([face for face in again if face is not None])
