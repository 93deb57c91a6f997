"""The sizes of the paper's networks, and the functions that build them."""

from __future__ import annotations

from dataclasses import dataclass

from render2video.paper.discriminator import MultiScaleDiscriminator
from render2video.paper.generator import PaperGenerator


@dataclass(frozen=True)
class PaperConfig:
    """Sizes (FACIAL section 3.3, pix2pixHD for what it leaves open).

    window: consecutive rendered pictures that the networks see, odd; the frame to make is the middle one.
    picture_channels: RGB and the eye-attention map. width: channels at full resolution. downs: halvings. blocks:
    residual blocks at the lowest resolution. scales, discriminator_width, discriminator_layers: number of
    discriminators, their first channels, their halvings.
    """

    window: int = 9
    picture_channels: int = 4
    width: int = 64
    downs: int = 4
    blocks: int = 9
    scales: int = 3
    discriminator_width: int = 64
    discriminator_layers: int = 3


def create_generator(config: PaperConfig) -> PaperGenerator:
    """The generator; its weights come from torch's global seed."""
    return PaperGenerator(config.window, config.picture_channels, config.width, config.downs, config.blocks)


def create_discriminator(config: PaperConfig) -> MultiScaleDiscriminator:
    """The discriminators; their weights come from torch's global seed."""
    channels = config.window * config.picture_channels + 3
    return MultiScaleDiscriminator(channels, config.discriminator_width, config.discriminator_layers, config.scales)
