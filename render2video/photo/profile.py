"""The `photo` profile: what is known of the person is one picture, and frames are that picture, bent and repainted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from face_model.tracks import FaceMotion
from foundation.errors import InputError
from render2video.appearance import LayeredAppearance
from render2video.conditioning import Conditioning
from render2video.person_video import PersonVideo
from render2video.photo.config import PhotoConfig
from render2video.photo.eyes import eye_planes_mm, hold_eyes
from render2video.photo.lids import Lids
from render2video.photo.mouth import Mouth
from render2video.photo.warp import LIP_RING, PhotoGeometry, Warp, plane_map
from render2video.rasterizer import create_rasterizer
from training import Trainable

TEETH_DEPTH_MM = 7.0  # behind the lips
KNEE = 0.6  # of a limit: a pose within it is not touched


class PhotoGenerator(nn.Module):
    """What `paint` needs beside the background, which is the appearance's plate; nothing in it is trained."""

    pose: Tensor
    person: Tensor
    teeth: Tensor
    teeth_corner: Tensor

    def __init__(self, size_px: int, vertices: int, shell: int, triangles: int) -> None:
        super().__init__()
        shapes = {
            "landmarks_px": (vertices, 2), "fitted_px": (vertices + shell, 2), "neutral_mm": (vertices, 3),
            "shell_mm": (shell, 3), "lip_rest_px": (9,), "lip_fullness_px": (20,), "pose": (6,),
        }
        for name, shape in shapes.items():
            self.register_buffer(name, torch.zeros(shape))
        self.register_buffer("triangles", torch.zeros((triangles, 3), dtype=torch.int32))
        self.register_buffer("person", torch.zeros((size_px, size_px, 4), dtype=torch.uint8))
        self.register_buffer("teeth", torch.zeros((size_px // 2, size_px // 2, 4), dtype=torch.uint8))
        self.register_buffer("teeth_corner", torch.zeros(2))

    def geometry(self) -> PhotoGeometry:
        """The photo's mesh."""
        arrays = {f.name: getattr(self, f.name).cpu().numpy() for f in fields(PhotoGeometry)}
        return PhotoGeometry(**{k: v.astype(np.int64 if k == "triangles" else np.float64) for k, v in arrays.items()})


class PhotoProfile:
    """Paints by warping the photo; see `render2video.photo.warp`."""

    name = "photo"
    config_type: type = PhotoConfig

    def build(self, config: PhotoConfig, size_px: int, texture_px: int, window_px: int) -> nn.ModuleDict:
        from face_model import mp478
        from render2video.head_shell import build_head_mesh

        model = mp478.load()
        mesh = build_head_mesh(model, model.mean_mm.numpy())
        generator = PhotoGenerator(size_px, len(model.mean_mm), len(mesh.shell_mm), len(mesh.triangles))
        return nn.ModuleDict({"appearance": LayeredAppearance(size_px, texture_px, 1), "generator": generator})

    def trainable(self, video: PersonVideo, config: PhotoConfig, seed: int, device: str) -> Trainable:
        """Refused: there is nothing to train.

        Raises:
            InputError: always.
        """
        raise InputError("profile 'photo' for a video", "fast or paper", "the photo profile is for a picture file")

    def bounded(self, networks: nn.ModuleDict, config: PhotoConfig, motion: FaceMotion) -> FaceMotion:
        """The motion with its pose pressed softly into the range about the photo's pose that looks right."""
        generator = networks["generator"]
        assert isinstance(generator, PhotoGenerator)
        centre = generator.pose.cpu().numpy()
        turn = np.array([config.pitch_limit, config.yaw_limit, config.roll_limit])
        near = abs(float(centre[5])) * config.near_limit
        shift = np.array([config.shift_limit_mm, config.shift_limit_mm, near])
        return FaceMotion(
            motion.fps, motion.expression, _soft(motion.rotation, centre[:3], turn),
            _soft(motion.translation, centre[3:], shift), motion.blink, motion.face_model,
        )

    def paint(
        self, networks: nn.ModuleDict, config: PhotoConfig, drawn: Iterable[Conditioning], device: str,
        before_wall: bool = True,
    ) -> Iterator[Tensor]:
        """See `Profile.paint`; not before the wall the person alone, colour and coverage `[4, S, S]`."""
        painter = self.painter_of(networks)
        for frame in drawn:
            painted = painter(frame.points_px.astype(np.float64), frame.blink, before_wall)
            yield torch.from_numpy(painted).permute(2, 0, 1)

    def painted_of(self, networks: nn.ModuleDict) -> Callable[[Conditioning], np.ndarray]:
        """See `FrameByFrame`."""
        painter = self.painter_of(networks)
        return lambda frame: cv2.convertScaleAbs(painter.levels(frame.points_px.astype(np.float64), frame.blink))

    def painter_of(self, networks: nn.ModuleDict) -> PhotoPainter:
        """What paints one frame after another, or several side by side."""
        generator, appearance = networks["generator"], networks["appearance"]
        assert isinstance(generator, PhotoGenerator) and isinstance(appearance, LayeredAppearance)
        background = np.rint(appearance.plate.detach().cpu().permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        person, teeth, corner = (getattr(generator, k).cpu().numpy() for k in ("person", "teeth", "teeth_corner"))
        return PhotoPainter(person, background, generator.geometry(), teeth, corner)


class PhotoPainter:
    """Paints driven vertices.

    Args:
        person, background: `[S, S, 4]` and `[S, S, 3]` uint8, from `render2video.photo.layers.person_layers`.
        geometry: of the photo.
        teeth, teeth_corner: `[T, T, 4]` uint8 and `[2]`, from `render2video.photo.teeth.teeth_of`.
    """

    def __init__(
        self, person: np.ndarray, background: np.ndarray, geometry: PhotoGeometry, teeth: np.ndarray,
        teeth_corner: np.ndarray,
    ) -> None:
        self.person, self.background, self.geometry = person, background, geometry
        self.warp = Warp(geometry, len(person), create_rasterizer("numba"))
        self.eyes_mm = eye_planes_mm(geometry)
        self.lids = Lids(person[..., :3], geometry)
        lips = geometry.neutral_mm[LIP_RING].mean(0) - (0, 0, TEETH_DEPTH_MM)
        self.jaw_mm = lips + np.array([(-20.0, 0, 0), (20.0, 0, 0), (0, 20.0, 0)])
        self.to_source = geometry.rigid_map(geometry.fitted_px)
        scale_px_mm = float(np.linalg.norm(self.to_source[0, :3]))
        self.mouth = Mouth(teeth, teeth_corner, person[..., :3], geometry, scale_px_mm)

    def __call__(self, driven_px: np.ndarray, blink: float, before_wall: bool = True) -> np.ndarray:
        """The picture `[S, S, 3]` float32 0-1 for vertices `[V + S, 2]` and AU45 0-5; not before the wall the person
        alone, colour and coverage `[S, S, 4]`.
        """
        return self.levels(driven_px, blink, before_wall) / 255

    def levels(self, driven_px: np.ndarray, blink: float, before_wall: bool = True) -> np.ndarray:
        """The same in levels, 0-255."""
        targets = self.warp.targets(driven_px, blink)
        to_driven = self.geometry.rigid_map(driven_px)
        places = self.warp(targets)
        hold_eyes(places, targets, blink, self.to_source, to_driven, self.eyes_mm)
        places -= 0.5
        moved = cv2.remap(
            self.person, places[..., 0], places[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        picture = (over(moved, self.background) if before_wall else moved[..., :3]).astype(np.float32)
        self.mouth.paint(picture, targets, plane_map(self.to_source, to_driven, self.jaw_mm))
        eyes = [plane_map(self.to_source, to_driven, plane) for plane in self.eyes_mm]
        self.lids.paint(picture, targets, blink, eyes)
        if not before_wall:
            picture = np.concatenate((picture, moved[..., 3:]), axis=-1)
        return picture


def over(person: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The picture `[S, S, 3]` uint8 of a person `[S, S, 4]` uint8 before a background `[S, S, 3]` uint8."""
    share = person[..., 3].astype(np.float32) * np.float32(1 / 255)
    return cv2.blendLinear(cv2.cvtColor(person, cv2.COLOR_RGBA2RGB), background, share, 1 - share)


def _soft(values: np.ndarray, centre: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Values pressed softly into centre +- limit."""
    away = values - centre
    beyond = np.maximum(np.abs(away) - KNEE * limit, 0)
    rest = (1 - KNEE) * limit
    pressed = np.sign(away) * (KNEE * limit + rest * np.tanh(beyond / rest))
    return (centre + np.where(beyond > 0, pressed, away)).astype(np.float32)
