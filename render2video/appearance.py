"""What a person looks like, as two learned layers: a background plate, and the head's texture with transparency and
features.

A frame begins as the plate with the textured head over it. Both are fitted to the reference video by gradient descent
together with the network that finishes the picture (deferred neural rendering, Thies et al. 2019, with colour and
opacity made explicit), so the network has only to add what a mean texture cannot show.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from face_model.morphable_model import Region
from render2video.conditioning import Conditioning
from render2video.head_shell import SHELL_REGION

OPACITY_GAIN = 4.0  # texture values pass a sigmoid of this slope
MAP_NAMES = ("base red", "base green", "base blue", "opacity", "eye mask", "eye attention", "inner mouth")


class LayeredAppearance(nn.Module):
    """Plate and head texture.

    plate: `[3, S, S]` RGB 0-1. texture: `[4 + features, H, H]`: RGB, opacity before its sigmoid, free features for the
    network.
    """

    def __init__(self, size_px: int, texture_px: int, features: int) -> None:
        super().__init__()
        self.plate = nn.Parameter(torch.zeros(3, size_px, size_px))
        self.texture = nn.Parameter(torch.zeros(4 + features, texture_px, texture_px))

    @property
    def map_count(self) -> int:
        """Channels of the maps that `forward` gives."""
        return len(MAP_NAMES) + self.texture.shape[0] - 4

    def forward(self, drawn: DrawnBatch) -> tuple[Tensor, Tensor]:
        """The layered picture `[B, 3, S, S]` and the maps `[B, M, S, S]` for the network, in the order of `MAP_NAMES`,
        features last.
        """
        grid = drawn.uv * 2 - 1
        texture = self.texture.expand(len(grid), -1, -1, -1)
        sampled = functional.grid_sample(texture, grid, align_corners=False, padding_mode="border")
        opacity = torch.sigmoid(OPACITY_GAIN * sampled[:, 3:4]) * drawn.shell + drawn.face
        base = opacity * sampled[:, :3] + (1 - opacity) * self.plate
        # The layers' colours learn from their own error alone: driven by the network's error too, the two drift against
        # each other (measured: the layered picture fell from 27 dB to 15 dB within 100 steps).
        layered = torch.cat((base, opacity), dim=1).detach()
        return base, torch.cat((layered, drawn.eye_mask, drawn.eye_attention, drawn.mouth, sampled[:, 4:]), dim=1)


class DrawnBatch:
    """Conditioning of B frames as tensors. uv: `[B, S, S, 2]`; shell, face, mouth, eye_mask, eye_attention: `[B, 1, S,
    S]`; state: `[B, 68]`.
    """

    def __init__(
        self, frames: list[Conditioning], device: torch.device | str = "cpu", eye_attention: bool = True
    ) -> None:
        """`eye_attention` False hides the blink from the network (an ablation)."""

        def stack(pictures: Iterable[np.ndarray]) -> Tensor:
            return torch.from_numpy(np.stack(list(pictures))).to(device)

        region = stack(frame.region for frame in frames)[:, None]
        self.uv = stack(frame.uv for frame in frames)
        self.face = ((region >= 0) & (region < SHELL_REGION)).float()
        self.shell = (region == SHELL_REGION).float()
        self.mouth = (region == int(Region.INNER_MOUTH)).float()
        self.eye_mask = stack(frame.eye_mask for frame in frames)[:, None]
        self.eye_attention = stack(frame.eye_attention for frame in frames)[:, None] * float(eye_attention)
        self.state = stack(frame.state for frame in frames)


def initial_appearance(
    frames: Iterable[tuple[Conditioning, np.ndarray]], size_px: int, texture_px: int, features: int, generator: torch.Generator
) -> LayeredAppearance:
    """A first guess: mean colours gathered in the texture, and the mean picture outside the face as plate.

    Args:
        frames: drawn head and true crop `[S, S, 3]` uint8 RGB, a few dozen spread over the clip.
        size_px: side of the crop.
        texture_px: side of the texture.
        features: free channels.
        generator: for the features' small random start.
    """
    total, weight = np.zeros((texture_px * texture_px, 3)), np.zeros(texture_px * texture_px)
    plate, bare = np.zeros((size_px, size_px, 3)), np.full((size_px, size_px), 1e-3)
    mean = np.zeros((size_px, size_px, 3))
    count = 0
    for drawn, picture in frames:
        colour = picture.astype(np.float64) / 255.0
        seen = drawn.region >= 0
        cell = np.minimum((drawn.uv[seen] * texture_px).astype(int), texture_px - 1)
        index = cell[:, 1] * texture_px + cell[:, 0]
        np.add.at(total, index, colour[seen])
        np.add.at(weight, index, 1.0)
        background = ~drawn.face
        plate += colour * background[..., None]
        bare += background
        mean += colour
        count += 1
    mean /= max(count, 1)
    plate = (plate + 1e-3 * mean) / bare[..., None]
    appearance = LayeredAppearance(size_px, texture_px, features)
    texture = _fill_holes((total / np.maximum(weight, 1)[:, None]).reshape(texture_px, texture_px, 3), (weight > 0).reshape(texture_px, -1))
    with torch.no_grad():
        appearance.plate.copy_(torch.from_numpy(plate).permute(2, 0, 1))
        appearance.texture[:3] = torch.from_numpy(texture).permute(2, 0, 1)
        appearance.texture[3] = 1.0
        appearance.texture[4:].normal_(std=0.1, generator=generator)
    return appearance


def _fill_holes(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unknown texels take the blurred colour of the known ones around them, from near to far."""
    filled, have = picture * known[..., None], known.astype(np.float64)
    for sigma in (1.0, 3.0, 9.0, 27.0):
        spread = cv2.GaussianBlur(have, (0, 0), sigma)
        blurred = cv2.GaussianBlur(filled, (0, 0), sigma) / np.maximum(spread, 1e-9)[..., None]
        new = (have == 0) & (spread > 1e-3)
        filled = np.where(new[..., None], blurred, filled)
        have = np.where(new, 1.0, have)
    return filled
