"""Rasterisers by name, imported when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from foundation.errors import InputError

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
