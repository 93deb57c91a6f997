"""Motion models by name: what each is told, what it is, and how it learns. Nothing is imported before it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from foundation.errors import InputError
from foundation.files import read_tensors
from motion_models.interface import MotionModel
from motion_models.learning import Learn


@dataclass(frozen=True)
class Entry:
    """A motion model. config: dataclass of all its settings. model: its class. learn: how it learns."""

    config: type
    model: type[MotionModel]
    learn: Learn


def _facial_gan() -> Entry:
    from facial_gan.config import FacialGanConfig
    from facial_gan.synthesis import FacialGan
    from facial_gan.train import learn

    return Entry(FacialGanConfig, FacialGan, learn)


def _karras2017() -> Entry:
    from motion_models.karras2017.config import KarrasConfig
    from motion_models.karras2017.model import Karras2017
    from motion_models.karras2017.train import learn

    return Entry(KarrasConfig, Karras2017, learn)


def _arkit() -> Entry:
    from motion_models.arkit.config import ArkitConfig
    from motion_models.arkit.model import ArkitRegressor
    from motion_models.arkit.train import learn

    return Entry(ArkitConfig, ArkitRegressor, learn)


def _emote() -> Entry:
    from motion_models.emote.config import EmoteConfig
    from motion_models.emote.learning import learn
    from motion_models.emote.model import Emote

    return Entry(EmoteConfig, Emote, learn)


_ENTRIES: dict[str, Callable[[], Entry]] = {
    "facial_gan": _facial_gan, "karras2017": _karras2017, "arkit": _arkit, "emote": _emote,
}  # fmt: skip


def motion_models() -> tuple[str, ...]:
    """The names that there are."""
    return tuple(_ENTRIES)


def motion_entry(name: str) -> Entry:
    """The motion model of that name, imported now.

    Raises:
        InputError: an unknown name, or a model that lacks something on this machine.
    """
    if name not in _ENTRIES:
        raise InputError(f"motion model '{name}'", f"one of {', '.join(_ENTRIES)}")
    try:
        return _ENTRIES[name]()
    except ImportError as error:
        raise InputError(f"motion model '{name}' cannot be imported ({error})", "an installed one") from error


def motion_model(name: str) -> type[MotionModel]:
    """The class of that name.

    Raises:
        InputError: as `motion_entry`.
    """
    return motion_entry(name).model


def load_motion_model(path: Path | str, device: torch.device | str = "cpu") -> MotionModel:
    """Load a model's file, whichever model it is of: each file says so.

    Raises:
        InputError: not a motion model's file.
    """
    _, metadata = read_tensors(path)
    if "motion_model" not in metadata:
        raise InputError(f"{path} holds no motion model", "a file that MotionModel.save wrote")
    return motion_model(str(metadata["motion_model"])).load(path, device)
