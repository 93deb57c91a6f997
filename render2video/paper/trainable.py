"""Training of the paper's generator on one person's video (FACIAL, sections 3.3 and 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from render2video.appearance import DrawnBatch, LayeredAppearance, appearance_for
from render2video.conditioning import Conditioning
from render2video.losses import GanLosses, load_perceptual, reconstruction_loss
from render2video.paper.config import PaperProfileConfig, create_discriminator, create_generator
from render2video.person_video import PersonVideo
from training.schedules import linear_decay_from, set_learning_rate


def rendered(
    appearance: LayeredAppearance, frames: list[Conditioning], config: PaperProfileConfig, device: str
) -> tuple[Tensor, Tensor | None]:
    """What the generator sees of frames: a picture and the eye map, `[B, 4, S, S]` without gradient; and the layers'
    picture `[B, 3, S, S]`, which has one, where it is they that are seen.
    """
    if config.picture == "layers":
        drawn = DrawnBatch(frames, device, config.use_eye_attention)
        base, _ = appearance(drawn)
        return torch.cat((base.detach().clamp(0, 1), drawn.eye_attention), dim=1), base
    lit = torch.from_numpy(np.stack([frame.lit for frame in frames])).to(device).permute(0, 3, 1, 2)
    eyes = torch.from_numpy(np.stack([frame.eye_attention for frame in frames])).to(device)[:, None]
    return torch.cat((lit, eyes * float(config.use_eye_attention)), dim=1), None


class PaperTrainable:
    """What `training.train` runs: one frame a step, the frame before it given as it was filmed."""

    def __init__(self, video: PersonVideo, config: PaperProfileConfig, seed: int, device: str = "cpu") -> None:
        self.video, self.config, self.device = video, config, device
        self.usable = np.flatnonzero(video.track.valid)
        torch.manual_seed(seed)
        layered = config.picture == "layers"
        appearance = (
            appearance_for(video, config.texture_share, 0, torch.Generator().manual_seed(seed))
            if layered else LayeredAppearance(video.size_px, 1, 0)
        )  # fmt: skip
        parts = {
            "appearance": appearance,
            "generator": create_generator(config.networks),
            "discriminator": create_discriminator(config.networks),
        }
        self.networks = nn.ModuleDict(parts).to(device)
        discriminating = Adam(self.networks["discriminator"].parameters(), config.rate, betas=(0.5, 0.999))
        self.optimizers: Mapping[str, Optimizer] = {
            "generator": Adam(self.networks["generator"].parameters(), config.rate, betas=(0.5, 0.999)),
            "discriminator": discriminating,
        }
        if layered:
            colours = Adam(appearance.parameters(), config.colour_rate, eps=config.colour_epsilon)
            self.optimizers = {**self.optimizers, "appearance": colours}
        perceptual = load_perceptual(Path(config.vgg_path) if config.vgg_path else None)
        if perceptual is not None:
            perceptual.to(device)
        self.losses = GanLosses(self.networks["discriminator"], discriminating, config.weights, perceptual)

    def _real(self, index: int) -> Tensor:
        frame = torch.from_numpy(np.array(self.video.crops[index])).to(self.device)
        return frame.permute(2, 0, 1)[None].float() / 255

    def _window(self, index: int) -> tuple[Tensor, Tensor | None]:
        """What `rendered` gives of the frames around a frame."""
        half, last = self.config.networks.window // 2, len(self.video.track) - 1
        frames = [self.video.draw(min(max(index + k, 0), last)) for k in range(-half, half + 1)]
        appearance = self.networks["appearance"]
        assert isinstance(appearance, LayeredAppearance)
        return rendered(appearance, frames, self.config, self.device)

    def _previous(self, index: int, draw: float) -> Tensor:
        """The frame before, as filmed, as the network makes it, or black. draw: 0-1."""
        if index == 0 or draw < self.config.no_previous:
            return torch.zeros_like(self._real(index))
        if draw > self.config.no_previous + self.config.own_previous:
            return self._real(index - 1)
        pictures, _ = self._window(index - 1)
        with torch.no_grad():
            earlier = self._real(index - 2) if index > 1 else torch.zeros_like(self._real(0))
            return self.networks["generator"](pictures[None], earlier).clamp(0, 1)

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One frame drawn at random, its window, and the frame before."""
        factor = linear_decay_from(progress, self.config.decay_from)
        for optimizer in self.optimizers.values():
            set_learning_rate(optimizer, factor)
        index = int(generator.choice(self.usable))
        pictures, base = self._window(index)
        real, half = self._real(index), self.config.networks.window // 2
        previous = self._previous(index, float(generator.random()))
        made = self.networks["generator"](pictures[None], previous)
        told = self.losses.train_discriminator(pictures[None], made, real)
        terms = self.losses.generator_losses(pictures[None], made, real)
        total, named = terms["total"], {**terms, **told}
        if base is not None:
            named["layers"] = reconstruction_loss(base[half : half + 1], real)
            total = total + named["layers"]
        learning = [optimizer for name, optimizer in self.optimizers.items() if name != "discriminator"]
        for optimizer in learning:
            optimizer.zero_grad(set_to_none=True)
        total.backward()
        for optimizer in learning:
            optimizer.step()
        return {name: float(value.detach()) for name, value in named.items()}
