"""The losses of FACIAL-GAN, their weights by name, and the least-squares adversarial terms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from face_model.tracks import BLINK, EXPRESSION, POSE
from foundation.errors import InputError
from motion_models.lips import Lips


@dataclass
class LossWeights:
    """Weights of the terms. All but `initial` and the lips' are mean squared errors, `*_velocity` of frame differences.

    initial: mean absolute error of the first frame against the initial state. adversarial: least-squares GAN. lips,
    lips_velocity: mean absolute error of what the expression does to the lips (see `Lips`). lip_amplitude: mean
    absolute error of the deviation over time of the openings between the lips; without it a network that is unsure
    opens the mouth half way.
    """

    expression: float = 1.0
    expression_velocity: float = 1.0
    pose: float = 1.0
    pose_velocity: float = 1.0
    blink: float = 1.0
    blink_velocity: float = 1.0
    initial: float = 1.0
    adversarial: float = 0.1
    lips: float = 0.0
    lips_velocity: float = 0.0
    lip_amplitude: float = 0.0


PRESETS: dict[str, LossWeights] = {
    # FACIAL, section 3.4: omega 1-6 for expression, pose, blink, velocity (of all), initial state, adversarial.
    "paper": LossWeights(2.0, 10.0, 1.0, 10.0, 5.0, 10.0, 10.0, 0.1),
    # The published fine-tuning code.
    "published": LossWeights(20.0, 200.0, 1.0, 10.0, 0.5, 1.0, 10.0, 0.1),
    # Ours: the published balance, plus what the eye sees of the expression: the lips, and how far they open.
    "ours": LossWeights(4.0, 20.0, 1.0, 10.0, 0.5, 1.0, 2.0, 0.1, lips=4.0, lips_velocity=8.0, lip_amplitude=2.0),
}


def loss_weights(preset: str, custom: LossWeights | None = None) -> LossWeights:
    """The weights of a preset, or `custom` when the preset is called so.

    Raises:
        InputError: no such preset.
    """
    if preset == "custom" and custom is not None:
        return custom
    if preset not in PRESETS:
        raise InputError(f"loss preset '{preset}'", f"one of {', '.join([*PRESETS, 'custom'])}")
    return PRESETS[preset]


def _masked(error: Tensor, mask: Tensor) -> Tensor:
    """Mean of `[B, T, N]` over the frames where mask `[B, T]` is 1."""
    return (error.mean(2) * mask).sum() / mask.sum().clamp(min=1.0)


def _deviation(values: Tensor, mask: Tensor) -> Tensor:
    """Deviation over time `[B, P]` of `[B, T, P]` over the frames where mask `[B, T]` is 1."""
    weight = mask[..., None] / mask.sum(1)[:, None, None].clamp(min=1.0)
    mean = (values * weight).sum(1, keepdim=True)
    return (((values - mean) ** 2 * weight).sum(1) + 1e-6).sqrt()


def regression_losses(
    made: Tensor, real: Tensor, initial: Tensor, mask: Tensor, lips: Lips | None = None
) -> dict[str, Tensor]:
    """Every term but the adversarial one, not weighted, named as in `LossWeights`.

    Args:
        made, real: normalised motions `[B, T, 71]`.
        initial: `[B, 71]`, what the network was told.
        mask: `[B, T]`, 1 where `real` was seen, else 0.
        lips: None leaves the lips' terms out.
    """
    error, both = made - real, mask[:, 1:] * mask[:, :-1]
    velocity = error.diff(dim=1)
    losses = {}
    for name, part in (("expression", EXPRESSION), ("pose", POSE), ("blink", BLINK)):
        losses[name] = _masked(error[..., part] ** 2, mask)
        losses[f"{name}_velocity"] = _masked(velocity[..., part] ** 2, both)
    losses["initial"] = ((made[:, 0] - initial).abs().mean(1) * mask[:, 0]).mean()
    if lips is not None:
        moved = error[..., EXPRESSION] @ lips.vertices
        losses["lips"] = _masked(moved.abs(), mask)
        losses["lips_velocity"] = _masked(moved.diff(dim=1).abs(), both)
        opened, wanted = (_deviation(motion[..., EXPRESSION] @ lips.gaps, mask) for motion in (made, real))
        losses["lip_amplitude"] = (opened - wanted).abs().mean()
    return losses


def weighted_sum(losses: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """The sum of the terms times their weights."""
    return torch.stack([getattr(weights, name) * value for name, value in losses.items()]).sum()


def generator_adversarial(scores: Tensor) -> Tensor:
    """Least-squares GAN, the generator's side: the discriminator should say 1."""
    return ((scores - 1) ** 2).mean()


def discriminator_adversarial(real_scores: Tensor, made_scores: Tensor) -> Tensor:
    """Least-squares GAN, the discriminator's side: 1 for real, 0 for made."""
    return 0.5 * (((real_scores - 1) ** 2).mean() + (made_scores**2).mean())
