"""nvdiffrast behind `Rasterizer`: for a graphics card. Written to its documented interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from foundation.errors import InputError
from render2video.rasterizer.foreign import Scene, library
from render2video.rasterizer.fragments import Fragments

REMEDY = "install https://github.com/NVlabs/nvdiffrast (its licence is for research), or choose numba or torch"
NEAR, FAR = -0.9, 0.9  # normalised depth of the nearest and the furthest vertex: inside of the frustum's -1 to 1


@dataclass(frozen=True)
class NvdiffrastRasterizer:
    """`Rasterizer` over float32 tensors on a CUDA device.

    nvdiffrast's conventions: clip space as OpenGL has it, z/w growing away from the viewer; row 0 of a picture is at
    y/w = -1; (u, v) are the weights of a triangle's first and second vertex; triangle 0 is written as 1, nothing as 0.
    Positions are snapped to its fixed-point grid, so coverage may differ from ours where a centre lies near an edge.

    Differentiable as `TorchRasterizer` is, by nvdiffrast's own backward pass.

    cull_backfaces, perspective_correct: see `TorchRasterizer`.

    Raises:
        InputError: nvdiffrast is not installed; when called: there is no CUDA device, or the tensors are elsewhere.
    """

    cull_backfaces: bool = False
    perspective_correct: bool = False
    _contexts: dict[torch.device, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        library("nvdiffrast.torch", "nvdiffrast", REMEDY)

    def __call__(
        self, vertices_px: Tensor, depth_mm: Tensor, triangles: Tensor, height_px: int, width_px: int
    ) -> Fragments[Tensor]:
        """See `Rasterizer`. Returns int64 indices; barycentrics and depth in the type of `vertices_px`."""
        scene = Scene.of(vertices_px, depth_mm, triangles, self.cull_backfaces, self.perspective_correct)
        pictures, vertices = scene.xy_px.shape[:2]
        filled = [index for index, rows in enumerate(scene.drawn) if len(rows)]
        winner = torch.full((pictures, height_px, width_px), -1, dtype=torch.long, device=scene.xy_px.device)
        weights = scene.xy_px.new_zeros(pictures, height_px, width_px, 3)
        if filled and height_px and width_px:
            clip = self._clip_space(scene, height_px, width_px).reshape(-1, 4).contiguous()
            packed = torch.cat([scene.drawn[k] for k in filled])
            faces = torch.cat([scene.faces[scene.drawn[k]] + k * vertices for k in filled])
            counts = torch.tensor([len(scene.drawn[k]) for k in filled], dtype=torch.int32)
            ranges = torch.stack((counts.cumsum(0, dtype=torch.int32) - counts, counts), dim=1)  # stays on the CPU
            out = self._rasterize(clip, faces.int().contiguous(), (height_px, width_px), ranges.contiguous())
            found = out[..., 3].round().long() - 1
            winner[filled] = torch.where(found >= 0, packed[found.clamp(min=0)], found)
            u, v = out[..., 0], out[..., 1]
            at = (torch.tensor(filled, device=weights.device),)
            weights = weights.index_put(at, torch.stack((u, v, 1 - u - v), dim=-1))
        return scene.fragments(winner, weights, vertices_px.dtype)

    def _rasterize(self, clip: Tensor, faces: Tensor, size_px: tuple[int, int], ranges: Tensor) -> Tensor:
        """nvdiffrast's main output `[P, H, W, 4]`: u, v, z/w, triangle + 1."""
        backend = library("nvdiffrast.torch", "nvdiffrast", REMEDY)
        if clip.device not in self._contexts:
            try:
                self._contexts[clip.device] = backend.RasterizeCudaContext(device=clip.device)
            except (ValueError, RuntimeError, AssertionError) as error:
                raise InputError(
                    f"nvdiffrast on device '{clip.device}' ({error})", "tensors on a CUDA device",
                    "choose the rasteriser numba or torch where there is none",
                ) from error
        out, _ = backend.rasterize(self._contexts[clip.device], clip, faces, size_px, ranges=ranges, grad_db=False)
        return out

    def _clip_space(self, scene: Scene, height_px: int, width_px: int) -> Tensor:
        """Vertices `[P, V, 4]`. y is not turned: rows then run down in the output as they do in our pictures."""
        size = scene.xy_px.new_tensor((width_px, height_px))
        plane = 2.0 * scene.xy_px / size - 1.0
        far, near = scene.nearness()
        if not self.perspective_correct:
            share = (near - scene.depth_mm) / (near - far).clamp(min=1e-6)
            z, w = NEAR + (FAR - NEAR) * share, torch.ones_like(scene.depth_mm)
        else:
            # z/w = a + b / w, with w = -depth: NEAR at the nearest vertex, FAR at the furthest.
            w = torch.where(scene.depth_mm < 0, -scene.depth_mm, torch.ones_like(scene.depth_mm))
            nearest, furthest = (-near).clamp(min=1e-6), (-far).clamp(min=1e-6)
            span = 1 / nearest - 1 / furthest
            b = torch.where(span > 0, (NEAR - FAR) / span, torch.zeros_like(span))
            z = (NEAR - b / nearest) * w + b
        return torch.cat((plane * w[..., None], z[..., None], w[..., None]), dim=-1)
