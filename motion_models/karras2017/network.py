"""From sound and an emotion to vertices (Karras et al. 2017, section 3 and table 1).

    slices [R, S, F] ─► FormantAnalysis ─► [R, S, C] ─► 64 about each frame ─► Articulation ─► vertices [R, n, 3V]
                                                             emotion [R, n, E] ──────┴── after every layer

Formant analysis looks at one slice of 16 ms at a time, so each slice is analysed once, whichever faces look at it; that
is a fifteenth of the paper's work for the same numbers. Faces at 30 a second do not start on whole slices (8 ms): what
was analysed is interpolated between neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

SLICE_RATE_HZ = 125.0
SLICES = 64  # that a face sees: 520 ms with the reach of a slice itself


class _NoisyConvolution(nn.Module):
    """Convolution and ReLU. In training each feature map that comes in is multiplied by noise ** N(0, 1), the same for
    all frames of a run, so that neighbours stay comparable (section 4.3).
    """

    def __init__(self, before: int, after: int, kernel: int, stride: int, noise: float, emotion: int = 0) -> None:
        super().__init__()
        padding = (kernel - 1) // 2 if stride > 1 else 0
        self.convolution = nn.Conv1d(before + emotion, after, kernel, stride, padding)
        self.log_noise = float(torch.log(torch.tensor(noise)))

    def forward(self, maps: Tensor, runs: int, emotion: Tensor | None = None) -> Tensor:
        """`[R * n, before, L]` to `[R * n, after, L']`; emotion `[R * n, E]` is appended to every place."""
        if self.training and self.log_noise > 0:
            gain = torch.exp(self.log_noise * torch.randn(runs, 1, maps.shape[1], 1, device=maps.device))
            maps = (maps.unflatten(0, (runs, -1)) * gain).flatten(0, 1)
        if emotion is not None:
            maps = torch.cat([maps, emotion[:, :, None].expand(-1, -1, maps.shape[2])], dim=1)
        return functional.relu(self.convolution(maps))


class FormantAnalysis(nn.Module):
    """Convolutions over the feature axis: what sounds at one instant.

    Args:
        features: numbers in a slice; 32 in the paper.
        widths: of the convolutions of stride 2.
        out: of the last one, which takes what is left of the axis.
        noise: see `KarrasConfig`.
    """

    def __init__(self, features: int, widths: Sequence[int], out: int, noise: float) -> None:
        super().__init__()
        layers, before, length = [], 1, features
        for width in widths:
            layers.append(_NoisyConvolution(before, width, 3, 2, noise))
            before, length = width, (length + 1) // 2
        layers.append(_NoisyConvolution(before, out, length, 1, noise))
        self.layers = nn.ModuleList(layers)

    def forward(self, slices: Tensor) -> Tensor:
        """`[R, S, F]` to `[R, S, out]`."""
        runs, count, _ = slices.shape
        maps = slices.reshape(runs * count, 1, -1)
        for layer in self.layers:
            maps = layer(maps, runs)
        return maps.reshape(runs, count, -1)


class Articulation(nn.Module):
    """Convolutions over time: 64 instants to one face, with the emotion after every layer.

    Args:
        width: of every layer.
        emotion: numbers in an emotion vector.
        noise: see `KarrasConfig`.
    """

    def __init__(self, width: int, emotion: int, noise: float) -> None:
        super().__init__()
        halvings = 4  # 64, 32, 16, 8, 4
        kernels = [(3, 2)] * halvings + [(SLICES >> halvings, 1)]
        self.layers = nn.ModuleList(
            _NoisyConvolution(width, width, kernel, stride, noise, emotion if index else 0)
            for index, (kernel, stride) in enumerate(kernels)
        )

    def forward(self, windows: Tensor, emotion: Tensor, runs: int) -> Tensor:
        """Windows `[R * n, width, 64]` and emotions `[R * n, E]` to `[R * n, width + E]`."""
        for index, layer in enumerate(self.layers):
            windows = layer(windows, runs, emotion if index else None)
        return torch.cat([windows[:, :, 0], emotion], dim=1)


class SpeechToFace(nn.Module):
    """The whole network.

    Args:
        formants, articulation: built parts.
        articulated: numbers that articulation gives.
        coding: numbers between it and the vertices.
        vertices: V.
    """

    def __init__(
        self, formants: FormantAnalysis, articulation: Articulation, articulated: int, coding: int, vertices: int
    ) -> None:
        super().__init__()
        self.formants, self.articulation = formants, articulation
        self.coding = nn.Linear(articulated, coding)
        self.decoder = nn.Linear(coding, 3 * vertices)

    @torch.no_grad()
    def start_from_shapes(self, mean_mm: Tensor, components_mm: Tensor) -> None:
        """Make the decoder that of a principal component analysis (section 3.3).

        Args:
            mean_mm: `[3V]`. components_mm: `[coding, 3V]`, each as long as its deviation.
        """
        self.decoder.weight.copy_(components_mm.T)
        self.decoder.bias.copy_(mean_mm)

    def forward(self, slices: Tensor, position: Tensor, emotion: Tensor) -> Tensor:
        """Vertex offsets from the neutral face, `[R, n, 3V]` in mm.

        Args:
            slices: `[R, S, F]`, consecutive ones of each run.
            position: `[R, n]`, where among them each face's 64 begin; at most S - 65.
            emotion: `[R, n, E]`.
        """
        return self.speak(self.formants(slices), position, emotion)

    def speak(self, analysed: Tensor, position: Tensor, emotion: Tensor) -> Tensor:
        """The same, from what formant analysis gave, `[R, S, C]`."""
        runs, frames = position.shape
        windows = self._windows(analysed, position)
        articulated = self.articulation(windows, emotion.flatten(0, 1), runs)
        return self.decoder(self.coding(articulated)).unflatten(0, (runs, frames))

    @staticmethod
    def _windows(analysed: Tensor, position: Tensor) -> Tensor:
        """The 64 places from each position on, `[R * n, C, 64]`."""
        runs, count, width = analysed.shape
        whole = position.floor()
        share = (position - whole).flatten()[:, None, None]
        rows = whole.long() + count * torch.arange(runs, device=position.device)[:, None]
        rows = rows.flatten()[:, None] + torch.arange(SLICES, device=position.device)
        flat = analysed.reshape(runs * count, width)
        low = flat.index_select(0, rows.flatten()).view(-1, SLICES, width)
        high = flat.index_select(0, (rows + 1).flatten()).view(-1, SLICES, width)
        return torch.lerp(low, high, share).transpose(1, 2)


class EmotionDatabase(nn.Module):
    """One learned vector for every training frame (section 3.2), of all clips one after another.

    Args:
        drawn: `[N, E]`, to start from.
    """

    def __init__(self, drawn: Tensor) -> None:
        super().__init__()
        self.vectors = nn.Parameter(drawn)

    def forward(self, frames: Tensor) -> Tensor:
        """Vectors `[..., E]` of frames `[...]`."""
        return self.vectors[frames]
