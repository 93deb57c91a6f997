"""Cameras: from millimetres in the camera frame to pixels. Convention: `docs/conventions.md`.

The camera sits at the origin and looks along -z, so a face in view has a negative z translation. Pixels: x right, y
down, (0, 0) the upper left corner of the picture, so the centre of the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:  # torch takes a second and 300 MB: whoever projects nothing goes without
    from torch import Tensor

FOCAL_PER_SIZE = 1015.0 / 224.0  # Deng et al. 2019: focal 1015 for a 224 px picture, a narrow field of view


@dataclass(frozen=True)
class Camera:
    """A camera of a picture of `width_px` x `height_px`; `WeakPerspectiveCamera` or `PinholeCamera`."""

    focal_px: float
    centre_x_px: float
    centre_y_px: float
    width_px: int
    height_px: int
    kind: ClassVar[str] = ""

    @classmethod
    def for_size(cls, width_px: int, height_px: int) -> Camera:
        """The default camera of a picture: Deng's field of view, the centre in the middle."""
        return cls(FOCAL_PER_SIZE * max(width_px, height_px), width_px / 2, height_px / 2, width_px, height_px)

    def crop(self, left_px: float, top_px: float, side_px: float, size_px: int) -> Camera:
        """The camera of the square (left, top, side) of this picture, resized to `size_px`."""
        zoom = size_px / side_px
        return replace(
            self,
            focal_px=self.focal_px * zoom,
            centre_x_px=(self.centre_x_px - left_px) * zoom,
            centre_y_px=(self.centre_y_px - top_px) * zoom,
            width_px=size_px,
            height_px=size_px,
        )

    def scale(self, rotated_mm: Tensor, translation_mm: Tensor) -> Tensor:
        """Pixels a millimetre, broadcastable to `[..., V]`."""
        raise NotImplementedError

    def project(self, rotated_mm: Tensor, translation_mm: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels `[..., V, 2]` and depth `[..., V]` (camera z in mm, larger is nearer).

        Args:
            rotated_mm: `[..., V, 3]`, vertices after the head rotation, before the translation.
            translation_mm: `[..., 3]`, the head's origin in the camera frame.
        """
        import torch

        scale = self.scale(rotated_mm, translation_mm)
        camera_mm = rotated_mm + translation_mm[..., None, :]
        x_px = self.centre_x_px + scale * camera_mm[..., 0]
        y_px = self.centre_y_px - scale * camera_mm[..., 1]
        return torch.stack((x_px, y_px), dim=-1), camera_mm[..., 2]

    def to_json(self) -> dict[str, Any]:
        """Plain values that `camera_from_json` reads."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class WeakPerspectiveCamera(Camera):
    """One scale for the whole head, focal / distance of its origin: how the Face Landmarker sees. The default."""

    kind: ClassVar[str] = "weak_perspective"

    def scale(self, rotated_mm: Tensor, translation_mm: Tensor) -> Tensor:
        return self.focal_px / -translation_mm[..., None, 2]


@dataclass(frozen=True)
class PinholeCamera(Camera):
    """True perspective: focal / distance of each vertex."""

    kind: ClassVar[str] = "pinhole"

    def scale(self, rotated_mm: Tensor, translation_mm: Tensor) -> Tensor:
        return self.focal_px / -(rotated_mm[..., 2] + translation_mm[..., None, 2])


_KINDS: dict[str, type[Camera]] = {c.kind: c for c in (WeakPerspectiveCamera, PinholeCamera)}


def camera_from_json(content: dict[str, Any]) -> Camera:
    """The camera that `Camera.to_json` described."""
    values = dict(content)
    return _KINDS[values.pop("kind")](**values)
