"""Rasterisers by name, imported when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foundation.errors import InputError
from render2video.rasterizer.fragments import Fragments, Rasterizer

_BACKENDS = {
    "numba": ("render2video.rasterizer.numba_backend", "NumbaRasterizer"),
    "torch": ("render2video.rasterizer.torch_backend", "TorchRasterizer"),
    "pytorch3d": ("render2video.rasterizer.pytorch3d_backend", "Pytorch3dRasterizer"),
    "nvdiffrast": ("render2video.rasterizer.nvdiffrast_backend", "NvdiffrastRasterizer"),
}


def rasterizer_names() -> tuple[str, ...]:
    """The names that `create_rasterizer` knows."""
    return tuple(_BACKENDS)


def create_rasterizer(name: str = "numba", **options: bool) -> Any:
    """A `Rasterizer`: `numba` (numpy in and out, the fast path) or `torch` (tensors in and out, gradients, any device);
    where they are installed also `pytorch3d` and `nvdiffrast` (CUDA only), with tensors and gradients as well.

    Args:
        name: the backend's name.
        options: the fields of the backend's class: `cull_backfaces`, `perspective_correct`; `parallel` of numba.

    Raises:
        InputError: no backend of that name, or its library is not installed.
    """
    if name not in _BACKENDS:
        raise InputError(f"rasteriser {name!r}", f"one of {', '.join(_BACKENDS)}", "choose one of these names")
    module, attribute = _BACKENDS[name]
    return getattr(import_module(module), attribute)(**options)


@dataclass(frozen=True)
class OverArrays:
    """A backend over tensors, for whoever has numpy arrays. device: that it draws on."""

    backend: Rasterizer[Tensor]
    device: str = "cpu"

    def __call__(
        self, vertices_px: np.ndarray, depth_mm: np.ndarray, triangles: np.ndarray, height_px: int, width_px: int
    ) -> Fragments[np.ndarray]:
        """See `Rasterizer`."""
        given = vertices_px, depth_mm, triangles
        points, depth, faces = (torch.from_numpy(np.ascontiguousarray(array)).to(self.device) for array in given)
        drawn = self.backend(points, depth, faces, height_px, width_px)
        index, weights, seen_mm = (
            part.cpu().numpy() for part in (drawn.triangle_index, drawn.barycentric, drawn.depth_mm)
        )
        return Fragments(index.astype(np.int32), weights.astype(np.float32), seen_mm.astype(np.float32))


def array_rasterizer(name: str = "numba") -> Rasterizer[np.ndarray]:
    """The backend of that name for numpy arrays; one over tensors draws on the graphics card where there is one.

    Raises:
        InputError: as `create_rasterizer`; nvdiffrast without a graphics card.
    """
    backend = create_rasterizer(name)
    if name == "numba":
        return backend  # type: ignore[no-any-return]
    card = torch.cuda.is_available()
    if name == "nvdiffrast" and not card:
        raise InputError("rasteriser 'nvdiffrast' without a graphics card", "CUDA", "choose numba or torch")
    return OverArrays(backend, "cuda" if card else "cpu")
