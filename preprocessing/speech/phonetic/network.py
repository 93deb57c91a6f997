"""The network: log-mel at 100 Hz -> phone logits and a bottleneck at 50 Hz, by convolution alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from preprocessing.speech.phonetic.features import MEL_BANDS
from preprocessing.speech.phonetic.inventory import PHONES

RATE_HZ = 50
BOTTLENECK = 32


class TimePad(nn.Module):
    """Zero padding of the time axis of `[B, C, T, ...]`: as much before as after, or all of it before when causal."""

    def __init__(self, total: int, causal: bool, spatial: bool = False) -> None:
        super().__init__()
        before = total if causal else total // 2
        pair = (before, total - before)
        self.padding = (0, 0, *pair) if spatial else pair

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.pad(values, self.padding)


class ResidualBlock(nn.Module):
    """Dilated depthwise convolution over time, two pointwise layers (Liu et al. 2022, ConvNeXt), added to the input."""

    def __init__(self, width: int, kernel: int, dilation: int, causal: bool, dropout: float) -> None:
        super().__init__()
        self.pad = TimePad((kernel - 1) * dilation, causal)
        self.over_time = nn.Conv1d(width, width, kernel, dilation=dilation, groups=width)
        self.norm = nn.LayerNorm(width)
        self.pointwise = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width)
        )
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, values: Tensor) -> Tensor:
        """`[B, T, C]` -> `[B, T, C]`."""
        mixed = self.over_time(self.pad(values.transpose(1, 2))).transpose(1, 2)
        return values + self.scale * self.pointwise(self.norm(mixed))


class PhoneticNetwork(nn.Module):
    """Log-mel `[B, 2T, 80]` -> (phone logits `[B, T, len(PHONES)]`, bottleneck `[B, T, bottleneck]`).

        log-mel ─► 2 x conv2d over time and frequency (halves time, quarters frequency) ─► linear
                ─► dilated residual blocks ─► linear, tanh = bottleneck ─► linear = logits

    Row k stands for the instant k / 50 s. The causal form sees nothing later than that instant's log-mel frame, whose
    window ends 12.5 ms after it.
    """

    def __init__(
        self, width: int = 256, dilations: Sequence[int] = (1, 2, 4, 1, 2, 4, 1, 2), kernel: int = 5,
        bottleneck: int = BOTTLENECK, causal: bool = False, dropout: float = 0.1,
    ) -> None:
        super().__init__()
        first, second = 12, 24
        self.stem = nn.Sequential(
            TimePad(4, causal, spatial=True), nn.Conv2d(1, first, 5, stride=(2, 2), padding=(0, 2)), nn.GELU(),
            TimePad(2, causal, spatial=True), nn.Conv2d(first, second, 3, stride=(1, 2), padding=(0, 1)), nn.GELU(),
        )
        self.project = nn.Linear(second * MEL_BANDS // 4, width)
        self.norm = nn.LayerNorm(width)
        blocks = (ResidualBlock(width, kernel, dilation, causal, dropout) for dilation in dilations)
        self.blocks = nn.Sequential(*blocks)
        self.final_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.to_bottleneck = nn.Linear(width, bottleneck)
        self.to_phones = nn.Linear(bottleneck, len(PHONES))

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        stem = self.stem(log_mel[:, None])
        values = self.norm(self.project(stem.transpose(1, 2).flatten(2)))
        values = self.final_norm(self.blocks(values))
        bottleneck = torch.tanh(self.to_bottleneck(self.dropout(values)))
        return self.to_phones(bottleneck), bottleneck
