"""A photo and a film of a person with known lips, and what is done to them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from face_model import mp478

LIPS = [*mp478.INNER_LIPS, *mp478.OUTER_LIPS]
MASK = (
    195, 101, 50, 123, 147, 177, 215, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 435, 401, 376,
    352, 280, 330,
)  # fmt: skip
GROUND = (118, 122, 116)


@dataclass(frozen=True)
class Portrait:
    """A picture `[H, W, 3]` uint8 and its landmarks `[478, 3]` px."""

    picture: np.ndarray
    points: np.ndarray

    @property
    def face_px(self) -> float:
        xy = self.points[:, :2]
        return float((xy.max(0) - xy.min(0)).max())

    def moved(self, matrix: np.ndarray, width: int, height: int, border: int = cv2.BORDER_REPLICATE) -> Portrait:
        """It under a map of places `[2, 3]` onto a picture of another size."""
        zoom = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        soft = cv2.GaussianBlur(self.picture, (0, 0), 0.4 / zoom) if zoom < 1 else self.picture
        indices = matrix.copy()
        indices[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
        flags = cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_LINEAR
        size = width, height
        picture = cv2.warpAffine(soft, indices, size, flags=flags, borderMode=border, borderValue=GROUND)
        points = self.points.copy()
        points[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        return Portrait(picture, points)

    def resized(self, face_px: float, width: int = 0, height: int = 0, x: float = 0.5, y: float = 0.5) -> Portrait:
        """With a face of another size, laid into a grey frame at a share of its free room; alone without a frame."""
        zoom = face_px / self.face_px
        own = zoom * np.array(self.picture.shape[1::-1])
        frame = np.array([width or round(own[0]), height or round(own[1])])
        corner = (frame - own) * (x, y)
        matrix = np.array([[zoom, 0, corner[0]], [0, zoom, corner[1]]])
        return self.moved(matrix, int(frame[0]), int(frame[1]), cv2.BORDER_CONSTANT)

    def turned(self, degrees: float) -> Portrait:
        """Turned counter-clockwise about its middle, in a frame that holds all of it."""
        height, width = self.picture.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
        size = round(width * cos + height * sin), round(width * sin + height * cos)
        matrix[:, 2] += (np.array(size) - (width, height)) / 2
        return self.moved(matrix, *size)

    def toned(self, picture: np.ndarray) -> Portrait:
        """With other colours."""
        return Portrait(np.clip(picture, 0, 255).astype(np.uint8), self.points)

    def masked(self, colour: tuple[int, int, int]) -> Portrait:
        """With a mask of a colour, shaded a little."""
        cover = self.picture.copy()
        cv2.fillPoly(cover, [np.round(self.points[list(MASK), :2]).astype(np.int32)], colour, cv2.LINE_AA)
        shade = np.linspace(1.06, 0.9, len(cover))[:, None, None]
        return self.toned(np.where((cover != self.picture).any(-1, keepdims=True), cover * shade, cover))

    def handed(self, dark: float, turn: float) -> Portrait:
        """With the back of a hand of the person's own skin before the mouth."""
        eyes = float(np.linalg.norm(self.points[33, :2] - self.points[263, :2]))
        x, y = np.round(self.points[[13, 14, 152], :2].mean(0)).astype(int).tolist()
        cheek = self.points[50, :2].astype(int)
        patch = self.picture[cheek[1] - 2 : cheek[1] + 3, cheek[0] - 2 : cheek[0] + 3]
        skin = dark * np.median(patch.reshape(-1, 3), axis=0)
        cover = self.picture.copy()
        axes = round(0.85 * eyes), round(0.55 * eyes)
        cv2.ellipse(cover, (x, y), axes, turn, 0, 360, skin.tolist(), -1, cv2.LINE_AA)
        along = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))]) * 0.7 * eyes
        for k in (-1, 0, 1):
            middle = np.array([x, y]) + 0.22 * k * eyes * np.array([-along[1], along[0]]) / (0.7 * eyes)
            ends = [np.round(end).astype(int).tolist() for end in (middle - along, middle + along)]
            cv2.line(cover, ends[0], ends[1], (0.75 * skin).tolist(), max(1, round(0.02 * eyes)), cv2.LINE_AA)
        return self.toned(cover)

    def lip_error(self, points: np.ndarray) -> float:
        """Mean distance of the lips from where they are, as a share of the distance between the eyes."""
        eyes = self.points[[33, 133], :2].mean(0) - self.points[[362, 263], :2].mean(0)
        off = np.linalg.norm((points[:, :2] - self.points[:, :2])[LIPS], axis=-1).mean()
        return float(off / np.linalg.norm(eyes))
