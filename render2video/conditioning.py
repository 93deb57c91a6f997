"""From motion to what the video network sees: the head mesh drawn in the crop, as texture coordinates, regions and eye
maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from face_model.cameras import Camera
from face_model.morphable_model import MorphableModel, Region, rotate
from face_model.tracks import FaceIdentity, FaceMotion
from render2video.eye_attention import eye_attention_map, eye_mask, eye_triangle_weight, lid_rings
from render2video.head_shell import SHELL_REGION, build_head_mesh
from render2video.rasterizer import Fragments, Rasterizer, array_rasterizer, interpolate
from render2video.shading import shade

# Frames posed at once. Sums over several round otherwise, and a film would depend on how its motion comes in pieces.
_CHUNK = 1


@dataclass(frozen=True)
class Conditioning:
    """One frame of the head, in a crop of `S` x `S` pixels; numpy. It is drawn when a picture of it is first asked for:
    who bends a photo needs only to know where the points are.

    head: draws it. points_px: `[V + S, 2]`, where the vertices of face and shell are, and depth_mm: `[V + S]`. blink:
    AU45 0-5. face_mm: `[V, 3]`, the face turned as in the picture.
    """

    head: HeadRenderer
    points_px: np.ndarray
    depth_mm: np.ndarray
    blink: float
    face_mm: np.ndarray

    @cached_property
    def _fragments(self) -> Fragments[np.ndarray]:
        camera = self.head.camera
        triangles = self.head.mesh.triangles
        return self.head.rasterizer(self.points_px, self.depth_mm, triangles, camera.height_px, camera.width_px)

    @cached_property
    def _attributes(self) -> np.ndarray:
        return interpolate(self._fragments, self.head.mesh.triangles, self.head.attributes)

    @property
    def uv(self) -> np.ndarray:
        """`[S, S, 2]` texture coordinates 0-1."""
        return self._attributes[..., :2]

    @property
    def presence(self) -> np.ndarray:
        """`[S, S]` 0-1, the most opacity the head may have there."""
        return self._attributes[..., 2]

    @cached_property
    def region(self) -> np.ndarray:
        """`[S, S]` int8, -1 where nothing is drawn."""
        seen = self._fragments
        return np.where(seen.mask, self.head.mesh.region[seen.triangle_index], np.int8(-1))

    @cached_property
    def eye_mask(self) -> np.ndarray:
        """`[S, S]` 0-1."""
        return eye_mask(self._fragments, self.head.eye_weight)

    @cached_property
    def eye_attention(self) -> np.ndarray:
        """`[S, S]` 0-1, AU45 / 5 in the eye region (FACIAL, section 3.3)."""
        return eye_attention_map(self._fragments, self.head.eye_weight, np.asarray(self.blink, np.float32))

    @cached_property
    def lit(self) -> np.ndarray:
        """`[S, S, 3]` RGB 0-1: the fitted face in its own albedo under its own light (FACIAL, section 3.3), black where
        no surface of it is: around it, and in the open mouth.
        """
        colours = self.head.lit_colours(self.face_mm)
        seen = interpolate(self._fragments, self.head.mesh.triangles, colours)
        return np.where((self.face & (self.region != Region.INNER_MOUTH))[..., None], seen, np.float32(0)).clip(0, 1)

    @property
    def face(self) -> np.ndarray:
        """`[S, S]` bool: where the face mesh proper is, without the shell."""
        return (self.region >= 0) & (self.region < SHELL_REGION)

    @property
    def window(self) -> tuple[int, int]:
        """(top, left) in whole pixels of the square around the face that the network finishes, inside the crop."""
        face_px = self.points_px[: len(self.head.neutral_mm)]
        centre = (face_px.min(0) + face_px.max(0)) / 2
        left, top = np.rint(centre - self.head.window_px / 2).astype(int)
        last = self.head.camera.height_px - self.head.window_px
        return int(np.clip(top, 0, last)), int(np.clip(left, 0, last))


class HeadRenderer:
    """Draws a person's head mesh for any motion."""

    def __init__(
        self, model: MorphableModel, person: FaceIdentity, camera: Camera, window_px: int,
        rasterizer: Rasterizer[np.ndarray] | None = None,
    ) -> None:
        """
        Args:
            model: the face model that the motion's expression belongs to.
            person: identity and blink gain.
            camera: of the square crop.
            window_px: side of the square that follows the face.
            rasterizer: `numba` by default.
        """
        self.model, self.person, self.camera, self.window_px = model, person, camera, window_px
        self.rasterizer = rasterizer or array_rasterizer()
        self.neutral_mm = model.shape(torch.from_numpy(person.identity))
        self.mesh = build_head_mesh(model, self.neutral_mm.numpy())
        head_mm = np.concatenate((self.neutral_mm.numpy(), self.mesh.shell_mm))
        rings = lid_rings(head_mm, self.mesh.triangles, self.mesh.region)
        self.eye_weight = eye_triangle_weight(self.mesh.triangles, self.mesh.region, rings)
        self.attributes = np.concatenate((self.mesh.uv, self.mesh.presence[:, None]), axis=1)

    @cached_property
    def _albedo(self) -> torch.Tensor:
        return self.model.albedo_of(torch.from_numpy(np.asarray(self.person.texture, np.float32)))

    def lit_colours(self, face_mm: np.ndarray) -> np.ndarray:
        """RGB `[V + S, 3]` of a turned face `[V, 3]` in the person's light; the shell has none."""
        light = torch.from_numpy(np.asarray(self.person.illumination, np.float32))
        shaded = shade(self._albedo, self.model.normals(torch.from_numpy(face_mm)), light).numpy()
        return np.pad(shaded, ((0, len(self.mesh.shell_mm)), (0, 0))).astype(np.float32)

    def vertices_px(self, motion: FaceMotion) -> tuple[np.ndarray, np.ndarray]:
        """Pixels `[T, V + S, 2]` and depth `[T, V + S]` (mm) of face and shell."""
        return self._posed(motion)[:2]

    def _posed(self, motion: FaceMotion) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same, and the turned vertices `[T, V + S, 3]` in mm."""
        names = ("expression", "rotation", "blink", "translation")
        expression, rotation, blink, translation = (
            torch.from_numpy(np.asarray(getattr(motion, name), np.float32)) for name in names
        )
        face = self.model.vertices(self.neutral_mm, expression, blink, self.person.blink_gain)
        shell = torch.from_numpy(self.mesh.shell_mm).expand(len(face), -1, -1)
        turned = rotate(torch.cat((face, shell), dim=1), rotation)
        points, depth = self.camera.project(turned, translation)
        return points.numpy(), depth.numpy(), turned.numpy()

    def __call__(self, motion: FaceMotion) -> Iterator[Conditioning]:
        """Conditioning of each frame, posed as it is asked for."""
        for start in range(0, len(motion), _CHUNK):
            piece = motion[start : start + _CHUNK]
            points, depth, turned = self._posed(piece)
            for index in range(len(piece)):
                face_mm = turned[index, : len(self.neutral_mm)]
                yield Conditioning(self, points[index], depth[index], float(piece.blink[index]), face_mm)
