"""A profile is a way of painting a person: its networks, their training, and how frames are painted one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn

from face_model.tracks import FaceMotion
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

    def bounded(self, networks: nn.ModuleDict, config: Any, motion: FaceMotion) -> FaceMotion:
        """The motion, kept to poses that the person can be painted in, as the target's own settings have it."""
        ...

    def paint(
        self, networks: nn.ModuleDict, config: Any, drawn: Iterable[Conditioning], device: str
    ) -> Iterator[Tensor]:
        """Pictures `[3, S, S]`, RGB about 0-1, one for each drawn frame, in order, in constant memory."""
        ...


@runtime_checkable
class FrameByFrame(Protocol):
    """A profile that paints each frame by itself, so that several are painted side by side."""

    def painted_of(self, networks: nn.ModuleDict) -> Callable[[Conditioning], np.ndarray]:
        """What paints a drawn frame, RGB `[S, S, 3]` uint8; threads may call it at the same time."""
        ...


FOOTAGE = "footage"  # real frames, bent and repainted: `render2video.footage`, which is no network over a mesh
_PROFILES = {
    "fast": ("render2video.fast.profile", "FastProfile"),
    "paper": ("render2video.paper.profile", "PaperProfile"),
    "photo": ("render2video.photo.profile", "PhotoProfile"),
}


def create_profile(name: str) -> Profile:
    """The profile of that name: `fast` (real time on two cores), `paper` (pix2pixHD-like, for a graphics card) or
    `photo` (a person known from one picture; nothing to train).

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
