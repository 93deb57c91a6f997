"""What a person looks like, as two learned layers: a background plate, and the head's texture with opacity and
features.

A frame begins as the plate with the textured head over it. Both are fitted to the reference video by gradient descent,
beside the network that finishes the picture (deferred neural rendering, Thies et al. 2019, with colour and opacity made
explicit), so the network has only to add what a mean texture cannot show.
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
from render2video.person_video import PersonVideo

INITIAL_FRAMES = 60  # the first guess of texture and plate is gathered from these
OPACITY_GAIN = 4.0  # texture values pass a sigmoid of this slope
MAP_NAMES = ("base red", "base green", "base blue", "opacity", "eye mask", "eye attention", "inner mouth")


class DrawnBatch:
    """Conditioning of B frames as tensors.

    uv: `[B, S, S, 2]`. face, mouth, presence, eye_mask, eye_attention: `[B, 1, S, S]`. windows: B pairs (top, left).
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
        self.mouth = (region == int(Region.INNER_MOUTH)).float()
        self.presence = stack(frame.presence for frame in frames)[:, None]
        self.eye_mask = stack(frame.eye_mask for frame in frames)[:, None]
        self.eye_attention = stack(frame.eye_attention for frame in frames)[:, None] * float(eye_attention)
        self.windows = [frame.window for frame in frames]

    def windowed(self, pictures: Tensor, window_px: int) -> Tensor:
        """The windows `[B, C, W, W]` of pictures `[B, C, S, S]`."""
        pairs = zip(pictures, self.windows, strict=True)
        return torch.stack([p[:, top : top + window_px, left : left + window_px] for p, (top, left) in pairs])

    def placed(self, windows: Tensor, size_px: int) -> Tensor:
        """Windows `[B, C, W, W]` back where they were, zeros around: `[B, C, S, S]`."""
        rest = size_px - windows.shape[-1]
        pairs = zip(windows, self.windows, strict=True)
        return torch.stack([functional.pad(w, (left, rest - left, top, rest - top)) for w, (top, left) in pairs])


class LayeredAppearance(nn.Module):
    """Plate and head texture.

    plate: `[3, S, S]` RGB 0-1. texture: `[4, H, H]`, RGB and opacity before its sigmoid. features: `[N, H, H]`, free
    channels for the network.
    """

    def __init__(self, size_px: int, texture_px: int, features: int, use_texture: bool = True) -> None:
        """`use_texture` False leaves only the plate to start from (an ablation)."""
        super().__init__()
        self.use_texture = use_texture
        self.plate = nn.Parameter(torch.zeros(3, size_px, size_px))
        self.texture = nn.Parameter(torch.zeros(4, texture_px, texture_px))
        self.features = nn.Parameter(torch.zeros(features, texture_px, texture_px))

    @property
    def map_count(self) -> int:
        """Channels of `maps`."""
        return len(MAP_NAMES) + self.features.shape[0]

    def forward(self, drawn: DrawnBatch) -> tuple[Tensor, Tensor]:
        """The layered picture `[B, 3, S, S]`, not clamped, and the head's opacity `[B, 1, S, S]`."""
        sampled = _sample(self.texture, drawn.uv)
        opacity = drawn.face + (1 - drawn.face) * drawn.presence * torch.sigmoid(OPACITY_GAIN * sampled[:, 3:])
        opacity = opacity * float(self.use_texture)
        return opacity * sampled[:, :3] + (1 - opacity) * self.plate, opacity

    def maps(self, drawn: DrawnBatch, base: Tensor, opacity: Tensor, window_px: int) -> Tensor:
        """What the network sees, `[B, M, W, W]` in the window: `MAP_NAMES`, then features. No gradient into the layers.

        The layers' colours learn from their own error alone: driven by the network's error too, the two drift against
        each other (measured: the layered picture fell from 27 dB to 15 dB within 100 steps).
        """
        whole = torch.cat((base.detach(), opacity.detach(), drawn.eye_mask, drawn.eye_attention, drawn.mouth), dim=1)
        uv = drawn.windowed(drawn.uv.permute(0, 3, 1, 2), window_px).permute(0, 2, 3, 1)
        return torch.cat((drawn.windowed(whole, window_px), _sample(self.features, uv)), dim=1)


def _sample(texture: Tensor, uv: Tensor) -> Tensor:
    """Bilinear samples `[B, C, h, w]` of a texture `[C, H, H]` at `uv` `[B, h, w, 2]` 0-1."""
    textures = texture.expand(len(uv), -1, -1, -1)
    return functional.grid_sample(textures, uv * 2 - 1, align_corners=False, padding_mode="border")


def appearance_for(
    video: PersonVideo, texture_share: float, features: int, generator: torch.Generator, use_texture: bool = True
) -> LayeredAppearance:
    """A first guess from frames spread over a video; the texture's side is `texture_share` of the crop's."""
    usable = np.flatnonzero(video.track.valid)
    chosen = usable[np.linspace(0, len(usable) - 1, min(len(usable), INITIAL_FRAMES)).astype(int)]

    def frames() -> Iterable[tuple[Conditioning, np.ndarray]]:
        return ((video.draw(int(i)), video.crops[int(i)]) for i in chosen)

    texture_px = round(texture_share * video.size_px)
    return initial_appearance(frames(), video.size_px, texture_px, features, generator, use_texture)


def initial_appearance(
    frames: Iterable[tuple[Conditioning, np.ndarray]], size_px: int, texture_px: int, features: int,
    generator: torch.Generator, use_texture: bool = True,
) -> LayeredAppearance:
    """A first guess: mean colours gathered in the texture, and the mean picture around the face as plate.

    Args:
        frames: drawn head and true crop `[S, S, 3]` uint8 RGB of a few dozen frames spread over the clip.
        size_px: side of the crop.
        texture_px: side of the texture.
        features: free channels.
        generator: for the features' small random start.
    """
    total, weight = np.zeros((texture_px * texture_px, 3)), np.zeros(texture_px * texture_px)
    plate, bare = np.zeros((size_px, size_px, 3)), np.zeros((size_px, size_px))
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
    appearance = LayeredAppearance(size_px, texture_px, features, use_texture)
    plate = _fill_holes(plate / np.maximum(bare, 1)[..., None], bare > 0)
    texture = (total / np.maximum(weight, 1)[:, None]).reshape(texture_px, texture_px, 3)
    texture = _fill_holes(texture, (weight > 0).reshape(texture_px, -1))
    with torch.no_grad():
        appearance.plate.copy_(torch.from_numpy(plate).permute(2, 0, 1))
        appearance.texture[:3] = torch.from_numpy(texture).permute(2, 0, 1)
        appearance.texture[3] = 0.5
        appearance.features.normal_(std=0.1, generator=generator)
    return appearance


def _fill_holes(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unknown places take the blurred colour of the known ones around them, from near to far."""
    filled, have = picture * known[..., None], known.astype(np.float64)
    for sigma in (1.0, 3.0, 9.0, 27.0, 81.0):
        spread = cv2.GaussianBlur(have, (0, 0), sigma)
        blurred = cv2.GaussianBlur(filled, (0, 0), sigma) / np.maximum(spread, 1e-9)[..., None]
        new = (have == 0) & (spread > 1e-3)
        filled = np.where(new[..., None], blurred, filled)
        have = np.where(new, 1.0, have)
    return filled
