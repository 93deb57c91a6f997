"""Training state as one safetensors file: networks, their average, optimisers, and where the run stands. Nothing is
pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors


def save_checkpoint(
    path: Path, networks: nn.Module, average: nn.Module, optimizers: Mapping[str, Optimizer], metadata: dict[str, Any]
) -> None:
    """Write everything that resuming needs, whole or not at all."""
    tensors: dict[str, Tensor] = {f"networks.{k}": v for k, v in networks.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in average.state_dict().items()}
    groups: dict[str, Any] = {}
    for name, optimizer in optimizers.items():
        state = optimizer.state_dict()
        groups[name] = state["param_groups"]
        for index, values in state["state"].items():
            tensors |= {f"optimizer.{name}.{index}.{key}": torch.as_tensor(value) for key, value in values.items()}
    arrays = {name: value.detach().cpu().numpy() for name, value in tensors.items()}
    write_tensors(path, arrays, metadata | {"optimizers": groups})


def load_checkpoint(
    path: Path, networks: nn.Module, average: nn.Module, optimizers: Mapping[str, Optimizer]
) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote into the given parts; returns the metadata.

    Raises:
        InputError: damaged, or made by another architecture.
    """
    arrays, metadata = read_tensors(path)
    tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
    load_weights(path, networks, tensors, "networks.")
    load_weights(path, average, tensors, "average.")
    for name, optimizer in optimizers.items():
        prefix = f"optimizer.{name}."
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(prefix):
                index, field = key.removeprefix(prefix).split(".", 1)
                state.setdefault(int(index), {})[field] = value
        optimizer.load_state_dict({"state": state, "param_groups": metadata["optimizers"][name]})
    return metadata


def load_weights(path: Path, module: nn.Module, tensors: Mapping[str, Tensor], prefix: str) -> None:
    """Load the tensors whose names start with `prefix` into a module, strictly.

    Raises:
        InputError: a name or shape differs.
    """
    own = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    try:
        module.load_state_dict(own)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} does not fit this network ({reason})", "weights of the same architecture") from error


def networks_arrays(networks: nn.Module) -> dict[str, np.ndarray]:
    """Every weight and buffer of a module, by name."""
    return {name: value.detach().cpu().numpy() for name, value in networks.state_dict().items()}


def load_arrays(path: Path, networks: nn.Module, arrays: Mapping[str, np.ndarray], prefix: str = "") -> None:
    """Fill a module with what `networks_arrays` gave, whose names stand behind a prefix.

    Raises:
        InputError: a name or shape differs.
    """
    tensors = {name: torch.from_numpy(value) for name, value in arrays.items() if name.startswith(prefix)}
    load_weights(path, networks, tensors, prefix)
