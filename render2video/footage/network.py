"""The network that finishes a mouth: what it adds to the real pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from foundation.files import read_tensors
from foundation.shipped import shipped
from render2video.fast.generator import FastGenerator
from render2video.footage.mouth import MAP_COUNT
from training.checkpoint import load_weights

BLUR_PX, BLUR_REACH = 2.2, 6  # deviation of the filter over what is added, and its reach


class MouthFinisher(nn.Module):
    """Residual of the window around a mouth, without detail finer than a few pixels: grain, pores and the edges of
    teeth are the real mouth's own.

    Left free, it wipes them out: through a filter of 1 pixel the sharpness of held-out mouths fell to 0.4 of the
    truth's for 2.3 dB; of 1.5 pixels, to 0.8 for 0.8 dB; of 2.2, to 1.0 for 0.5 dB. Trained through a blurred error it
    invents a pattern of its own.
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

    @staticmethod
    def general(working_px: int, width: int) -> MouthFinisher | None:
        """The network that ships, which knows mouths in general; None where it is of another width."""
        path = shipped("footage/mouth.safetensors")
        arrays, described = read_tensors(path)
        if described["width"] != width:
            return None
        made = MouthFinisher(working_px, width)
        load_weights(path, made, {name: torch.from_numpy(value) for name, value in arrays.items()}, "")
        return made

    def forward(self, maps: Tensor) -> Tensor:
        """What to add `[B, 3, M, M]` (0-1) for maps `[B, MAP_COUNT, M, M]`."""
        added = self.network(maps)
        across = functional.conv2d(added, self.kernel, padding=(0, BLUR_REACH), groups=3)
        return functional.conv2d(across, self.kernel.transpose(2, 3), padding=(BLUR_REACH, 0), groups=3)
