"""A transformer layer whose bias falls off with distance, alike in both directions (symmetric ALiBi), in a band.

What lies further away than the band reaches is not looked at, so cost grows with the length and not with its square,
and a clip of any length is one pass.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def slopes(heads: int) -> Tensor:
    """How steeply each head's bias falls `[H]` (Press et al. 2022)."""
    return 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)


def plain_attention(query: Tensor, key: Tensor, value: Tensor, reach: int, period: int) -> Tensor:
    """Attention `[B, H, T, D]` over all pairs at once: the reference of `banded_attention`, quicker for short clips.

    Args:
        reach: positions further apart do not see each other. period: the bias falls in steps so long.
    """
    count = query.shape[2]
    place = torch.arange(count, device=query.device)
    distance = (place[:, None] - place[None]).abs()
    bias = -slopes(query.shape[1]).to(query)[:, None, None] * (distance // period)
    bias = bias.masked_fill(distance > reach, float("-inf"))
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + bias
    return scores.softmax(-1) @ value


def banded_attention(query: Tensor, key: Tensor, value: Tensor, reach: int, period: int) -> Tensor:
    """The same in blocks as long as the reach; each looks at itself and its two neighbours."""
    batch, heads, count, width = query.shape
    blocks = -(-count // reach)

    def padded(values: Tensor, before: int) -> Tensor:
        return functional.pad(values, (0, 0, before, blocks * reach - count + before))

    asked = padded(query, 0).view(batch, heads, blocks, reach, width)
    # [B, H, blocks, D, 3 reach] -> [B, H, blocks, 3 reach, D]
    known, given = (padded(v, reach).unfold(2, 3 * reach, reach).transpose(-1, -2) for v in (key, value))
    own = torch.arange(reach, device=query.device)
    other = torch.arange(3 * reach, device=query.device) - reach
    distance = (own[:, None] - other[None]).abs()
    bias = -slopes(heads).to(query)[:, None, None, None] * (distance // period)
    position = torch.arange(blocks, device=query.device)[:, None] * reach + other
    outside = ((position < 0) | (position >= count))[:, None, :] | (distance > reach)
    scores = asked @ known.transpose(-1, -2) / width**0.5 + bias.masked_fill(outside, float("-inf"))
    # Rows beyond the end may see nothing at all; they are cut off below.
    seen = scores.softmax(-1).nan_to_num(0.0) @ given
    return seen.reshape(batch, heads, blocks * reach, width)[:, :, :count]


class TransformerLayer(nn.Module):
    """Attention and a feed-forward network, each added to its input and then normalised: `[B, T, W]` to the same.

    Args:
        width: W. heads: of the attention. feed_forward: inner width. reach, period: see `plain_attention`.
    """

    def __init__(self, width: int, heads: int, feed_forward: int, reach: int, period: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.reach, self.period = heads, reach, period
        self.project = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.inner = nn.Sequential(
            nn.Linear(width, feed_forward), nn.GELU(), nn.Dropout(dropout), nn.Linear(feed_forward, width)
        )
        self.after_attention, self.after_inner = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor) -> Tensor:
        query, key, value = self.project(values).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attend = plain_attention if values.shape[1] <= 3 * self.reach else banded_attention
        seen = attend(query, key, value, self.reach, self.period).transpose(1, 2).flatten(2)
        values = self.after_attention(values + self.dropout(self.join(seen)))
        return self.after_inner(values + self.dropout(self.inner(values)))
