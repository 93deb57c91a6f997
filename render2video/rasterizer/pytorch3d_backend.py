"""pytorch3d behind `Rasterizer`. Optional, and no faster than ours on a CPU: for who has it in a pipeline already."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from render2video.rasterizer.foreign import Scene, library
from render2video.rasterizer.fragments import Fragments

REMEDY = "build it from https://github.com/facebookresearch/pytorch3d for your torch, or choose numba or torch"


@dataclass(frozen=True)
class Pytorch3dRasterizer:
    """`Rasterizer` over float32 tensors, on their device.

    pytorch3d's space: x to the left, y up, the shorter side of the picture from -1 to 1, z away from the viewer and
    positive. It computes in float32, and a pixel centre exactly on an edge belongs to no triangle; a triangle of less
    than 1e-8 of that space (1.6e-4 square pixels at 256) is left out. Everything else is as ours: coverage may differ
    only where a centre lies within a thousandth of a pixel of an edge, or two surfaces cross.

    Differentiable as `TorchRasterizer` is, by pytorch3d's own backward pass.

    cull_backfaces, perspective_correct: see `TorchRasterizer`.

    Raises:
        InputError: pytorch3d is not installed.
    """

    cull_backfaces: bool = False
    perspective_correct: bool = False

    def __post_init__(self) -> None:
        library("pytorch3d._C", "pytorch3d", REMEDY)

    def __call__(
        self, vertices_px: Tensor, depth_mm: Tensor, triangles: Tensor, height_px: int, width_px: int
    ) -> Fragments[Tensor]:
        """See `Rasterizer`. Returns int64 indices; barycentrics and depth in the type of `vertices_px`."""
        rasterize = library("pytorch3d.renderer.mesh.rasterize_meshes", "pytorch3d", REMEDY).rasterize_meshes
        meshes_type = library("pytorch3d.structures", "pytorch3d", REMEDY).Meshes
        scene = Scene.of(vertices_px, depth_mm, triangles, self.cull_backfaces, self.perspective_correct)
        pictures = len(scene.xy_px)
        filled = [index for index, rows in enumerate(scene.drawn) if len(rows)]
        winner = torch.full((pictures, height_px, width_px), -1, dtype=torch.long, device=scene.xy_px.device)
        weights = scene.xy_px.new_zeros(pictures, height_px, width_px, 3)
        if filled and height_px and width_px:
            space = self._space(scene, height_px, width_px)
            meshes = meshes_type([space[k] for k in filled], [scene.faces[scene.drawn[k]] for k in filled])
            index, _, barycentric, _ = rasterize(
                meshes, image_size=(height_px, width_px), blur_radius=0.0, faces_per_pixel=1,
                perspective_correct=self.perspective_correct,
            )
            packed = torch.cat([scene.drawn[k] for k in filled])  # its indices run through all meshes
            found = index[..., 0]
            winner[filled] = torch.where(found >= 0, packed[found.clamp(min=0)], found)
            weights = weights.index_put((torch.tensor(filled, device=weights.device),), barycentric[..., 0, :])
        return scene.fragments(winner, weights, vertices_px.dtype)

    def _space(self, scene: Scene, height_px: int, width_px: int) -> Tensor:
        """Vertices `[P, V, 3]` in pytorch3d's space."""
        unit = 2.0 / min(height_px, width_px)
        middle = scene.xy_px.new_tensor((width_px / 2, height_px / 2))
        away = -scene.depth_mm
        if not self.perspective_correct:  # only differences count then, and small numbers keep more digits
            away = away + scene.nearness()[1] + 1.0
        return torch.cat(((middle - scene.xy_px) * unit, away[..., None]), dim=-1)
