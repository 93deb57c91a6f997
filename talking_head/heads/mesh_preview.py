"""A motion drawn as a shaded mesh: to see what a face model does, without anybody's likeness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from face_model import mp478
from face_model.cameras import Camera, WeakPerspectiveCamera
from face_model.illumination import AMBIENT, CONSTANT_TERM, shading
from face_model.morphable_model import MorphableModel, Region, rotate
from face_model.tracks import FaceIdentity, FaceMotion
from foundation.progress import track
from preprocessing.media import VideoWriter
from render2video.rasterizer import create_rasterizer, interpolate

SIZE_PX = 512
FACE_SHARE = 0.5  # of the picture's height, from brow to chin, where no camera is known
BACKGROUND_RGB = 0.93
MOUTH_RGB, EYE_RGB, IRIS_RGB = (
    np.array(rgb, np.float32) for rgb in ((0.25, 0.09, 0.09), (0.93, 0.92, 0.90), (0.30, 0.20, 0.13))
)
SKIN_RGB = np.array([0.80, 0.62, 0.53], np.float32)
CHUNK = 16  # frames posed at once
AHEAD_MM = 1000.0  # from the camera to a head that its file does not place


def studio_light() -> np.ndarray:
    """Light `[27]` from above in front, a little from the viewer's left, over an even one."""
    light = AMBIENT.reshape(3, 9).copy() * 0.62
    light[:, 1:4] = np.array([-0.22, 0.42, 0.10]) / CONSTANT_TERM * 0.7
    return light.reshape(27).astype(np.float32)


@dataclass(frozen=True)
class MeshPainter:
    """Paints a motion of a face model in plain colours.

    model: of the motion. camera: that sees it. person: None for the model's mean.
    """

    model: MorphableModel
    camera: Camera
    person: FaceIdentity | None = None

    def frames(self, motion: FaceMotion) -> Iterator[np.ndarray]:
        """RGB uint8 frames `[H, W, 3]`, one at a time."""
        model, light = self.model, torch.from_numpy(studio_light())
        identity = torch.zeros(len(model.identity_mm)) if self.person is None else as_float(self.person.identity)
        texture = torch.zeros(len(model.texture)) if self.person is None else as_float(self.person.texture)
        gain = 1.0 if self.person is None else self.person.blink_gain
        neutral, albedo = model.shape(identity), model.albedo_of(texture)
        if model.id == mp478.ID and self.person is None:
            albedo = _plain_skin(albedo)
        triangles, region = model.triangles.numpy(), model.triangle_region.numpy()
        draw = create_rasterizer("numba")
        height_px, width_px = self.camera.height_px, self.camera.width_px
        for start in range(0, len(motion), CHUNK):
            piece = motion[start : start + CHUNK]
            shape = model.vertices(neutral, as_float(piece.expression), as_float(piece.blink), gain)
            turned = rotate(shape, as_float(piece.rotation))
            points, depth = self.camera.project(turned, as_float(piece.translation))
            lit = shading(model.normals(turned), light)
            for k in range(len(piece)):
                fragments = draw(points[k].numpy(), depth[k].numpy(), triangles, height_px, width_px)
                layers = torch.cat((albedo, lit[k]), dim=1).numpy()
                drawn = interpolate(fragments, triangles, layers, BACKGROUND_RGB)
                colour, glow = drawn[..., :3], np.clip(drawn[..., 3:], 0.0, 1.4)
                if model.id == mp478.ID:
                    colour = self._openings(colour, fragments.triangle_index, region, points[k].numpy())
                picture = np.where(fragments.mask[..., None], colour * glow, BACKGROUND_RGB)
                yield np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)

    def _openings(
        self, colour: np.ndarray, index: np.ndarray, region: np.ndarray, points_px: np.ndarray
    ) -> np.ndarray:
        """`mp478` closes eyes and mouth with flat triangles; here they show a white with an iris, and a dark inside."""
        shown = np.where(index >= 0, region[index], -1)
        colour = np.where((shown == Region.INNER_MOUTH)[..., None], MOUTH_RGB, colour)
        rows, columns = np.mgrid[: colour.shape[0], : colour.shape[1]] + 0.5
        for eye, iris in ((Region.RIGHT_EYE, mp478.RIGHT_IRIS), (Region.LEFT_EYE, mp478.LEFT_IRIS)):
            middle, rim = points_px[iris[0]], points_px[list(iris[1:])]
            radius = np.linalg.norm(rim - middle, axis=1).mean()
            inside = (columns - middle[0]) ** 2 + (rows - middle[1]) ** 2 < radius**2
            painted = np.where(inside[..., None], IRIS_RGB, EYE_RGB)
            colour = np.where((shown == eye)[..., None], painted, colour)
        return colour


def as_float(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))


def _plain_skin(albedo: torch.Tensor) -> torch.Tensor:
    """Lips, brows and shade of an albedo `[V, 3]` in one colour of skin: a mean of few people's video is tinted."""
    grey = albedo.mean(1, keepdim=True)
    return grey / grey.mean() * torch.from_numpy(SKIN_RGB)


def in_view(motion: FaceMotion) -> FaceMotion:
    """The motion in front of the camera: a head that its file does not place (a Live Link CSV) rests at the origin,
    which is in the camera itself, and nothing of it would be seen.
    """
    nearest_mm = float(motion.translation[:, 2].max())
    if nearest_mm < 0:
        return motion
    ahead = motion.translation - np.array([0.0, 0.0, nearest_mm + AHEAD_MM])
    return replace(motion, translation=ahead.astype(np.float32))


def framing(model: MorphableModel, motion: FaceMotion, size_px: int = SIZE_PX) -> Camera:
    """A square camera in which the head sits in the middle of the motion and stays in the picture.

    The face's height fills half of the picture; the whole motion's mean place is its centre.
    """
    camera = WeakPerspectiveCamera.for_size(size_px, size_px)
    rest = FaceMotion.unpack(motion.pack().mean(0, keepdims=True), motion.fps, motion.face_model)
    shape = rotate(model.mean_mm[None], as_float(rest.rotation))
    skin = model.triangles[model.triangle_region == Region.SKIN].unique()
    known = model.index_sets.get("landmarks68")
    points, _ = camera.project(shape[:, skin if known is None else known], as_float(rest.translation))
    low, high = points[0].min(0).values.numpy(), points[0].max(0).values.numpy()
    side_px = float(high[1] - low[1]) / FACE_SHARE
    left, top = (low + high) / 2 - side_px / 2
    return camera.crop(float(left), float(top), side_px, size_px)


def write_mesh_film(
    path: Path, motion: FaceMotion, model: MorphableModel, *, person: FaceIdentity | None = None,
    sound: Path | None = None, size_px: int = SIZE_PX, metadata: dict[str, str] | None = None,
) -> int:
    """Write an mp4 of a motion as a shaded mesh, with a sound; returns the number of frames.

    Raises:
        InputError: the sound cannot be read, or the place cannot be written.
    """
    assert motion.face_model == model.id
    motion = in_view(motion)
    painter = MeshPainter(model, framing(model, motion, size_px), person)
    with VideoWriter(path, motion.fps, size_px, size_px, sound_source=sound, metadata=metadata) as writer:
        for frame in track(painter.frames(motion), f"Painting {path.name}", len(motion)):
            writer.write(frame)
    return len(motion)


