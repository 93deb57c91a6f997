"""Stand-ins for pytorch3d and nvdiffrast: what their documentation says of inputs and outputs, by plain half-planes in
float64. They know nothing of our pictures, so an adapter that gets a convention wrong draws something else.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor


def weights_at(corners: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Barycentrics `[H, W, 3]` of points in a triangle `[3, 2]`; outside some are negative."""
    (ax, ay), (bx, by), (cx, cy) = corners
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    first = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
    second = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
    return torch.stack((first, second, 1 - first - second), dim=-1)


class Meshes:
    """`pytorch3d.structures.Meshes`, as far as a rasteriser looks at it."""

    def __init__(self, verts: list[Tensor], faces: list[Tensor]) -> None:
        assert len(verts) == len(faces) and all(len(f) for f in faces)
        assert all(v.dtype == torch.float32 and torch.isfinite(v).all() for v in verts)
        self.verts, self.faces = verts, faces


def rasterize_meshes(
    meshes: Meshes, image_size: tuple[int, int], blur_radius: float, faces_per_pixel: int, perspective_correct: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`pytorch3d.renderer.mesh.rasterize_meshes.rasterize_meshes`: x left, y up, z away, the shorter side -1 to 1."""
    assert blur_radius == 0 and faces_per_pixel == 1
    height, width = image_size
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    shorter = min(height, width)
    x, y = (width - 1 - 2 * column.double()) / shorter, (height - 1 - 2 * row.double()) / shorter
    index = torch.full((len(meshes.verts), height, width, 1), -1)
    depth = torch.full(index.shape, torch.inf, dtype=torch.float64)
    weights = torch.full((*index.shape, 3), -1.0, dtype=torch.float64)
    packed = 0
    for mesh, (verts, faces) in enumerate(zip(meshes.verts, meshes.faces, strict=True)):
        for number, face in enumerate(faces):
            corners = verts[face].double()
            found = weights_at(corners[:, :2], x, y)
            if perspective_correct:
                found = found / corners[:, 2]
                found = found / found.sum(-1, keepdim=True)
            z = (found * corners[:, 2]).sum(-1)
            nearer = (found > 0).all(-1) & (z >= 0) & (z < depth[mesh, ..., 0])
            index[mesh, ..., 0][nearer] = packed + number
            depth[mesh, ..., 0][nearer] = z[nearer]
            weights[mesh, ..., 0, :][nearer] = found[nearer]
        packed += len(faces)
    return index, depth.float(), weights.float(), depth.float()


class RasterizeCudaContext:
    """`nvdiffrast.torch.RasterizeCudaContext`, but for any device."""

    def __init__(self, device: Any) -> None:
        self.device = torch.device(device)


def rasterize(
    context: RasterizeCudaContext, pos: Tensor, tri: Tensor, resolution: tuple[int, int], ranges: Tensor, grad_db: bool
) -> tuple[Tensor, Tensor]:
    """`nvdiffrast.torch.rasterize` in range mode: clip space, row 0 at y/w = -1, (u, v, z/w, triangle + 1)."""
    assert isinstance(context, RasterizeCudaContext) and context.device == pos.device and grad_db in (True, False)
    assert pos.dtype == torch.float32 and pos.ndim == 2 and pos.shape[1] == 4 and pos.is_contiguous()
    assert tri.dtype == torch.int32 and tri.shape[1] == 3 and len(tri) and tri.is_contiguous()
    assert ranges.dtype == torch.int32 and ranges.device.type == "cpu" and ranges.is_contiguous() and len(ranges)
    height, width = resolution
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = (2 * column.double() + 1) / width - 1, (2 * row.double() + 1) / height - 1
    out = torch.zeros(len(ranges), height, width, 4, dtype=torch.float64)
    out[..., 2] = torch.inf
    for picture, (start, count) in enumerate(ranges.tolist()):
        for number in range(start, start + count):
            px, py, pz, pw = pos[tri[number].long()].double().unbind(-1)
            at = [(px[k] - x * pw[k], py[k] - y * pw[k]) for k in range(3)]
            edges = torch.stack([
                at[1][0] * at[2][1] - at[1][1] * at[2][0], at[2][0] * at[0][1] - at[2][1] * at[0][0],
                at[0][0] * at[1][1] - at[0][1] * at[1][0],
            ], dim=-1)  # fmt: skip
            found = edges / edges.sum(-1, keepdim=True)
            z = (found * pz).sum(-1) / (found * pw).sum(-1)
            inside = (found > 0).all(-1) & (z.abs() <= 1) & (z < out[picture, ..., 2])
            values = torch.stack((found[..., 0], found[..., 1], z, torch.full_like(z, number + 1)), dim=-1)
            out[picture][inside] = values[inside]
    out[..., 2] = torch.where(out[..., 3] > 0, out[..., 2], 0.0)
    return out.float(), torch.zeros_like(out).float()


def install(patch: pytest.MonkeyPatch, name: str) -> None:
    """Let `name` be imported as its stand-in."""
    parts: dict[str, dict[str, Any]] = {
        "pytorch3d": {
            "pytorch3d": {}, "pytorch3d._C": {}, "pytorch3d.renderer": {}, "pytorch3d.renderer.mesh": {},
            "pytorch3d.structures": {"Meshes": Meshes},
            "pytorch3d.renderer.mesh.rasterize_meshes": {"rasterize_meshes": rasterize_meshes},
        },
        "nvdiffrast": {
            "nvdiffrast": {},
            "nvdiffrast.torch": {"RasterizeCudaContext": RasterizeCudaContext, "rasterize": rasterize},
        },
    }[name]
    for module_name, content in parts.items():
        module = ModuleType(module_name)
        module.__path__ = []
        vars(module).update(content)
        patch.setitem(sys.modules, module_name, module)


def distance_to_edges_px(xy: np.ndarray, triangles: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    """Distance `[H, W]` of each pixel centre to the nearest edge of any triangle."""
    row, column = np.indices((height_px, width_px)) + 0.5
    nearest = np.full((height_px, width_px), np.inf)
    for face in triangles:
        for a, b in zip(xy[face], xy[np.roll(face, -1)], strict=True):
            along = b - a
            length = float(along @ along)
            at = np.stack((column - a[0], row - a[1]), -1)
            share = np.clip((at @ along) / length, 0, 1) if length else np.zeros(at.shape[:2])
            nearest = np.minimum(nearest, np.linalg.norm(at - share[..., None] * along, axis=-1))
    return nearest
