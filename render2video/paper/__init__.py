"""The paper's render-to-video network: a pix2pixHD-like generator and its multi-scale patch discriminators."""

from render2video.paper.config import PaperConfig, PaperProfileConfig, create_discriminator, create_generator
from render2video.paper.discriminator import MultiScaleDiscriminator, PatchDiscriminator
from render2video.paper.generator import PaperGenerator
from render2video.paper.window import sliding_windows

__all__ = [
    "MultiScaleDiscriminator", "PaperConfig",
    "PaperGenerator", "PaperProfileConfig", "PatchDiscriminator", "create_discriminator",
    "create_generator", "sliding_windows",
]
