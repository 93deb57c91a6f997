"""Triangles to pixels: which triangle is seen where, and with what weights. Shading is elsewhere."""

from render2video.rasterizer.fragments import Fragments, Rasterizer
from render2video.rasterizer.interpolation import interpolate
from render2video.rasterizer.rasterizer_registry import array_rasterizer, create_rasterizer, rasterizer_names

__all__ = ["Fragments", "Rasterizer", "array_rasterizer", "create_rasterizer", "interpolate", "rasterizer_names"]
