"""The `fast` profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from render2video.appearance import DrawnBatch, LayeredAppearance
from render2video.conditioning import Conditioning
from render2video.fast.config import FastConfig
from render2video.fast.generator import FastGenerator
from render2video.fast.trainable import FastTrainable, paint
from render2video.person_video import PersonVideo


class FastProfile:
    """Layers and a small U-Net on the window around the face; each frame by itself."""

    name = "fast"
    config_type = FastConfig

    def build(self, config: FastConfig, size_px: int, texture_px: int, window_px: int) -> nn.ModuleDict:
        appearance = LayeredAppearance(size_px, texture_px, config.features, config.use_texture)
        generator = FastGenerator(appearance.map_count, window_px, config.width)
        return nn.ModuleDict({"appearance": appearance, "generator": generator})

    def trainable(self, video: PersonVideo, config: FastConfig, seed: int, device: str) -> FastTrainable:
        return FastTrainable(video, config, seed, device)

    def paint(
        self, networks: nn.ModuleDict, config: FastConfig, drawn: Iterable[Conditioning], device: str
    ) -> Iterator[Tensor]:
        for frame in drawn:
            with torch.inference_mode():
                picture, _ = paint(networks, DrawnBatch([frame], device, config.use_eye_attention))
            yield picture[0]
