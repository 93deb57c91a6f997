"""The `fast` generator.

    maps [M, W, W] of the window around the face -> pixel-unshuffle -> U-Net with three halvings -> pixel-shuffle
    -> residual [3, W, W], faded at the window's border; picture = layered picture + residual

The window follows the face, so all the work goes where speech shows; around it the layers stand as they are. The last
layer starts at zero: untrained, the picture is the layered appearance itself, and training can only add to it. Batch
norm is what lets it learn fast: without, it died at a learning rate of 2e-3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from foundation.easing import smoothstep
from render2video.precision import fast_arithmetic

LARGEST_WORKING_PX = 176  # a larger window is folded into channels before the first convolution
MULTIPLE_PX = 16  # of the window's side: three halvings, and one fold
FADE_SHARE = 0.08  # of the window's side over which the residual fades to nothing


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1, inplace=True))


class FastGenerator(nn.Module):
    """Adds to the layered picture what it lacks: mouth, lids, shading."""

    def __init__(self, map_count: int, window_px: int, width: int, fold: int | None = None) -> None:
        """
        Args:
            map_count: channels of the maps.
            window_px: side of the window, a multiple of 16.
            width: channels at the working resolution.
            fold: sides of the squares of pixels that become channels; None: 1, or 2 of a large window.
        """
        super().__init__()
        assert window_px % MULTIPLE_PX == 0, f"window {window_px} is not a multiple of {MULTIPLE_PX}"
        self.window_px = window_px
        self.fold = fold or (1 if window_px <= LARGEST_WORKING_PX else 2)
        self.fade: Tensor
        self.register_buffer("fade", _fade(window_px), persistent=False)
        self.enter = _convolution(map_count * self.fold**2, width)
        self.down1 = nn.Sequential(_convolution(width, 2 * width, 2), _convolution(2 * width, 2 * width))
        self.down2 = nn.Sequential(_convolution(2 * width, 3 * width, 2), _convolution(3 * width, 3 * width))
        self.down3 = nn.Sequential(
            _convolution(3 * width, 4 * width, 2),
            _convolution(4 * width, 4 * width),
            _convolution(4 * width, 4 * width),
        )
        self.up2 = _convolution(7 * width, 3 * width)
        self.up1 = _convolution(5 * width, 2 * width)
        self.up0 = _convolution(3 * width, width)
        self.leave = nn.Conv2d(width, 3 * self.fold**2, 3, 1, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, maps: Tensor) -> Tensor:
        """Residual `[B, 3, W, W]` float32 from maps `[B, M, W, W]`."""
        with fast_arithmetic(maps.device.type):
            given = maps.to(self.leave.weight.dtype)
            folded = functional.pixel_unshuffle(given, self.fold).contiguous(memory_format=torch.channels_last)
            residual = functional.pixel_shuffle(self._u_net(folded), self.fold)
        return residual.float() * self.fade

    def _u_net(self, folded: Tensor) -> Tensor:
        def grow(features: Tensor) -> Tensor:
            return functional.interpolate(features, scale_factor=2, mode="bilinear")

        full = self.enter(folded)
        half = self.down1(full)
        quarter = self.down2(half)
        eighth = self.down3(quarter)
        quarter = self.up2(torch.cat((grow(eighth), quarter), dim=1))
        half = self.up1(torch.cat((grow(quarter), half), dim=1))
        full = self.up0(torch.cat((grow(half), full), dim=1))
        return self.leave(full)


def _fade(window_px: int) -> Tensor:
    """`[W, W]`: 1 inside, falling smoothly to 0 at the border."""
    at = torch.arange(window_px) + 0.5
    share = (torch.minimum(at, window_px - at) / (FADE_SHARE * window_px)).clamp(max=1)
    smooth = smoothstep(share)
    return torch.minimum(smooth[:, None], smooth[None])
