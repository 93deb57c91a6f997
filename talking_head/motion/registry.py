"""Motion models by name. A name stands for an import path, so that nothing is imported before it is wanted."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import torch

from foundation.errors import InputError
from foundation.files import read_tensors
from motion_models.interface import MotionModel

_MODELS: dict[str, str] = {
    "facial_gan": "facial_gan.synthesis:FacialGan",
    "karras2017": "motion_models.karras2017:Karras2017",
    "arkit": "motion_models.arkit:ArkitRegressor",
    "emote": "motion_models.emote:Emote",
}


def motion_models() -> tuple[str, ...]:
    """The names that `motion_model` knows."""
    return tuple(_MODELS)


def motion_model(name: str) -> type[MotionModel]:
    """The class of that name, imported now.

    Raises:
        InputError: an unknown name, or a model that is not installed.
    """
    if name not in _MODELS:
        raise InputError(f"motion model '{name}'", f"one of {', '.join(_MODELS)}")
    module, _, attribute = _MODELS[name].partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"motion model '{name}' cannot be imported ({error})", "an installed one") from error
    assert issubclass(found, MotionModel)
    return found


def load_motion_model(path: Path | str, device: torch.device | str = "cpu") -> MotionModel:
    """Load a model's file, whichever model it is of: each file says so.

    Raises:
        InputError: not a motion model's file.
    """
    _, metadata = read_tensors(path)
    if "motion_model" not in metadata:
        raise InputError(f"{path} holds no motion model", "a file that MotionModel.save wrote")
    return motion_model(str(metadata["motion_model"])).load(path, device)
