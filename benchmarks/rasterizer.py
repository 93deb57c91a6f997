"""Milliseconds a frame of the rasterisers on one mesh, numba against the plain torch reference, in the same run.

    python benchmarks/rasterizer.py [--size 256] [--rings 22]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from render2video.rasterizer import create_rasterizer, interpolate


def dome(rings: int, size_px: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grid bent into a dome that fills 70% of the picture: 2 `rings`^2 triangles, at 22 as many as a face has."""
    axis = np.linspace(-1, 1, rings + 1)
    x, y = (v.ravel() for v in np.meshgrid(axis, axis))
    vertices_px = (np.stack((x, y), 1) * 0.42 + 0.5) * size_px
    corner = (np.arange(rings)[:, None] * (rings + 1) + np.arange(rings)).ravel()
    lower = corner + rings + 1
    triangles = np.concatenate([np.stack((corner, lower, corner + 1), 1), np.stack((corner + 1, lower, lower + 1), 1)])
    depth_mm = -600 - 50 * (x**2 + y**2)
    return vertices_px.astype(np.float32), depth_mm.astype(np.float32), triangles.astype(np.int32)


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    """The median of `repeats` calls, after two to warm up."""
    taken = []
    for k in range(repeats + 2):
        start = time.perf_counter()
        call()
        if k >= 2:
            taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rings", type=int, default=22)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    mesh = dome(options.rings, options.size)
    tensors = [torch.from_numpy(v) for v in mesh]
    numba, threads = create_rasterizer("numba"), create_rasterizer("numba", parallel=True)
    reference = create_rasterizer("torch")
    size = (options.size, options.size)
    fragments, fragments_torch = numba(*mesh, *size), reference(*tensors, *size)
    colours = np.random.default_rng(0).random((len(mesh[0]), 8), np.float32)
    rows = {
        "numba": milliseconds(lambda: numba(*mesh, *size), options.repeats),
        "numba, threads": milliseconds(lambda: threads(*mesh, *size), options.repeats),
        "torch": milliseconds(lambda: reference(*tensors, *size), options.repeats),
        "interpolate 8 channels, numba": milliseconds(
            lambda: interpolate(fragments, mesh[2], colours), options.repeats
        ),
        "interpolate 8 channels, torch": milliseconds(
            lambda: interpolate(fragments_torch, tensors[2], torch.from_numpy(colours)), options.repeats
        ),
    }
    print(f"{len(mesh[2])} triangles at {options.size} x {options.size}, median of {options.repeats}")
    for name, value in rows.items():
        base = rows["torch" if "interp" not in name else "interpolate 8 channels, torch"]
        print(f"  {name:32s}{value:8.2f} ms   {base / value:6.1f} x torch's speed")


if __name__ == "__main__":
    main()
