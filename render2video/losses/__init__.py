"""Losses between made and real frames, one a file. RGB 0-1, `[B, 3, H, W]`."""

from render2video.losses.adversarial import discriminator_loss, generator_loss
from render2video.losses.feature_matching import feature_matching_loss
from render2video.losses.gan import GanLosses, PaperLossWeights
from render2video.losses.perceptual import PerceptualLoss, load_perceptual
from render2video.losses.reconstruction import reconstruction_loss
from render2video.losses.ssim import ssim, ssim_loss, ssim_map

__all__ = [
    "GanLosses", "PaperLossWeights", "PerceptualLoss", "discriminator_loss", "feature_matching_loss", "generator_loss",
    "load_perceptual", "reconstruction_loss", "ssim", "ssim_loss", "ssim_map",
]
