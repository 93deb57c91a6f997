"""FLINT, the motion prior (a temporal VAE), and the network from speech and condition to its latents.

    expression [B, T, K] -> encoder -> mean, log-variance [B, T / 8, L]        FLINT, trained first
                            decoder <- latent [B, T / 8, L]
    speech [B, T + 12, F] --\\
    condition [B, T, C] ------> one transformer layer -> 8 frames squashed to a latent -> FLINT's decoder, frozen

Source: Danecek et al. 2023, section 3 and supplement.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from motion_models.emote.attention import TransformerLayer
from motion_models.emote.config import PriorSize, SpeakerSize

LATENT_FRAMES = 8  # q: frames that one latent stands for
PRIOR_WINDOW = 32  # frames that FLINT learns from at once
WINDOW = 64  # frames that EMOTE learns from at once
PERIOD_FRAMES = 30  # steps in which EMOTE's attention bias falls
LEAK = 0.2
KERNEL = 5
# Frames either side that an expression depends on: EMOTE's attention, then the decoder's over latents, and its
# convolutions over latents, half latents and so on.
REACH_FRAMES = WINDOW + PRIOR_WINDOW + 4 * LATENT_FRAMES
SPEECH_REACH = 6  # frames of speech that the front end needs before and after


class _Frames(nn.Module):
    """A network over channels-first sequences, for sequences `[B, T, N]`."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, values: Tensor) -> Tensor:
        return self.layers(values.transpose(1, 2)).transpose(1, 2)


def _convolved(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv1d(inputs, outputs, KERNEL, stride, KERNEL // 2), nn.LeakyReLU(LEAK), nn.BatchNorm1d(outputs)]


def _over_latents(size: PriorSize) -> TransformerLayer:
    return TransformerLayer(
        size.width, size.heads, size.feed_forward, reach=PRIOR_WINDOW // LATENT_FRAMES, period=1, dropout=0.1
    )


class PriorEncoder(nn.Module):
    """Expression `[B, T, K]` to mean and log-variance of the latents, `[B, T / 8, L]` each; T a multiple of 8."""

    def __init__(self, expression: int, size: PriorSize) -> None:
        super().__init__()
        self.shorten = _Frames(
            *_convolved(expression, size.width, 2), *_convolved(size.width, size.width, 2),
            *_convolved(size.width, size.width, 2),
        )  # fmt: skip
        self.linear = nn.Linear(size.width, size.width)
        self.transformer = _over_latents(size)
        self.to_latent = nn.Linear(size.width, 2 * size.latent)

    def forward(self, expression: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.to_latent(self.transformer(self.linear(self.shorten(expression)))).chunk(2, dim=-1)
        return mean, log_variance.clamp(-10.0, 10.0)


class PriorDecoder(nn.Module):
    """Latents `[B, T / 8, L]` to expression `[B, T, K]`. Starts at zero expression: its last linear layer is zero."""

    def __init__(self, expression: int, size: PriorSize) -> None:
        super().__init__()
        self.linear = nn.Linear(size.latent, size.width)
        self.transformer = _over_latents(size)
        self.lengthen = _Frames(
            nn.ConvTranspose1d(size.width, size.width, KERNEL, 2, KERNEL // 2, output_padding=1),
            nn.LeakyReLU(LEAK), nn.BatchNorm1d(size.width),
            nn.Upsample(scale_factor=2), *_convolved(size.width, size.width),
            nn.Upsample(scale_factor=2), *_convolved(size.width, size.width),
        )  # fmt: skip
        self.to_expression = nn.Linear(size.width, expression)
        self.smooth = _Frames(nn.Conv1d(expression, expression, KERNEL, 1, KERNEL // 2))
        nn.init.zeros_(self.to_expression.weight)
        nn.init.zeros_(self.to_expression.bias)

    def forward(self, latent: Tensor) -> Tensor:
        return self.smooth(self.to_expression(self.lengthen(self.transformer(self.linear(latent)))))


class Prior(nn.Module):
    """FLINT: encoder and decoder."""

    def __init__(self, expression: int, size: PriorSize) -> None:
        super().__init__()
        self.encoder, self.decoder = PriorEncoder(expression, size), PriorDecoder(expression, size)

    def forward(self, expression: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Expression `[B, T, K]` again, through a drawn latent (its mean in evaluation), mean and log-variance."""
        mean, log_variance = self.encoder(expression)
        latent = mean
        if self.training:
            latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decoder(latent), mean, log_variance


class SpeechFrontEnd(nn.Module):
    """Speech features, a row a frame, `[B, T + 12, F]` to `[B, T, W]`. In the paper this is wav2vec2's transformer."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.layers = _Frames(
            nn.Conv1d(features, width, KERNEL), nn.GELU(), nn.Conv1d(width, width, KERNEL, dilation=2), nn.GELU()
        )

    def forward(self, rows: Tensor) -> Tensor:
        return self.layers(rows)


class SpeechToPrior(nn.Module):
    """Speech `[B, T + 12, F]` and conditions `[B, T, C]` to latents of the prior `[B, T / 8, L]`; T a multiple of 8.

    The condition is an emotion's code and a style's; see `emotions` and `model`.
    """

    def __init__(self, features: int, condition: int, latent: int, size: SpeakerSize) -> None:
        super().__init__()
        width = size.speech + size.condition
        self.speech = SpeechFrontEnd(features, size.speech)
        self.from_speech = nn.Linear(size.speech, size.speech)
        self.condition = nn.Linear(condition, size.condition)
        self.dropout = nn.Dropout(size.dropout)
        self.transformer = TransformerLayer(
            width, size.heads, size.feed_forward, WINDOW, PERIOD_FRAMES, size.dropout
        )
        self.linear = nn.Linear(width, size.speech)
        self.squash = nn.Linear(LATENT_FRAMES * size.speech, latent)

    def forward(self, rows: Tensor, condition: Tensor) -> Tensor:
        heard = self.dropout(self.from_speech(self.speech(rows)))
        joined = self.transformer(torch.cat([heard, self.condition(condition)], dim=-1))
        frames = nn.functional.gelu(self.linear(joined))
        return self.squash(frames.unflatten(1, (-1, LATENT_FRAMES)).flatten(2))
