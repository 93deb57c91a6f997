"""A profile is a network over a drawn mesh that learns a person: how it is built and trained, and how it paints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from foundation.errors import InputError
from render2video.conditioning import Conditioning
from render2video.person_video import PersonVideo
from training import Trainable


class Profile(Protocol):
    """What `render2video.person` needs of a profile. networks always hold an `appearance` and a `generator`. before:
    what files that do not tell some setting were made with, where that is not its default.
    """

    name: str
    config_type: type

    def build(self, config: Any, size_px: int, texture_px: int, window_px: int) -> nn.ModuleDict:
        """The networks, not yet trained, for weights to be loaded into."""
        ...

    def trainable(self, video: PersonVideo, config: Any, seed: int, device: str) -> Trainable:
        """What the training loop runs; its `networks` are as `build` makes them."""
        ...

    def paint(
        self, networks: nn.ModuleDict, config: Any, drawn: Iterable[Conditioning], device: str
    ) -> Iterator[Tensor]:
        """Pictures `[3, S, S]`, RGB about 0-1, one for each drawn frame, in order, in constant memory."""
        ...


FOOTAGE = "footage"  # real frames, bent and repainted: `render2video.footage`, which is no network over a mesh
_PROFILES = {
    "fast": ("render2video.fast.profile", "FastProfile"),
    "paper": ("render2video.paper.profile", "PaperProfile"),
}


def create_profile(name: str) -> Profile:
    """The profile of that name: `fast` (real time on two cores) or `paper` (pix2pixHD-like, for a graphics card).

    Raises:
        InputError: no profile of that name.
    """
    if name not in _PROFILES:
        raise InputError(f"profile '{name}'", f"one of {', '.join(_PROFILES)}")
    module, attribute = _PROFILES[name]
    profile: Profile = getattr(import_module(module), attribute)()
    return profile


def profile_config_type(name: str) -> type:
    """The dataclass of what a way of painting can be told: a profile's, or that of painting on footage.

    Raises:
        InputError: neither.
    """
    if name == FOOTAGE:
        from render2video.footage.config import FootageConfig

        return FootageConfig
    return create_profile(name).config_type


def to_uint8(picture: Tensor) -> np.ndarray:
    """`[S, S, 3]` uint8 of a picture `[3, S, S]` 0-1."""
    return np.ascontiguousarray((picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy())
