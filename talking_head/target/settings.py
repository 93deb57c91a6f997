"""What a user may choose. Defaults live here, once; nothing heavy is imported, so the command line may read them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from foundation.errors import InputError

PROFILES = ("footage", "fast", "paper")
SIZES_PX = (256, 512)
DEVICES = ("auto", "cpu", "cuda")
RENDERERS = ("numba", "torch", "pytorch3d", "nvdiffrast")
FACE_MODELS = ("mp478", "deng", "ict", "flame")  # NAME[:FILE]: `talking_head.heads.face_models`
MESH_PROFILES = ("fast", "paper")  # they draw whatever mesh; footage bends real frames by `mp478`'s lips and lids
MIN_BUDGET_S = 30.0  # below it there is no time to learn anything after tracking


@dataclass(frozen=True)
class EnrollSettings:
    """How to enroll.

    profile: `footage` (the video's own frames, bent and repainted where speech changes them), `fast` (a learned
    texture, the baseline) or `paper` (the paper's network, for a graphics card). size_px: at which the face is painted;
    with `footage` the rest of the frame keeps its own. budget_s: time for everything. steps: training steps of each
    network instead of the budget, for a result that is the same on every run. fix_sync: correct sound that is late or
    early; without it such a video is refused. hold_out: share of the video, at its end, that is not learned from but
    measured on. speech: name of the speech encoder that motion models listen through; None: what each is made for.
    motion: names of motion models to learn besides FACIAL-GAN. start: general weights to begin from instead of those
    that ship, files or run folders, each of one motion model. models: settings of motion models by their names, over
    their defaults. video: the same of the profile's video network. epochs: passes of the video
    network over the video, instead of the budget (a motion model whose settings say its length keeps that too).
    renderer: what draws the mesh. face_model: `NAME[:FILE]`, that is fitted to what the tracker sees. tracker:
    `NAME[:FILE]`, that finds the face.
    """

    profile: str = "footage"
    size_px: int = 512
    budget_s: float = 1200.0
    steps: int | None = None
    seed: int = 0
    fix_sync: bool = True
    hold_out: float = 0.0
    speech: str | None = None
    motion: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    models: dict[str, Any] = field(default_factory=dict)
    video: dict[str, Any] = field(default_factory=dict)
    epochs: int | None = None
    renderer: str = "numba"
    face_model: str = "mp478"
    tracker: str = "mediapipe"
    device: str = "auto"

    def checked(self) -> EnrollSettings:
        """The settings themselves.

        Raises:
            InputError: one of them is out of its range.
        """
        _one_of("profile", self.profile, PROFILES)
        _one_of("size", self.size_px, SIZES_PX)
        _one_of("device", self.device, DEVICES)
        _one_of("renderer", self.renderer, RENDERERS)
        face = self.face_model.partition(":")[0].partition("?")[0]
        _one_of("face model", face, FACE_MODELS)
        if face != "mp478" and self.profile not in MESH_PROFILES:
            raise InputError(
                f"profile '{self.profile}' with face model '{face}'", "mp478, whose lips and lids it bends frames by",
                f"give --profile {' or '.join(MESH_PROFILES)}, which paint over any mesh",
            )
        if self.epochs is not None and self.epochs < 1:
            raise InputError(f"{self.epochs} epochs", "at least 1")
        if self.steps is None and self.budget_s < MIN_BUDGET_S:
            raise InputError(f"a budget of {self.budget_s:g} s", f"at least {MIN_BUDGET_S:g} s", "give more time")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"{self.steps} steps", "at least 1")
        if not 0 <= self.hold_out <= 0.5:
            raise InputError(f"a share of {self.hold_out:g} held out", "0 to 0.5")
        checked_seed(self.seed)
        return self


def checked_seed(seed: int) -> int:
    """The seed itself.

    Raises:
        InputError: it is negative, or larger than every generator of random numbers takes.
    """
    if not 0 <= seed < 2**63:
        raise InputError(f"seed {seed}", "a whole number from 0 to 2^63 - 1")
    return seed


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name} '{value}'", f"one of {', '.join(map(str, allowed))}")


def device_name(device: str) -> str:
    """`cpu` or `cuda`, decided for `auto`.

    Raises:
        InputError: a graphics card was asked for and there is none.
    """
    import torch

    _one_of("device", device, DEVICES)
    present = torch.cuda.is_available()
    if device == "cuda" and not present:
        raise InputError("device 'cuda'", "a graphics card that CUDA sees", "leave the device out, or give cpu")
    return "cuda" if present and device != "cpu" else "cpu"


def duration_s(text: str, option: str) -> float:
    """Seconds of `90s`, `20m`, `1h30m`, as an option of that name was given them.

    Raises:
        InputError: anything else, or nothing.
    """
    parts = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", text.strip())
    seconds = sum(float(n or 0) * unit for n, unit in zip(parts.groups(), (3600, 60, 1), strict=True)) if parts else 0.0
    if seconds <= 0:
        raise InputError(f"{option} '{text}'", "a time such as 90s, 20m or 1h30m")
    return seconds
