"""The sizes of the paper's networks, and the functions that build them."""

from __future__ import annotations

from dataclasses import dataclass, field

from foundation.errors import InputError
from render2video.losses import PaperLossWeights
from render2video.paper.discriminator import MultiScaleDiscriminator
from render2video.paper.generator import PaperGenerator

PICTURES = ("lit", "layers")


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


@dataclass(frozen=True)
class PaperProfileConfig:
    """Training of the paper's networks on one person (FACIAL, section 4.1: 50 epochs at batch 1, decay from 30).

    picture: what the networks see; `lit`, the fitted face under its own light, as the paper has it, or `layers`, the
    head in a learned texture before a learned background. rate: Adam's. decay_from: share of the run after which the
    rates fall linearly. own_previous, no_previous: shares of the steps at which the network gets, as the frame before,
    its own (as at synthesis) and a black one (as at the start), instead of the filmed one: taught by filmed frames
    alone it leans on them, and its own errors grow from frame to frame. texture_share, colour_rate, colour_epsilon: of
    the layers. vgg_path: VGG19 weights for the perceptual term (`torchvision`: those that it has fetched); without them
    the term is left out. use_eye_attention: an ablation.
    """

    networks: PaperConfig = field(default_factory=PaperConfig)
    weights: PaperLossWeights = field(default_factory=PaperLossWeights)
    picture: str = "lit"
    rate: float = 2e-4
    decay_from: float = 30 / 50
    own_previous: float = 0.5
    no_previous: float = 0.1
    texture_share: float = 1.25
    colour_rate: float = 1e-2
    colour_epsilon: float = 3e-7
    average_decay: float = 0.999
    vgg_path: str = ""
    use_eye_attention: bool = True

    def __post_init__(self) -> None:
        if self.picture not in PICTURES:
            raise InputError(f"picture '{self.picture}' of the paper profile", f"one of {', '.join(PICTURES)}")


def create_generator(config: PaperConfig) -> PaperGenerator:
    """The generator; its weights come from torch's global seed."""
    return PaperGenerator(config.window, config.picture_channels, config.width, config.downs, config.blocks)


def create_discriminator(config: PaperConfig) -> MultiScaleDiscriminator:
    """The discriminators; their weights come from torch's global seed."""
    channels = config.window * config.picture_channels + 3
    return MultiScaleDiscriminator(channels, config.discriminator_width, config.discriminator_layers, config.scales)
