"""Weights of the published FACIAL networks onto ours: a table of names, nothing else differs.

The published local generator keeps its 1-D convolutions as 2-D ones of width 1; that axis is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from face_model import deng
from face_model.published_facial import PICTURE_PX, PublishedFit
from face_model.tracks import MOTION_FPS, MOTION_SIZE, POSE
from facial_gan.building import build_generator, published
from facial_gan.networks import Generator
from facial_gan.synthesis import FacialGan
from foundation.errors import InputError
from motion_models.liveliness import BlinkHabit, measure_blinks
from motion_models.statistics import FeatureStatistics, measure_statistics

DEEPSPEECH, DEEPSPEECH_SIZE = "deepspeech", 29
_UNET_DEPTH = 5
# The published vector has scale, shift right, shift up where ours has x, y, z (which follows from the scale).
_OUR_ORDER = [0, 1, 2, 4, 5, 3, *range(6, MOTION_SIZE)]


def _unet_names() -> dict[str, str]:
    """Published modules of the U-Net, which nests each level in the one above, to ours."""
    names, prefix = (
        {"model.model.0": "context.unet.downs.0", "model.model.3": "context.unet.out"},
        "model.model.1.model.",
    )
    for depth in range(1, _UNET_DEPTH):
        innermost = depth == _UNET_DEPTH - 1
        up = _UNET_DEPTH - 1 - depth
        names[f"{prefix}1"] = f"context.unet.downs.{depth}"
        if not innermost:
            names[f"{prefix}2"] = f"context.unet.down_norms.{depth}"
        names[f"{prefix}{3 if innermost else 5}"] = f"context.unet.ups.{up}"
        names[f"{prefix}{4 if innermost else 6}"] = f"context.unet.up_norms.{up}"
        prefix += "3.model."
    return names


def generator_names() -> dict[str, str]:
    """Published module names of the generator to ours."""
    names = _unet_names()
    for index in range(4):
        names[f"conv{index + 1}1"] = f"context.picture.{index}"
        names[f"bn{index + 1}1"] = f"context.picture_norms.{index}"
        names[f"G1.conv{index + 1}.0"] = f"local.layers.{index}.0"
        names[f"G1.conv{index + 1}.2"] = f"local.layers.{index}.2"
    for index, name in enumerate(("42", "52")):
        names[f"conv{name}"] = f"context.join.{index}"
        names[f"bn{name}"] = f"context.join_norms.{index}"
    return names | {"conv62": "context.out", "G1.fc1": "local.linear", "G1.bn1": "local.norm", "G1.fc2": "head"}


def _load(network: nn.Module, weights: Mapping[str, np.ndarray], names: Mapping[str, str]) -> None:
    wanted = network.state_dict()
    state: dict[str, Tensor] = {}
    for key, value in weights.items():
        module, _, leaf = key.rpartition(".")
        if module not in names or (ours := f"{names[module]}.{leaf}") not in wanted:
            raise InputError(
                f"tensor '{key}'", "a tensor of the published generator", "use the weights of the published release"
            )
        tensor = torch.from_numpy(np.array(value)).to(wanted[ours].dtype)
        if tensor.ndim == wanted[ours].ndim + 1 and tensor.shape[-1] == 1:
            tensor = tensor[..., 0]
        if tensor.shape != wanted[ours].shape:
            raise InputError(f"tensor '{key}' of shape {tuple(tensor.shape)}", f"{tuple(wanted[ours].shape)}")
        state[ours] = tensor
    if missing := sorted(wanted.keys() - state.keys()):
        raise InputError(f"a generator without {len(missing)} tensors ({missing[0]}, ...)", "all of its tensors")
    network.load_state_dict(state)


def import_generator(weights: Mapping[str, np.ndarray]) -> Generator:
    """The published generator (DeepSpeech features, 71 outputs), in evaluation mode.

    Args:
        weights: tensors by their published names (without a prefix).

    Raises:
        InputError: a tensor is missing, unknown, or has another shape.
    """
    generator = build_generator(published(), DEEPSPEECH_SIZE)
    _load(generator, weights, generator_names())
    return generator.eval()


def import_motion_model(
    published_weights: Mapping[str, np.ndarray], fit: PublishedFit, blink: np.ndarray | None = None,
    size_px: int = PICTURE_PX,
) -> FacialGan:
    """The published generator of a person as a motion model of this product: DeepSpeech in, motion of Deng's model out.

    The network works on pose z-scored by the fit's statistics, and on AU45 and expression as they are. A translation
    follows from scale and shift by a division; about the mean it is taken as straight, which is off by less than a
    tenth of a pixel. The head's origin is that of the model's own file, as in `read_motion` without a centre.

    Args:
        published_weights: as in `import_generator`.
        fit: of the person's video; its mean and deviation belong to the network.
        blink: AU45 `[T]` of the person, of any clip; None for how people blink in general.
        size_px: of the fitted video.

    Raises:
        InputError: as `import_generator`, or a fit of fewer than two frames.
    """
    generator = import_generator(published_weights)
    assert generator.context is not None
    join = generator.context.join[0]
    assert isinstance(join, nn.Conv1d)
    with torch.no_grad():
        generator.head.weight.copy_(generator.head.weight[_OUR_ORDER])
        generator.head.bias.copy_(generator.head.bias[_OUR_ORDER])
        join.weight[:, -MOTION_SIZE:] = join.weight[:, -MOTION_SIZE:][:, _OUR_ORDER].clone()
    rows = fit.motion(np.zeros(len(fit.pose)), size_px=size_px).pack().astype(np.float64)
    measured = measure_statistics(rows, MOTION_FPS)
    mean, scale = np.zeros(MOTION_SIZE, np.float32), np.ones(MOTION_SIZE, np.float32)
    mean[POSE], scale[POSE] = rows[:, POSE].mean(0), np.maximum(rows[:, POSE].std(0), 1e-6)
    chosen = np.linspace(0, len(rows) - 1, len(measured.states)).astype(int)
    statistics = replace(measured, mean=mean, scale=scale, states=((rows[chosen] - mean) / scale).astype(np.float32))
    features = FeatureStatistics(np.zeros(DEEPSPEECH_SIZE, np.float32), 1.0, np.zeros(DEEPSPEECH_SIZE, np.float32))
    habit = BlinkHabit() if blink is None else measure_blinks([blink], MOTION_FPS)
    return FacialGan(generator, statistics, features, habit, published(), DEEPSPEECH, deng.ID)
