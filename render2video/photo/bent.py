"""What a photo was taken apart into, and the photo bent to a driven mesh."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np

from render2video.photo.eyes import eye_planes_mm, hold_eyes
from render2video.photo.lids import Lids
from render2video.photo.mouth import Mouth
from render2video.photo.warp import LIP_RING, PhotoGeometry, Warp, plane_map
from render2video.rasterizer import create_rasterizer

TEETH_DEPTH_MM = 7.0  # behind the lips
LAYERS = ("person", "teeth", "teeth_corner", "pose")


@dataclass(frozen=True)
class PhotoLayers:
    """What a photo was taken apart into, in pixels of the square.

    person: `[S, S, 4]` uint8, and background: `[S, S, 3]` uint8, from `render2video.photo.layers.person_layers`.
    teeth: `[T, T, 4]` uint8 and teeth_corner: `[2]`, from `render2video.photo.teeth.teeth_of`.
    pose: `[6]`, the photo's.
    """

    geometry: PhotoGeometry
    person: np.ndarray
    background: np.ndarray
    teeth: np.ndarray
    teeth_corner: np.ndarray
    pose: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """All but the background, as they are kept."""
        found = {f.name: getattr(self.geometry, f.name).astype(np.float32) for f in fields(PhotoGeometry)}
        found["triangles"] = self.geometry.triangles.astype(np.int32)
        return found | {name: getattr(self, name) for name in LAYERS}

    @staticmethod
    def of(arrays: dict[str, np.ndarray], background: np.ndarray) -> PhotoLayers:
        """Of kept arrays.

        Raises:
            KeyError, ValueError: one is absent, or they do not go together.
        """
        kept = {f.name: arrays[f.name] for f in fields(PhotoGeometry)}
        geometry = PhotoGeometry(**{k: v.astype(np.int64 if k == "triangles" else float) for k, v in kept.items()})
        side_px, vertices, shell = len(background), len(geometry.landmarks_px), len(geometry.shell_mm)
        shapes = {
            "landmarks_px": (vertices, 2), "fitted_px": (vertices + shell, 2), "neutral_mm": (vertices, 3),
            "shell_mm": (shell, 3), "lip_rest_px": (9,), "lip_fullness_px": (20,), "pose": (6,),
            "person": (side_px, side_px, 4), "teeth": (side_px // 2, side_px // 2, 4), "teeth_corner": (2,),
        }
        for name, shape in shapes.items():
            if arrays[name].shape != shape:
                raise ValueError(f"{name} {arrays[name].shape}, not {shape}")
        return PhotoLayers(geometry, background=background, **{n: arrays[n] for n in LAYERS})


class BentPhoto:
    """The photo, bent to driven vertices."""

    def __init__(self, layers: PhotoLayers) -> None:
        person, geometry = layers.person, layers.geometry
        self.person, self.background, self.geometry = person, layers.background, geometry
        self.warp = Warp(geometry, len(person), create_rasterizer("numba"))
        self.eyes_mm = eye_planes_mm(geometry)
        self.lids = Lids(person[..., :3], geometry)
        lips = geometry.neutral_mm[LIP_RING].mean(0) - (0, 0, TEETH_DEPTH_MM)
        self.jaw_mm = lips + np.array([(-20.0, 0, 0), (20.0, 0, 0), (0, 20.0, 0)])
        self.to_source = geometry.rigid_map(geometry.fitted_px)
        scale_px_mm = float(np.linalg.norm(self.to_source[0, :3]))
        self.mouth = Mouth(layers.teeth, layers.teeth_corner, person[..., :3], geometry, scale_px_mm)

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
