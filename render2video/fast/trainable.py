"""Training of appearance and `fast` generator together on one person's video."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW, Optimizer

from render2video.appearance import DrawnBatch, LayeredAppearance, appearance_for
from render2video.fast.config import FastConfig
from render2video.fast.generator import FastGenerator
from render2video.losses import reconstruction_loss, ssim_loss
from render2video.person_video import PersonVideo
from training.schedules import cosine_decay, set_learning_rate

MOUTH_REACH = 0.035  # of the crop's side that the mouth's weight reaches beyond the lips' opening


def paint(networks: nn.ModuleDict, drawn: DrawnBatch) -> tuple[Tensor, Tensor]:
    """The finished picture and the layered one, each `[B, 3, S, S]`, not clamped."""
    appearance, generator = networks["appearance"], networks["generator"]
    assert isinstance(appearance, LayeredAppearance) and isinstance(generator, FastGenerator)
    base, opacity = appearance(drawn)
    residual = generator(appearance.maps(drawn, base, opacity, generator.window_px))
    return base.detach() + drawn.placed(residual, base.shape[-1]), base


def pixel_weights(drawn: DrawnBatch, config: FastConfig) -> Tensor:
    """`[B, 1, S, S]`: how much each pixel counts."""
    reach = max(1, round(MOUTH_REACH * drawn.mouth.shape[-1]))
    mouth = functional.max_pool2d(drawn.mouth, 2 * reach + 1, 1, reach)
    return 1 + config.face_weight * drawn.face + config.mouth_weight * mouth + config.eye_weight * drawn.eye_mask


def edge_loss(made: Tensor, real: Tensor, weight: Tensor) -> Tensor:
    """Weighted L1 between the horizontal and vertical differences of neighbouring pixels."""
    error = made - real
    across = (error[..., :, 1:] - error[..., :, :-1]).abs() * weight[..., :, 1:]
    down = (error[..., 1:, :] - error[..., :-1, :]).abs() * weight[..., 1:, :]
    return (across.mean() + down.mean()) / weight.mean()


class FastTrainable:
    """What `training.train` runs."""

    def __init__(self, video: PersonVideo, config: FastConfig, seed: int, device: str = "cpu") -> None:
        self.video, self.config, self.device = video, config, device
        self.usable = np.flatnonzero(video.track.valid)
        torch.manual_seed(seed)
        start = torch.Generator().manual_seed(seed)
        appearance = appearance_for(video, config.texture_share, config.features, start, config.use_texture)
        painter = FastGenerator(appearance.map_count, video.renderer.window_px, config.width)
        self.networks = nn.ModuleDict({"appearance": appearance, "generator": painter}).to(device)
        self.first_guess = [layer.detach().clone() for layer in self._colours()]
        groups = [
            {
                "params": [appearance.plate, appearance.texture], "lr": config.colour_rate,
                "weight_decay": 0.0, "eps": config.colour_epsilon,
            },
            {"params": [appearance.features], "lr": config.feature_rate, "weight_decay": 0.0},
            {"params": list(painter.parameters()), "lr": config.network_rate},
        ]
        self.optimizers: Mapping[str, Optimizer] = {"all": AdamW(groups)}

    def _colours(self) -> list[Tensor]:
        """The layers' colours: `[3, S, S]` of the plate, `[3, H, H]` of the texture."""
        appearance = self.networks["appearance"]
        assert isinstance(appearance, LayeredAppearance)
        return [appearance.plate, appearance.texture[:3]]

    def _anchor(self) -> Tensor:
        """Mean squared distance of the layers' colours from the first guess, so that what no frame shows stays as
        guessed.
        """
        pairs = zip(self._colours(), self.first_guess, strict=True)
        return torch.stack([(layer - guess).square().mean() for layer, guess in pairs]).sum()

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One batch of frames drawn at random."""
        optimizer = self.optimizers["all"]
        set_learning_rate(optimizer, cosine_decay(progress))
        chosen = np.sort(generator.choice(self.usable, min(self.config.batch, len(self.usable)), replace=False))
        drawn = DrawnBatch([self.video.draw(int(i)) for i in chosen], self.device, self.config.use_eye_attention)
        real = torch.from_numpy(np.array(self.video.crops[chosen])).to(self.device).permute(0, 3, 1, 2).float() / 255
        picture, base = paint(self.networks, drawn)
        weight, window_px = pixel_weights(drawn, self.config), self.video.renderer.window_px
        losses = {
            "l1": reconstruction_loss(picture, real, weight),
            "square": ((picture - real).square() * weight).mean(),
            "ssim": ssim_loss(drawn.windowed(picture, window_px), drawn.windowed(real, window_px)),
            "edges": edge_loss(picture, real, weight),
            "anchor": self._anchor(),
            "base": reconstruction_loss(base, real) + (base - real).square().mean() * self.config.square,
        }
        total = (
            losses["l1"] + self.config.square * losses["square"]
            + self.config.similarity * losses["ssim"] + self.config.edges * losses["edges"]
            + self.config.base * losses["base"] + self.config.anchor * losses["anchor"]
        )
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        for group in optimizer.param_groups:
            nn.utils.clip_grad_norm_(group["params"], self.config.clip_norm)
        optimizer.step()
        return {name: float(value.detach()) for name, value in losses.items()}
