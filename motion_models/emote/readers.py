"""What reads lips and emotion from a moving face, for the losses of stage 2 and for measuring.

The published system shows rendered faces to two pretrained networks. Here are their interfaces, and stand-ins that need
no picture: a lip-reading network of our own, and a descriptor of facial action. Another network, with a renderer before
it if it wants pictures, takes their place by having the same method.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from motion_models.emote.action_units import SIDE_OF, strengths
from motion_models.emote.emotions import KINDS, LEVELS
from motion_models.emote.faces import Face

MOUTH_UNIT_MM = 3.0
NEUTRAL_BELOW = LEVELS[0] / 2  # weaker than half of the weakest recorded intensity is no emotion
SPREAD_FLOOR = 0.01  # of an ARKit value: axes that speech never moves are not blown up


class LipReader(Protocol):
    """Reads speech content from a mouth."""

    def features(self, expression: Tensor) -> Tensor:
        """Content features `[B, T, N]` of expressions `[B, T, K]`, deviations from the speaker's mean; differentiable.
        """
        ...


class EmotionReader(Protocol):
    """Reads the emotion of a whole sequence."""

    def features(self, expression: Tensor, mask: Tensor) -> Tensor:
        """Emotion features `[B, N]` of expressions `[B, T, K]`, deviations from the speaker's mean, over the frames
        where mask `[B, T]` is 1; differentiable.
        """
        ...


class LipReadingNetwork(nn.Module):
    """Mouth motion to speech features: what it must know of the content to tell them, its last layer holds.

    It learns from faces in every emotion, so that the same words look alike to it whatever the emotion.

    Args:
        mouth_mm: `[K, 120]`, see `Face`. speech: size of the speech features that it learns to tell. width: of its
            layers.
    """

    mouth: Tensor

    def __init__(self, mouth_mm: np.ndarray, speech: int, width: int) -> None:
        super().__init__()
        columns = torch.from_numpy((mouth_mm / MOUTH_UNIT_MM).astype(np.float32))
        self.register_buffer("mouth", columns)
        self.layers = nn.Sequential(
            nn.Conv1d(columns.shape[1], width, 5, padding=2), nn.GELU(),
            nn.Conv1d(width, width, 5, padding=4, dilation=2), nn.GELU(),
        )  # fmt: skip
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.tell = nn.Linear(width, speech)

    def features(self, expression: Tensor) -> Tensor:
        """See `LipReader`."""
        return self.norm(self.layers((expression @ self.mouth).transpose(1, 2)).transpose(1, 2))

    def forward(self, expression: Tensor) -> Tensor:
        """Speech features `[B, T, F]`, normalised, as far as the mouth tells them."""
        return self.tell(self.features(expression))


class ActionUnitDescriptor:
    """Emotion by facial action: mean ARKit values of a sequence against FACS prototypes. Nothing in it is learned.

    The features are the ARKit values' deviations over their spread in neutral speech, and one constant, the size of a
    middling emotion: so the angle between two features tells intensity too, and a neutral face is not a direction.

    Args:
        face: of the expressions. spread: `[52]`, deviation of each ARKit value in neutral speech, see `arkit_spread`.
    """

    def __init__(self, face: Face, spread: np.ndarray, device: torch.device | str = "cpu") -> None:
        self.spread = spread
        read = face.arkit / (spread + SPREAD_FLOOR)
        made = np.stack([strengths(kind) @ face.units[SIDE_OF[kind]] for kind in KINDS[1:]])
        self.read = torch.from_numpy(read.astype(np.float32)).to(device)
        self.prototypes = torch.from_numpy((made @ read).astype(np.float32)).to(device)
        self.constant = float(LEVELS[1] * self.prototypes.norm(dim=1).mean())

    def features(self, expression: Tensor, mask: Tensor) -> Tensor:
        """See `EmotionReader`."""
        weight = mask / mask.sum(1, keepdim=True).clamp(min=1.0)
        values = torch.einsum("bt,btk->bk", weight, expression) @ self.read
        return torch.cat([values, torch.full_like(values[:, :1], self.constant)], dim=1)

    def amounts(self, features: Tensor) -> Tensor:
        """How much of each kind but neutral features `[B, N]` hold, `[B, 7]`; 1 is the prototype at full intensity."""
        return features[:, :-1] @ (self.prototypes / self.prototypes.square().sum(1, keepdim=True)).T

    def kinds(self, features: Tensor) -> Tensor:
        """Index in `KINDS` `[B]`: the prototype at the smallest angle, neutral when there is too little of it."""
        nearest = functional.normalize(features[:, :-1], dim=1) @ functional.normalize(self.prototypes, dim=1).T
        best = nearest.argmax(1)
        amount = self.amounts(features).gather(1, best[:, None])[:, 0]
        return torch.where(amount < NEUTRAL_BELOW, torch.zeros_like(best), best + 1)


def arkit_spread(face: Face, neutral: np.ndarray) -> np.ndarray:
    """Deviation `[52]` of each ARKit value over frames `[T, K]` of neutral speech."""
    return (neutral @ face.arkit).std(0).astype(np.float32)
