"""State dicts and TorchScript files of the user's, read without running anything of theirs."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from foundation.errors import InputError


def read_state(path: Path | str, what: str, origin: str) -> dict[str, Tensor]:
    """The state dict in a safetensors or PyTorch file (`weights_only`: a pickle that holds more than tensors is
    refused).

    Args:
        path: the file. what: what it should hold, for the error. origin: where it comes from, for the error.

    Raises:
        InputError: no such file, or it holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist", what, f"it comes from {origin}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise InputError(
            f"{path} does not read as weights ({_first_line(error)})", what, f"get it from {origin}"
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path} holds something else than a state dict", what, f"get it from {origin}")
    return dict(state)


def fill(network: nn.Module, state: Mapping[str, Tensor], path: Path | str, what: str) -> None:
    """Load a state dict, strictly.

    Raises:
        InputError: names or shapes differ (the first difference is told).
    """
    own = network.state_dict()
    # Counters of seen batches are absent in files of old PyTorch versions and are not used to evaluate.
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    if missing:
        raise InputError(f"{path} lacks '{missing[0]}' and {len(missing) - 1} more", what)
    wrong = [name for name in own if name in state and own[name].shape != state[name].shape]
    if wrong:
        raise InputError(
            f"{path}: '{wrong[0]}' has shape {tuple(state[wrong[0]].shape)}", f"{tuple(own[wrong[0]].shape)}"
        )
    network.load_state_dict({name: state[name] for name in own if name in state}, strict=False)


def read_script(path: Path | str, what: str, origin: str) -> torch.jit.ScriptModule:
    """A TorchScript network in evaluation mode.

    Raises:
        InputError: no such file, or not TorchScript.
    """
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist", what, f"it comes from {origin}")
    try:
        return torch.jit.load(str(path), map_location="cpu").eval()
    except RuntimeError as error:
        raise InputError(
            f"{path} does not read as TorchScript ({_first_line(error)})", what, f"get it from {origin}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
