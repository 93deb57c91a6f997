"""Training of the paper's generator on one person's video (FACIAL, sections 3.3 and 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from render2video.appearance import DrawnBatch, LayeredAppearance, appearance_for
from render2video.losses import GanLosses, load_perceptual, reconstruction_loss
from render2video.paper.config import PaperProfileConfig, create_discriminator, create_generator
from render2video.person_video import PersonVideo
from training.schedules import linear_decay_from, set_learning_rate


def rendered(appearance: LayeredAppearance, drawn: DrawnBatch) -> tuple[Tensor, Tensor]:
    """What the generator sees of frames: the layered picture and the eye map, `[B, 4, S, S]` without gradient; and the
    picture.
    """
    base, _ = appearance(drawn)
    return torch.cat((base.detach().clamp(0, 1), drawn.eye_attention), dim=1), base


class PaperTrainable:
    """What `training.train` runs: one frame a step, the frame before it given as it was filmed."""

    def __init__(self, video: PersonVideo, config: PaperProfileConfig, seed: int, device: str = "cpu") -> None:
        self.video, self.config, self.device = video, config, device
        self.usable = np.flatnonzero(video.track.valid)
        torch.manual_seed(seed)
        appearance = appearance_for(video, config.texture_share, 0, torch.Generator().manual_seed(seed))
        parts = {
            "appearance": appearance,
            "generator": create_generator(config.networks),
            "discriminator": create_discriminator(config.networks),
        }
        self.networks = nn.ModuleDict(parts).to(device)
        discriminating = Adam(self.networks["discriminator"].parameters(), config.rate, betas=(0.5, 0.999))
        self.optimizers: Mapping[str, Optimizer] = {
            "generator": Adam(self.networks["generator"].parameters(), config.rate, betas=(0.5, 0.999)),
            "appearance": Adam(appearance.parameters(), config.colour_rate, eps=config.colour_epsilon),
            "discriminator": discriminating,
        }
        perceptual = load_perceptual(Path(config.vgg_path) if config.vgg_path else None)
        if perceptual is not None:
            perceptual.to(device)
        self.losses = GanLosses(self.networks["discriminator"], discriminating, config.weights, perceptual)

    def _real(self, index: int) -> Tensor:
        frame = torch.from_numpy(np.array(self.video.crops[index])).to(self.device)
        return frame.permute(2, 0, 1)[None].float() / 255

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One frame drawn at random, its window, and the frame before."""
        factor = linear_decay_from(progress, self.config.decay_from)
        for optimizer in self.optimizers.values():
            set_learning_rate(optimizer, factor)
        index = int(generator.choice(self.usable))
        half, last = self.config.networks.window // 2, len(self.video.track) - 1
        around = [min(max(index + k, 0), last) for k in range(-half, half + 1)]
        drawn = DrawnBatch([self.video.draw(i) for i in around], self.device, self.config.use_eye_attention)
        pictures, base = rendered(self.networks["appearance"], drawn)  # type: ignore[arg-type]
        real = self._real(index)
        previous = self._real(index - 1) if index else torch.zeros_like(real)
        made = self.networks["generator"](pictures[None], previous)
        told = self.losses.train_discriminator(pictures[None], made, real)
        terms = self.losses.generator_losses(pictures[None], made, real)
        layers = reconstruction_loss(base[half : half + 1], real)
        for name in ("generator", "appearance"):
            self.optimizers[name].zero_grad(set_to_none=True)
        (terms["total"] + layers).backward()
        for name in ("generator", "appearance"):
            self.optimizers[name].step()
        return {name: float(value.detach()) for name, value in {**terms, **told, "layers": layers}.items()}
