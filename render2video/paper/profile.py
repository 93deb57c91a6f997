"""The `paper` profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from render2video.appearance import LayeredAppearance
from render2video.conditioning import Conditioning
from render2video.paper.config import PaperProfileConfig, create_discriminator, create_generator
from render2video.paper.trainable import PaperTrainable, rendered
from render2video.paper.window import sliding_windows
from render2video.person_video import PersonVideo


class PaperProfile:
    """The paper's generator over a window of rendered pictures and its own previous output."""

    name = "paper"
    config_type = PaperProfileConfig
    before = {"picture": "layers"}

    def build(self, config: PaperProfileConfig, size_px: int, texture_px: int, window_px: int) -> nn.ModuleDict:
        parts = {
            "appearance": LayeredAppearance(size_px, texture_px, 0),
            "generator": create_generator(config.networks),
            "discriminator": create_discriminator(config.networks),
        }
        return nn.ModuleDict(parts)

    def trainable(self, video: PersonVideo, config: PaperProfileConfig, seed: int, device: str) -> PaperTrainable:
        return PaperTrainable(video, config, seed, device)

    def paint(
        self, networks: nn.ModuleDict, config: PaperProfileConfig, drawn: Iterable[Conditioning], device: str
    ) -> Iterator[Tensor]:
        appearance = networks["appearance"]
        assert isinstance(appearance, LayeredAppearance)

        def pictures() -> Iterator[Tensor]:
            for frame in drawn:
                with torch.inference_mode():
                    yield rendered(appearance, [frame], config, device)[0][0]

        previous: Tensor | None = None
        for window in sliding_windows(pictures(), config.networks.window):
            with torch.inference_mode():
                last = torch.zeros_like(window[:1, :3]) if previous is None else previous
                previous = networks["generator"](window[None], last).clamp(0, 1)
            yield previous[0]
