"""The network that finishes a mouth: what it adds to the real pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from render2video.fast.generator import FastGenerator
from render2video.footage.mouth import MAP_COUNT

BLUR_PX, BLUR_REACH = 1.0, 3  # deviation of the filter over what is added, and its reach


class MouthFinisher(nn.Module):
    """Residual of the window around a mouth, without detail finer than a pixel or two: grain, pores and the edges of
    teeth are the real mouth's own. Left free, it wipes them out (trained for the mean error, sharpness fell to half),
    and trained through a blur it invents a pattern of its own.
    """

    def __init__(self, working_px: int, width: int) -> None:
        """
        Args:
            working_px: side of the window, a multiple of 16.
            width: channels at that resolution.
        """
        super().__init__()
        self.working_px = working_px
        self.network = FastGenerator(MAP_COUNT, working_px, width)
        at = torch.arange(-BLUR_REACH, BLUR_REACH + 1).float()
        kernel = torch.exp(-(at**2) / (2 * BLUR_PX**2))
        self.kernel: Tensor
        self.register_buffer("kernel", (kernel / kernel.sum()).expand(3, 1, 1, -1).clone(), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """What to add `[B, 3, M, M]` (0-1) for maps `[B, MAP_COUNT, M, M]`."""
        added = self.network(maps)
        across = functional.conv2d(added, self.kernel, padding=(0, BLUR_REACH), groups=3)
        return functional.conv2d(across, self.kernel.transpose(2, 3), padding=(BLUR_REACH, 0), groups=3)
