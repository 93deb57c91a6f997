"""Speech rows to face curves, row by row: the same function at every row, so a stream equals the whole.

    rows [B, T + 2 reach, F] ─► convolution ─► (norm ─► dilated convolution ─► GELU ─► linear, added) x N ─► linear
                                                                                     ─► curves [B, T, C]

No padding: whoever calls says what was there before and after.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the customary name)


class Dilated(nn.Module):
    """Three rows, `dilation` apart, and a residual.

    Args:
        width: channels.
        dilation: rows between those that it sees.
        dropout: share of channels dropped in training.
    """

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width)  # over channels, each row by itself
        self.across = nn.Conv1d(width, width, 3, dilation=dilation)
        self.along = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """`[B, W, T]` -> `[B, W, T - 2 dilation]`."""
        calm = self.norm(hidden.transpose(1, 2)).transpose(1, 2)
        found = self.along(self.dropout(F.gelu(self.across(calm))))
        return hidden[..., self.dilation : -self.dilation] + found


class SpeechToCurves(nn.Module):
    """The regressor.

    Args:
        feature_size: F.
        curves: C.
        width, kernel, dilations, dropout: see `Architecture`.
    """

    def __init__(
        self, feature_size: int, curves: int, *, width: int, kernel: int, dilations: tuple[int, ...], dropout: float
    ) -> None:
        super().__init__()
        assert kernel % 2 == 1, "a row lies in the middle of what its first layer sees"
        self.reach = kernel // 2 + sum(dilations)  # rows that a row depends on, either side
        self.enter = nn.Conv1d(feature_size, width, kernel)
        self.layers = nn.Sequential(*(Dilated(width, dilation, dropout) for dilation in dilations))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, curves)

    def forward(self, rows: Tensor) -> Tensor:
        """`[B, T + 2 reach, F]` -> `[B, T, C]`."""
        hidden = self.layers(self.enter(rows.transpose(1, 2)))
        return self.leave(self.norm(hidden.transpose(1, 2)))
