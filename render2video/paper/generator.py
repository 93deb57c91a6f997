"""The paper's generator: pix2pixHD's global generator over a window of rendered pictures and the previous output."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def initialise(module: nn.Module) -> None:
    """Convolution weights from a normal distribution of deviation 0.02, biases 0 (pix2pixHD)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class ResidualBlock(nn.Module):
    """`x + f(x)`, f two 3x3 convolutions with instance norm, mirrored at the borders."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class PaperGenerator(nn.Module):
    """A frame from its rendered window (FACIAL section 3.3; Wang et al. 2018, section 3.1, the global generator).

        window [B, N, C, H, W] ─┐
                                ├─ 7x7 ─ down x downs ─ residual x blocks ─ up x downs ─ 7x7 ─ frame [B, 3, H, W]
        previous [B, 3, H, W] ──┘

    Args:
        window: pictures in a window. picture_channels: channels of each. width: channels at full resolution, doubled by
        each halving. downs: halvings. blocks: residual blocks.
    """

    def __init__(self, window: int, picture_channels: int, width: int, downs: int, blocks: int) -> None:
        super().__init__()
        self.window, self.picture_channels, self.multiple_px = window, picture_channels, 2**downs
        channels = window * picture_channels + 3
        layers: list[nn.Module] = [
            nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect"),
            nn.InstanceNorm2d(width), nn.ReLU(inplace=True),
        ]
        for level in range(downs):
            now = width * 2**level
            layers += [
                nn.Conv2d(now, 2 * now, 3, stride=2, padding=1), nn.InstanceNorm2d(2 * now), nn.ReLU(inplace=True),
            ]
        layers += [ResidualBlock(width * 2**downs) for _ in range(blocks)]
        for level in reversed(range(downs)):
            now = width * 2**level
            layers += [
                nn.ConvTranspose2d(2 * now, now, 3, stride=2, padding=1, output_padding=1),
                nn.InstanceNorm2d(now), nn.ReLU(inplace=True),
            ]
        layers.append(nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"))
        self.body = nn.Sequential(*layers)
        self.apply(initialise)

    def forward(self, window: Tensor, previous: Tensor) -> Tensor:
        """The frame `[B, 3, H, W]`, RGB 0-1.

        Args:
            window: `[B, N, C, H, W]`, rendered RGB 0-1 and eye maps 0-1 of consecutive frames, the one to make in the
            middle. previous: `[B, 3, H, W]`, the output before this one, RGB 0-1; zeros for the first.
        H and W are multiples of `multiple_px`, and larger than it.
        """
        assert window.shape[1:3] == (self.window, self.picture_channels), f"window {tuple(window.shape)}"
        height_px, width_px = window.shape[-2:]
        assert height_px % self.multiple_px == 0 and width_px % self.multiple_px == 0, f"picture {height_px}x{width_px}"
        # Inputs around zero, as the weights are made for; a sigmoid is pix2pixHD's tanh moved to 0-1.
        x = torch.cat((window.flatten(1, 2), previous), dim=1) * 2 - 1
        return torch.sigmoid(2 * self.body(x))
