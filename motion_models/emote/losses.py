"""The losses of EMOTE: vertices, the prior's divergence, lip reading, emotion, and both for exchanged emotions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from motion_models.emote.config import LossWeights
from motion_models.emote.faces import Face
from motion_models.emote.readers import EmotionReader, LipReader

LIP_POINTS = 40


@dataclass(frozen=True)
class Geometry:
    """What an expression error, of expressions divided by `scale`, moves. vertices: `[K, K]`, mouth: `[K, 120]`."""

    vertices: Tensor
    mouth: Tensor
    scale: float

    @staticmethod
    def of(face: Face, scale: float, device: torch.device | str) -> Geometry:
        """Of a face."""
        return Geometry(face.tensor("vertices", scale, device), face.tensor("mouth_mm", scale, device), scale)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `[B, T]` over the frames where mask `[B, T]` is 1."""
    return (values * mask).sum() / mask.sum().clamp(min=1.0)


def vertex_losses(made: Tensor, real: Tensor, mask: Tensor, geometry: Geometry) -> dict[str, Tensor]:
    """Mean squared distance in mm^2 of all vertices, and of the lips' points, of expressions `[B, T, K]`."""
    error = made - real
    return {
        "vertices": masked_mean((error @ geometry.vertices).square().sum(-1), mask),
        "lips": masked_mean((error @ geometry.mouth).square().sum(-1) / LIP_POINTS, mask),
    }


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of a latent from a standard normal, mean over the latents `[B, N, L]`."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(-1).mean()


def perceptual_losses(
    made: Tensor, content: Tensor, mask: Tensor, emotional: Tensor, emotional_mask: Tensor, scale: float,
    lips: LipReader, emotion: EmotionReader,
) -> dict[str, Tensor]:
    """1 - cosine of what the readers see, of the output against what it should look like.

    Args:
        made: `[B, T, K]`. content: whose words it should say. emotional: whose emotion it should show. mask,
            emotional_mask: `[B, T]`, their frames that were seen.
    """
    with torch.no_grad():
        words, mood = lips.features(content * scale), emotion.features(emotional * scale, emotional_mask)
    said = functional.cosine_similarity(lips.features(made * scale), words, dim=-1)
    felt = functional.cosine_similarity(emotion.features(made * scale, mask), mood, dim=-1)
    return {"lip_reading": 1 - masked_mean(said, mask), "emotion": (1 - felt).mean()}


def weighted_sum(losses: dict[str, Tensor], weights: LossWeights) -> Tensor:
    """The sum of the terms times their weights; `exchanged_*` weighs as what it is of, times `exchange`."""
    total = torch.zeros((), device=next(iter(losses.values())).device)
    for name, value in losses.items():
        plain = name.removeprefix("exchanged_")
        share = weights.exchange if plain != name else 1.0
        total = total + share * getattr(weights, plain) * value
    return total
