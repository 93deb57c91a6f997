"""The three networks of FACIAL-GAN (Zhang et al., ICCV 2021, section 3).

    windows [B, T, S, F] ──centre rows──► TemporalCorrelation ◄── initial [B, M]
            │                                   │ context [B, T, C]
            └──► LocalPhonetic ──► local [B, T, L] ──┴──► linear ──► motion [B, T, M]

B clips, T frames of a window (128), S speech steps a frame sees (16), F feature size, M motion size (71). Motions are
normalised (`motion_models.statistics`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the customary name)

PICTURE_COLUMNS = 2  # what is left of DeepSpeech's 29 columns after the published convolutions


class LocalPhonetic(nn.Module):
    """The sound now: a window of speech steps becomes one vector.

    Args:
        feature_size: F.
        widths: channels of the stride-2 convolutions, which together must bring the window down to one step.
        size: L, length of the result.
    """

    def __init__(self, feature_size: int, widths: tuple[int, ...], size: int) -> None:
        super().__init__()
        channels = (feature_size, *widths)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Conv1d(a, b, 3, stride=2, padding=1), nn.ReLU(), nn.BatchNorm1d(b))
                for a, b in zip(channels, widths, strict=False)
            )
        )
        self.linear = nn.Linear(widths[-1], size)
        self.norm = nn.BatchNorm1d(size)

    def forward(self, windows: Tensor) -> Tensor:
        """`[N, S, F]` -> `[N, L]`."""
        hidden = self.layers(windows.transpose(1, 2))
        assert hidden.shape[-1] == 1, "the strides must bring the window down to one step"
        return self.norm(torch.tanh(self.linear(hidden[..., 0])))


class UNet1d(nn.Module):
    """A U-Net over time: `len(widths)` halvings, as many doublings, skips between.

    Args:
        size: channels in and out.
        widths: channels after each halving.
    """

    def __init__(self, size: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        last = len(widths) - 1
        self.downs = nn.ModuleList(
            nn.Conv1d(a, b, 4, stride=2, padding=1, bias=False) for a, b in zip((size, *widths), widths, strict=False)
        )
        # Neither the outermost nor the innermost step is normalised on its way down.
        self.down_norms = nn.ModuleList(
            nn.Identity() if i in (0, last) else nn.BatchNorm1d(w) for i, w in enumerate(widths)
        )
        doubled = [
            width if i == last else 2 * width for i, width in enumerate(widths)
        ]  # skip and what comes from below
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(doubled[i], widths[i - 1], 4, stride=2, padding=1, bias=False)
            for i in range(last, 0, -1)
        )
        self.up_norms = nn.ModuleList(nn.BatchNorm1d(widths[i - 1]) for i in range(last, 0, -1))
        self.out = nn.ConvTranspose1d(doubled[0], size, 4, stride=2, padding=1)

    def forward(self, values: Tensor) -> Tensor:
        """`[B, C, T]` -> `[B, C, T]` in -1..1; T a multiple of 2 to the number of halvings."""
        skips: list[Tensor] = []
        hidden = values
        for index, (down, norm) in enumerate(zip(self.downs, self.down_norms, strict=True)):
            if index > 0:
                skips.append(hidden)
                hidden = F.leaky_relu(hidden, 0.2)
            hidden = norm(down(hidden))
        for up, norm in zip(self.ups, self.up_norms, strict=True):
            hidden = torch.cat([skips.pop(), norm(up(F.relu(hidden)))], dim=1)
        return torch.tanh(self.out(F.relu(hidden)))


class TemporalCorrelation(nn.Module):
    """The sound around, and where the face started: a vector of context for each frame of a window.

    Args:
        feature_size: F.
        motion_size: M, or 0 for a network that is not told the initial state (an ablation).
        picture_widths: channels of three 4x4 convolutions and one 3x1 over the picture of frames by features.
        unet_widths: channels after each halving of time.
        join_widths: channels of the convolutions over context and initial state.
        size: C, length of the result.
        dropout: share of the picture's channels dropped in training, whole over time.
    """

    def __init__(
        self,
        feature_size: int,
        motion_size: int,
        picture_widths: tuple[int, int, int, int],
        unet_widths: tuple[int, ...],
        join_widths: tuple[int, ...],
        size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        a, b, c, d = picture_widths
        self.picture = nn.ModuleList(
            [
                nn.Conv2d(1, a, 4, stride=2, padding=(2, 0)),
                nn.Conv2d(a, b, 4, stride=2, padding=(2, 0)),
                nn.Conv2d(b, c, 4, padding=(2, 0)),
                nn.Conv2d(c, d, (3, 1), padding=(1, 0)),
            ]
        )
        self.picture_norms = nn.ModuleList(nn.BatchNorm2d(width) for width in picture_widths)
        self.dropout = nn.Dropout1d(dropout)
        self.unet = UNet1d(d, unet_widths)
        self.uses_initial = motion_size > 0
        joined = (d + motion_size, *join_widths)
        self.join = nn.ModuleList(nn.Conv1d(i, o, 3, padding=1) for i, o in zip(joined, join_widths, strict=False))
        self.join_norms = nn.ModuleList(nn.BatchNorm1d(width) for width in join_widths)
        self.out = nn.Conv1d(joined[-1], size, 3, padding=1)
        self.shortest_feature = 4 + 2 * (4 + 2 * 3)  # fewer columns do not survive the three 4x4 convolutions

    def forward(self, rows: Tensor, initial: Tensor) -> Tensor:
        """rows `[B, T, F]`, initial `[B, M]` -> `[B, T, C]`."""
        frames = rows.shape[1]
        hidden = F.pad(rows, (0, max(0, self.shortest_feature - rows.shape[2])))[:, None]
        for convolution, norm in zip(self.picture, self.picture_norms, strict=True):
            hidden = F.leaky_relu(norm(convolution(hidden)))
        # The published network lets the two columns that are left follow each other in time, then shrinks to T.
        if hidden.shape[3] > PICTURE_COLUMNS:
            hidden = F.adaptive_avg_pool2d(hidden, (hidden.shape[2], PICTURE_COLUMNS))
        hidden = F.interpolate(hidden.flatten(2), frames, mode="linear", align_corners=True)
        hidden = self.unet(self.dropout(hidden))
        if self.uses_initial:
            hidden = torch.cat([hidden, initial[:, :, None].expand(-1, -1, frames)], dim=1)
        for join, norm in zip(self.join, self.join_norms, strict=True):
            hidden = F.leaky_relu(norm(join(hidden)))
        return self.out(hidden).transpose(1, 2)


class Generator(nn.Module):
    """Speech windows and an initial state to motion.

    Args:
        local: the local phonetic generator, `[N, S, F]` -> `[N, L]`.
        local_size: L.
        context: the temporal correlation generator, or None (an ablation: the sound now is all there is).
        context_size: C.
        motion_size: M.
        dropout: share of the joined vector dropped in training.
    """

    def __init__(
        self,
        local: nn.Module,
        local_size: int,
        context: TemporalCorrelation | None,
        context_size: int,
        motion_size: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.local, self.context = local, context
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(local_size + (0 if context is None else context_size), motion_size)

    def forward(self, windows: Tensor, initial: Tensor, first: int = 0) -> Tensor:
        """windows `[B, T, S, F]`, initial `[B, M]` (the motion of frame 0) -> motion `[B, T, M]`.

        first: of the frames that are wanted; those before it lack the sound now, and cost less.
        """
        batch, frames, steps, size = windows.shape
        now = self.local(windows[:, first:].reshape(-1, steps, size)).reshape(batch, frames - first, -1)
        joined = F.pad(now, (0, 0, first, 0))
        if self.context is not None:
            joined = torch.cat([joined, self.context(windows[:, :, steps // 2], initial)], dim=2)
        return self.head(self.dropout(joined))


class Discriminator(nn.Module):
    """Judges patches of a motion and its frame differences, laid out as a picture.

    Args:
        width: channels of the first layer.
        strided: how many layers halve the picture.
    """

    def __init__(self, width: int, strided: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, width, 3, stride=2, padding=1), nn.LeakyReLU(0.2)]
        channels = width
        for index in range(1, strided + 1):
            stride = 2 if index < strided else 1
            layers += [nn.Conv2d(channels, 2 * channels, 3, stride=stride, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(2 * channels), nn.LeakyReLU(0.2)]
            channels *= 2
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, picture: Tensor) -> Tensor:
        """`with_velocity` of a motion, `[B, 2T - 1, M]` -> scores of patches `[B, 1, ...]`: 1 real, 0 generated."""
        return self.layers(picture[:, None])


def with_velocity(motion: Tensor) -> Tensor:
    """A motion `[B, T, M]` followed by its frame differences: `[B, 2T - 1, M]`."""
    return torch.cat([motion, motion.diff(dim=1)], dim=1)
