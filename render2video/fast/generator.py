"""The `fast` generator.

    maps [M, S, S] -> pixel-unshuffle to 128 x 128 -> U-Net with three halvings -> pixel-shuffle -> residual [3, S, S]
    picture = base + residual

It works at 128 x 128 whatever S is, so 512 costs little more than 256. The last layer starts at zero: untrained, the
picture is the layered appearance itself, and training can only add to it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WORKING_PX = 128


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.LeakyReLU(0.1, inplace=True))


class FastGenerator(nn.Module):
    """Adds to the layered picture what it lacks: mouth, lids, shading, the edge of the hair."""

    def __init__(self, map_count: int, size_px: int, width: int) -> None:
        """
        Args:
            map_count: channels of the maps, the base picture first.
            size_px: side of the crop, a multiple of 128.
            width: channels at the working resolution.
        """
        super().__init__()
        assert size_px % WORKING_PX == 0, f"size {size_px} is not a multiple of {WORKING_PX}"
        self.fold = size_px // WORKING_PX
        self.enter = _convolution(map_count * self.fold**2, width)
        self.down1 = nn.Sequential(_convolution(width, 2 * width, 2), _convolution(2 * width, 2 * width))
        self.down2 = nn.Sequential(_convolution(2 * width, 3 * width, 2), _convolution(3 * width, 3 * width))
        self.down3 = nn.Sequential(
            _convolution(3 * width, 4 * width, 2), _convolution(4 * width, 4 * width), _convolution(4 * width, 4 * width)
        )
        self.up2 = _convolution(7 * width, 3 * width)
        self.up1 = _convolution(5 * width, 2 * width)
        self.up0 = _convolution(3 * width, width)
        self.leave = nn.Conv2d(width, 3 * self.fold**2, 3, 1, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, base: Tensor, maps: Tensor) -> Tensor:
        """Pictures `[B, 3, S, S]`, RGB about 0-1, not clamped, from base `[B, 3, S, S]` and maps `[B, M, S, S]`."""

        def grow(features: Tensor) -> Tensor:
            return functional.interpolate(features, scale_factor=2, mode="bilinear")

        full = self.enter(functional.pixel_unshuffle(maps, self.fold))
        half = self.down1(full)
        quarter = self.down2(half)
        eighth = self.down3(quarter)
        quarter = self.up2(torch.cat((grow(eighth), quarter), dim=1))
        half = self.up1(torch.cat((grow(quarter), half), dim=1))
        full = self.up0(torch.cat((grow(half), full), dim=1))
        return base + functional.pixel_shuffle(self.leave(full), self.fold)
