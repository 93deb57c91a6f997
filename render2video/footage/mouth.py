"""The mouth that speech wants, on a bent real frame: a real mouth of the same shape, finished by a network.

    real mouth, bent to the wanted lips -> pasted on the bent frame (the frame's own lips are hidden under it)
    -> window around the mouth, with the mesh drawn over it -> network -> what it adds, enlarged -> picture

The network only adds: what it leaves alone keeps the real pixels, down to the grain.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from face_model.morphable_model import Region
from render2video.footage.bend import Bend
from render2video.footage.frames import Frames
from render2video.footage.masks import MOUTH_SOFT, Patch, mix, mouth_outline, polygon_patch
from render2video.footage.resampling import TAPS
from render2video.rasterizer import interpolate

MAP_COUNT = 11  # picture 3, the frame without its lips 3, what is hidden, the mouth's inside, place on the face 3
WINDOW_REACH = 1.25  # of the eyes' distance: side of the window around the mouth
BOX_MARGIN = 0.25  # of the eyes' distance around it: another mouth's window, turned, opened or nearer
ADDED_REACH, ADDED_SOFT = 2.1, 0.09  # of the mouth's outline and the eyes' distance: where the network may add
PLACE_MM = 60.0  # the face's own size, for places on it to be about -1 to 1


@dataclass(frozen=True)
class Window:
    """A square of the full frame in whole pixels."""

    top: int
    left: int
    side: int

    @property
    def rows(self) -> slice:
        return slice(self.top, self.top + self.side)

    @property
    def columns(self) -> slice:
        return slice(self.left, self.left + self.side)

    def cut(self, patch: Patch | None) -> np.ndarray:
        """`[side, side, 1]`: a patch's weights in the window, 0 around it."""
        weight = np.zeros((self.side, self.side, 1), np.float32)
        if patch is None:
            return weight
        low = max(patch.rows.start, self.top), max(patch.columns.start, self.left)
        high = min(patch.rows.stop, self.rows.stop), min(patch.columns.stop, self.columns.stop)
        if high[0] <= low[0] or high[1] <= low[1]:
            return weight
        weight[low[0] - self.top : high[0] - self.top, low[1] - self.left : high[1] - self.left] = patch.weight[
            low[0] - patch.rows.start : high[0] - patch.rows.start,
            low[1] - patch.columns.start : high[1] - patch.columns.start,
        ]
        return weight


@dataclass(frozen=True)
class Unfinished:
    """A window with a real mouth in it. picture: `[side, side, 3]` float32 levels. maps: `[MAP_COUNT, M, M]` float32.
    added: `[side, side, 1]` 0-1, where the network may add.
    """

    window: Window
    picture: np.ndarray
    maps: np.ndarray
    added: np.ndarray

    def finished(self, residual: np.ndarray) -> np.ndarray:
        """`[side, side, 3]` uint8 with what the network adds, `[M, M, 3]` in 0-1."""
        size = self.window.side, self.window.side
        enlarged = cv2.resize(255 * residual, size, interpolation=cv2.INTER_CUBIC)
        return np.rint(self.picture + self.added * enlarged).clip(0, 255).astype(np.uint8)


class MouthPainter:
    """Puts mouths on frames.

    Args:
        bend: of the person.
        eyes_px: the distance between the eyes.
        working_px: side of what the network sees.
    """

    def __init__(self, bend: Bend, eyes_px: float, working_px: int) -> None:
        self.bend, self.eyes_px, self.working_px = bend, eyes_px, working_px
        self.side = int(min(round(WINDOW_REACH * eyes_px), bend.width_px, bend.height_px))
        head = bend.head
        self.triangles = head.mesh.triangles
        depth = np.concatenate((head.neutral_mm[:, 2], head.mesh.shell_mm[:, 2]))
        self.depth_mm = depth.astype(np.float32) - 1000
        self.inside = head.mesh.region == int(Region.INNER_MOUTH)
        places = np.concatenate((head.neutral_mm.numpy(), head.mesh.shell_mm))
        places = places - places[: bend.face].mean(0)
        self.places = (places / PLACE_MM).astype(np.float32)

    def window(self, points_px: np.ndarray) -> Window:
        """The window around the mouth of a driven mesh, inside the frame."""
        middle = mouth_outline(points_px).mean(0)
        left, top = np.rint(middle - self.side / 2).astype(int)
        width, height = self.bend.width_px - self.side, self.bend.height_px - self.side
        return Window(int(np.clip(top, 0, height)), int(np.clip(left, 0, width)), self.side)

    def boxes(self, points_px: np.ndarray) -> np.ndarray:
        """`[T, 4]`, top, left, bottom and right of what mouths of frames `[T, V + S, 2]` are taken from."""
        middles = np.array([mouth_outline(points).mean(0) for points in points_px])[:, ::-1]
        reach = self.side / 2 + BOX_MARGIN * self.eyes_px + TAPS
        return np.rint(np.concatenate((middles - reach, middles + reach), axis=1)).astype(int)

    def taken(
        self, frames: Frames, index: int, source_px: np.ndarray, target_px: np.ndarray, window: Window
    ) -> np.ndarray:
        """The mouth of a real frame, bent onto the wanted mesh: `[side, side, 3]` uint8."""
        shift = self.bend.displacement(source_px, target_px, window.rows, window.columns)
        return self.bend.taken(frames, index, shift, window.rows, window.columns)

    def unfinished(self, under: np.ndarray, mouth: np.ndarray, points_px: np.ndarray, window: Window) -> Unfinished:
        """The window of a bent frame with a mouth on it, both `[side, side, 3]` levels.

        Args:
            points_px: `[V + S, 2]` of the wanted mesh, to which both are bent.
        """
        size = self.bend.width_px, self.bend.height_px
        picture, weight = self.pasted(under, mouth, points_px, window)
        added = polygon_patch(mouth_outline(points_px, ADDED_REACH), ADDED_SOFT * self.eyes_px, *size)
        small = self.small(np.concatenate((picture / 255, weight), axis=2))
        hidden = small[..., 3:]
        around = self.small(under.astype(np.float32) / 255) * (1 - hidden)
        inside, places = self._drawn(points_px, window)
        layers = (small[..., :3], around, hidden, inside, places)
        maps = np.concatenate(layers, axis=2).transpose(2, 0, 1)
        return Unfinished(window, picture, np.ascontiguousarray(maps, np.float32), window.cut(added))

    def pasted(
        self, under: np.ndarray, mouth: np.ndarray, points_px: np.ndarray, window: Window
    ) -> tuple[np.ndarray, np.ndarray]:
        """The window with a mouth on it, `[side, side, 3]` float32 levels, and how much of each pixel is of that."""
        weight = window.cut(self.covered(points_px))
        below = under.astype(np.float32)
        return below + weight * (mouth.astype(np.float32) - below), weight

    def covered(self, points_px: np.ndarray) -> Patch | None:
        """What a mouth covers, for a wanted mesh `[V + S, 2]`."""
        size = self.bend.width_px, self.bend.height_px
        return polygon_patch(mouth_outline(points_px), MOUTH_SOFT * self.eyes_px, *size)

    def painted(
        self, under: np.ndarray, mouth: np.ndarray, points_px: np.ndarray, window: Window, finisher: nn.Module | None,
        device: str,
    ) -> np.ndarray:
        """The window with a mouth taken from elsewhere, finished by the network, or as it is."""
        if finisher is None:
            picture = under.copy()
            mix(picture, mouth, window.cut(self.covered(points_px)))
            return picture
        unfinished = self.unfinished(under, mouth, points_px, window)
        with torch.inference_mode():
            added = finisher(batch_of([unfinished.maps], device))[0].permute(1, 2, 0).cpu().numpy()
        return unfinished.finished(added)

    def small(self, picture: np.ndarray) -> np.ndarray:
        """A window `[side, side, C]` as large as the network sees it."""
        size = self.working_px, self.working_px
        shrinking = self.side > self.working_px
        return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)

    def _drawn(self, points_px: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """The mouth's inside `[M, M, 1]` and the place on the face `[M, M, 3]` at each working pixel."""
        size = self.working_px
        points = (points_px - (window.left, window.top)) * (size / window.side)
        depth = self.depth_mm
        fragments = self.bend.head.rasterizer(points.astype(np.float32), depth, self.triangles, size, size)
        inside = np.append(self.inside, False)[fragments.triangle_index]
        return inside[..., None].astype(np.float32), interpolate(fragments, self.triangles, self.places)


def batch_of(pictures: list[np.ndarray], device: str) -> Tensor:
    """`[B, C, M, M]` on a device, of arrays `[C, M, M]`."""
    return torch.from_numpy(np.stack(pictures)).to(device)
