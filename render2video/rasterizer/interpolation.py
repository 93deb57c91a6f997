"""Vertex attributes carried to pixels."""

from __future__ import annotations

from torch import Tensor

from render2video.rasterizer.fragments import ArrayT, Fragments


def interpolate(
    fragments: Fragments[ArrayT], triangles: ArrayT, attributes: ArrayT, background: float = 0.0
) -> ArrayT:
    """Attributes `[..., H, W, C]` of what is seen at each pixel.

    Args:
        fragments: of pictures `[..., H, W]`; numpy arrays take the fast path, tensors the differentiable one.
        triangles: `[F, 3]`, those that were rasterised.
        attributes: `[V, C]` of the vertices, the same for all pictures, or `[..., V, C]`.
        background: the value where nothing is seen.
    """
    if isinstance(attributes, Tensor):
        from render2video.rasterizer.torch_backend import interpolate_torch

        return interpolate_torch(fragments, triangles, attributes, background)
    from render2video.rasterizer.numba_backend import interpolate_numpy

    return interpolate_numpy(fragments, triangles, attributes, background)
