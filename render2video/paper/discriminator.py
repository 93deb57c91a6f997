"""Multi-scale patch discriminators (Wang et al. 2018, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from render2video.paper.generator import initialise


class PatchDiscriminator(nn.Module):
    """Real or made, for each patch of a picture.

    Args:
        channels: of the input. width: channels of the first layer, doubled by each up to eight times. layers: halvings.
    """

    def __init__(self, channels: int, width: int, layers: int) -> None:
        super().__init__()
        widths = [min(width * 2**level, width * 8) for level in range(layers + 1)]
        stages: list[nn.Module] = [self._stage(channels, widths[0], stride=2, norm=False)]
        for level in range(1, layers + 1):
            stages.append(self._stage(widths[level - 1], widths[level], stride=2 if level < layers else 1, norm=True))
        stages.append(nn.Conv2d(widths[-1], 1, 4, padding=2))
        self.stages = nn.ModuleList(stages)
        self.apply(initialise)

    @staticmethod
    def _stage(channels: int, out: int, stride: int, norm: bool) -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(channels, out, 4, stride=stride, padding=2)]
        if norm:
            layers.append(nn.InstanceNorm2d(out))
        return nn.Sequential(*layers, nn.LeakyReLU(0.2, inplace=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        """The output of every stage; the last, `[B, 1, h, w]`, is the verdict (1 real, 0 made)."""
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs


class MultiScaleDiscriminator(nn.Module):
    """Patch discriminators over the picture at full, half, quarter ... size.

    Args:
        channels: of condition and frame together. width, layers: of each `PatchDiscriminator`. scales: how many.
    """

    def __init__(self, channels: int, width: int, layers: int, scales: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(channels, width, layers) for _ in range(scales))

    def forward(self, condition: Tensor, frame: Tensor) -> list[list[Tensor]]:
        """For each scale, finest first, what `PatchDiscriminator` returns.

        Args:
            condition: `[B, C, H, W]`, or a window `[B, N, C, H, W]`: what the frame was made from, 0-1.
            frame: `[B, 3, H, W]`, RGB 0-1, real or made.
        """
        if condition.ndim == 5:
            condition = condition.flatten(1, 2)
        x = torch.cat((condition, frame), dim=1) * 2 - 1
        outputs = []
        for level, discriminator in enumerate(self.scales):
            if level:
                x = avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            outputs.append(discriminator(x))
        return outputs
