"""The network that finishes a mouth: what it adds to the real pixels."""

from __future__ import annotations

from pathlib import Path

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

    def __init__(self, working_px: int, width: int, fold: int = 1) -> None:
        """
        Args:
            working_px: side of the window, a multiple of 16.
            width: channels at that resolution, or at the folded one.
            fold: sides of the squares of pixels that become channels. By 2 it takes a third of the time; what is added
                has no detail that would be lost.
        """
        super().__init__()
        self.working_px, self.width, self.fold = working_px, width, fold
        self.network = FastGenerator(MAP_COUNT, working_px, width, fold)
        at = torch.arange(-BLUR_REACH, BLUR_REACH + 1).float()
        kernel = torch.exp(-(at**2) / (2 * BLUR_PX**2))
        self.kernel: Tensor
        self.register_buffer("kernel", (kernel / kernel.sum()).expand(3, 1, 1, -1).clone(), persistent=False)

    @staticmethod
    def general(working_px: int, width: int, fold: int) -> MouthFinisher | None:
        """The network that ships, which knows mouths in general; None where it is of another width or fold."""
        made = MouthFinisher.read(shipped("footage/mouth.safetensors"), working_px)
        return made if (made.width, made.fold) == (width, fold) else None

    @staticmethod
    def read(path: Path, working_px: int) -> MouthFinisher:
        """A network for mouths in general, as `scripts.train_mouths` writes it."""
        arrays, described = read_tensors(path)
        made = MouthFinisher(working_px, described["width"], described.get("fold", 1))
        load_weights(path, made, {name: torch.from_numpy(value) for name, value in arrays.items()}, "")
        return made

    @property
    def adds_nothing(self) -> bool:
        """Whether it is one that was never trained: its last layer is zero."""
        last = self.network.leave
        return not any(bool(part.any()) for part in last.parameters())

    def forward(self, maps: Tensor) -> Tensor:
        """What to add `[B, 3, M, M]` (0-1) for maps `[B, MAP_COUNT, M, M]`."""
        added = self.network(maps)
        across = functional.conv2d(added, self.kernel, padding=(0, BLUR_REACH), groups=3)
        return functional.conv2d(across, self.kernel.transpose(2, 3), padding=(BLUR_REACH, 0), groups=3)
