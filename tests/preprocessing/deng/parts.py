"""Deng's regressor in plain steps: the network from its weights' names; and faces for it to see."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as torch_functional
from scipy.spatial.transform import Rotation

from preprocessing.tracking.landmarks import LandmarkTrack

# ResNet-50: stage, channels inside its blocks, how many blocks.
PLAN = ((1, 64, 3), (2, 128, 4), (3, 256, 6), (4, 512, 3))
HEADS = (80, 64, 80, 3, 27, 2, 1)
FIVE_DM = np.array(
    [[-0.31, 0.29, 0.13], [0.31, 0.29, 0.13], [0.0, -0.05, 0.55], [-0.25, -0.38, 0.22], [0.25, -0.38, 0.22]]
)


def weights_of_true_names(seed: int = 0) -> dict[str, torch.Tensor]:
    """Random content under every name of the published network."""
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, torch.Tensor] = {}

    def convolution(name: str, out: int, given: int, side: int) -> None:
        shape = (out, given, side, side)
        weights[f"{name}.weight"] = torch.randn(shape, generator=generator) * (2 / (given * side**2)) ** 0.5

    def normalisation(name: str, size: int, strength: float = 1.0) -> None:
        weights[f"{name}.weight"] = strength * (0.5 + torch.rand(size, generator=generator))
        weights[f"{name}.bias"] = 0.1 * torch.randn(size, generator=generator)
        weights[f"{name}.running_mean"] = 0.1 * torch.randn(size, generator=generator)
        weights[f"{name}.running_var"] = 0.5 + torch.rand(size, generator=generator)
        weights[f"{name}.num_batches_tracked"] = torch.tensor(7)

    convolution("backbone.conv1", 64, 3, 7)
    normalisation("backbone.bn1", 64)
    given = 64
    for stage, inside, blocks in PLAN:
        for block in range(blocks):
            name = f"backbone.layer{stage}.{block}"
            convolution(f"{name}.conv1", inside, given, 1)
            normalisation(f"{name}.bn1", inside)
            convolution(f"{name}.conv2", inside, inside, 3)
            normalisation(f"{name}.bn2", inside)
            convolution(f"{name}.conv3", 4 * inside, inside, 1)
            normalisation(f"{name}.bn3", 4 * inside, 0.3)
            if block == 0:
                convolution(f"{name}.downsample.0", 4 * inside, given, 1)
                normalisation(f"{name}.downsample.1", 4 * inside)
            given = 4 * inside
    for index, size in enumerate(HEADS):
        weights[f"final_layers.{index}.weight"] = torch.randn(size, 2048, 1, 1, generator=generator) * 0.003
        weights[f"final_layers.{index}.bias"] = 0.05 * torch.randn(size, generator=generator)
    return weights


def plain_network(w: dict[str, torch.Tensor], pictures: np.ndarray) -> np.ndarray:
    """The 257 of pictures `[N, 224, 224, 3]` uint8, from the weights by their names."""

    def normalised(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, scale, shift = (
            w[f"{name}.{part}"].double()[:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * scale + shift

    def convolved(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        kernel = w[f"{name}.weight"].double()
        return torch_functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    x = torch.from_numpy(pictures).double().permute(0, 3, 1, 2) / 255
    x = normalised(convolved(x, "backbone.conv1", 2), "backbone.bn1").clamp(min=0)
    x = torch_functional.max_pool2d(x, kernel_size=3, stride=2, padding=1)
    for stage, _, blocks in PLAN:
        for block in range(blocks):
            name, stride = f"backbone.layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = normalised(convolved(x, f"{name}.conv1"), f"{name}.bn1").clamp(min=0)
            y = normalised(convolved(y, f"{name}.conv2", stride), f"{name}.bn2").clamp(min=0)
            y = normalised(convolved(y, f"{name}.conv3"), f"{name}.bn3")
            if block == 0:
                x = normalised(convolved(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
            x = (x + y).clamp(min=0)
    x = x.mean(dim=(2, 3))
    heads = [x @ w[f"final_layers.{k}.weight"].double()[:, :, 0, 0].T + w[f"final_layers.{k}.bias"] for k in range(7)]
    return torch.cat(heads, dim=1).numpy()


def seen_face(rng: np.random.Generator, frame_px: tuple[int, int], px_per_dm: float) -> np.ndarray:
    """Five points of a turned face somewhere in the frame."""
    turn = Rotation.from_euler("xyz", rng.uniform(-0.4, 0.4, 3)).as_matrix()
    flat = (FIVE_DM @ turn.T)[:, :2] * (1, -1) * px_per_dm
    return flat + rng.uniform(0.3, 0.7, 2) * frame_px + rng.normal(0, 0.01 * px_per_dm, (5, 2))


def landmark_track(five: np.ndarray, frame_px: tuple[int, int], valid: np.ndarray) -> LandmarkTrack:
    """68 landmarks whose five points are these `[T, 5, 2]`."""
    count = len(five)
    points = np.random.default_rng(5).uniform(100, 200, (count, 68, 3)).astype(np.float32)
    for places, index in (((36, 39), 0), ((42, 45), 1), ((30,), 2), ((48,), 3), ((54,), 4)):
        for sign, place in zip((-1, 1), places, strict=False):
            points[:, place, :2] = five[:, index] + (sign * np.array([5.0, 0]) if len(places) > 1 else 0)
    empty = np.zeros((count, 0), np.float32)
    ones = valid.astype(np.float32)
    return LandmarkTrack(25, *frame_px, points, empty, ones, valid, valid.astype(np.int32), 0 * ones, "a.mkv", "made")
