"""Weights of the published FACIAL networks onto ours: a table of names, nothing else differs.

The published local generator keeps its 1-D convolutions as 2-D ones of width 1; that axis is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from face_model.tracks import MOTION_SIZE
from facial_gan.networks import Discriminator, Generator, create_generator
from foundation.errors import InputError

DEEPSPEECH_SIZE = 29
_UNET_DEPTH = 5


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
    for index, published in enumerate(("42", "52")):
        names[f"conv{published}"] = f"context.join.{index}"
        names[f"bn{published}"] = f"context.join_norms.{index}"
    return names | {"conv62": "context.out", "G1.fc1": "local.linear", "G1.bn1": "local.norm", "G1.fc2": "head"}


def discriminator_names() -> dict[str, str]:
    """Published module names of the discriminator to ours."""
    return {f"model.{index}": f"layers.{index}" for index in (0, 2, 3, 5, 6, 8, 9, 11)}


def _load(network: nn.Module, published: Mapping[str, np.ndarray], names: Mapping[str, str], what: str) -> None:
    wanted = network.state_dict()
    state: dict[str, Tensor] = {}
    for key, value in published.items():
        module, _, leaf = key.rpartition(".")
        if module not in names or (ours := f"{names[module]}.{leaf}") not in wanted:
            raise InputError(
                f"tensor '{key}'", f"a tensor of the published {what}", "use the weights of the published release"
            )
        tensor = torch.from_numpy(np.array(value)).to(wanted[ours].dtype)
        if tensor.ndim == wanted[ours].ndim + 1 and tensor.shape[-1] == 1:
            tensor = tensor[..., 0]
        if tensor.shape != wanted[ours].shape:
            raise InputError(f"tensor '{key}' of shape {tuple(tensor.shape)}", f"{tuple(wanted[ours].shape)}")
        state[ours] = tensor
    if missing := sorted(wanted.keys() - state.keys()):
        raise InputError(f"published {what} without {len(missing)} tensors ({missing[0]}, ...)", "all of its tensors")
    network.load_state_dict(state)


def import_generator(published: Mapping[str, np.ndarray]) -> Generator:
    """The published generator (DeepSpeech features, 71 outputs), in evaluation mode.

    Args:
        published: tensors by their published names (without a prefix).

    Raises:
        InputError: a tensor is missing, unknown, or has another shape.
    """
    generator = create_generator(DEEPSPEECH_SIZE, MOTION_SIZE)
    _load(generator, published, generator_names(), "generator")
    return generator.eval()


def import_discriminator(published: Mapping[str, np.ndarray]) -> Discriminator:
    """The published discriminator, in evaluation mode. Raises as `import_generator`."""
    discriminator = Discriminator()
    _load(discriminator, published, discriminator_names(), "discriminator")
    return discriminator.eval()
