"""A person's trained render-to-video: from motion to full frames, kept in two safetensors files of a target's folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from face_model.morphable_model import MorphableModel
from face_model.tracks import FaceMotion
from foundation.config import configure, to_dict
from foundation.errors import InputError
from foundation.files import write_tensors
from render2video.appearance import LayeredAppearance
from render2video.conditioning import Conditioning
from render2video.crop import Compositor
from render2video.framed import APPEARANCE_FILE, VIDEO_FILE, Appearance, FramedHead, of_another_form, read_part
from render2video.passing import Passing, always, single_frames
from render2video.person_video import PersonVideo
from render2video.profiles import Profile, create_profile, to_uint8
from training import Duration, RunResult, train
from training.checkpoint import load_weights

GONE = ("epochs",)  # settings that files of earlier versions tell and no profile has any more


@dataclass(frozen=True)
class PersonRenderer(FramedHead):
    """Paints a person with networks over the drawn mesh.

    profile, config: how. networks: `appearance` and `generator`, in evaluation mode.
    """

    profile: Profile
    config: Any
    networks: nn.ModuleDict
    device: str = "cpu"

    def bounded(self, motion: FaceMotion) -> FaceMotion:
        """The motion as it is: a network paints any pose."""
        return motion

    def crops(self, motion: FaceMotion) -> Iterator[np.ndarray]:
        """Painted crops `[S, S, 3]` uint8 RGB, one a frame of the motion, made as they are asked for."""
        return self.crops_of(self.drawn([motion]))

    def crops_of(self, drawn: Iterable[Conditioning]) -> Iterator[np.ndarray]:
        """Painted crops of frames that are drawn already."""
        return map(to_uint8, self.profile.paint(self.networks, self.config, drawn, self.device))

    def stream(self, pieces: Iterable[FaceMotion]) -> Iterator[np.ndarray]:
        """Full frames of a motion that comes in pieces."""
        return map(self.compositor, self.crops_of(self.drawn(pieces)))

    def begun(
        self, pieces: Iterable[FaceMotion], wanted: Callable[[], bool] = always
    ) -> Iterator[Future[np.ndarray] | None]:
        """`stream`, each frame in a future; None for one that is not wanted."""
        passing = Passing[FaceMotion](wanted)
        for picture in passing.told(self.stream(passing.kept(single_frames(pieces)))):
            if picture is None:
                yield None
                continue
            done: Future[np.ndarray] = Future()
            done.set_result(picture)
            yield done

    def save(self, folder: Path) -> None:
        """Write `render2video.safetensors` and `appearance.safetensors`."""
        generator, appearance = self.networks["generator"], self.networks["appearance"]
        assert isinstance(appearance, LayeredAppearance)
        shapes = {
            "size_px": appearance.plate.shape[-1], "texture_px": appearance.texture.shape[-1],
            "window_px": self.head.window_px,
        }
        described = {"kind": "render2video", "profile": self.profile.name, "config": to_dict(self.config), **shapes}
        write_tensors(folder / VIDEO_FILE, _arrays(generator), described)
        self.write_appearance(folder, _arrays(appearance), shapes)

    @staticmethod
    def load(folder: Path, model: MorphableModel, device: str = "cpu") -> PersonRenderer:
        """Read what `save` wrote.

        Raises:
            InputError: a file is absent, damaged, or made for another face model or architecture.
        """
        weights, described = read_part(folder / VIDEO_FILE, "render2video")
        look = Appearance.read(folder, model)
        profile = create_profile(described["profile"])
        said = {**getattr(profile, "before", {}), **described["config"]}  # older files do not say all
        said = {name: value for name, value in said.items() if name not in GONE}
        config: Any = configure(profile.config_type, said, str(folder / VIDEO_FILE))
        networks = profile.build(config, **look.shapes)
        _fill(folder / VIDEO_FILE, networks["generator"], weights)
        layers = {name: look.arrays[name] for name in ("plate", "texture", "features")}
        _fill(folder / APPEARANCE_FILE, networks["appearance"], layers)
        ready = networks.to(device).eval()
        return PersonRenderer(look.head, look.compositor, look.camera, profile, config, ready, device)


def train_person(
    video: PersonVideo, config: Any, run_dir: Path, duration: Duration, seed: int = 0, device: str = "cpu",
    profile: str = "fast",
) -> tuple[PersonRenderer, RunResult]:
    """Train a person's render-to-video; the same call resumes after a kill.

    Args:
        video: frames to learn from.
        config: of the profile's `config_type`.
        run_dir: the run's folder.
        duration: steps, or a budget in seconds.
        seed: of everything random.
        device: `cpu` or `cuda`.
        profile: `fast` or `paper`.
    """
    chosen, begun_s = create_profile(profile), time.perf_counter()
    trainable = chosen.trainable(video, config, seed, device)
    described = {"profile": profile, "size_px": video.size_px, "frames": len(video.track), **to_dict(config)}
    result = train(
        trainable, run_dir, duration, config=described, seed=seed, average_decay=config.average_decay,
        description="render-to-video", spent_s=time.perf_counter() - begun_s,
    )
    assert isinstance(result.networks, nn.ModuleDict)
    placed = video.renderer, Compositor(video.plate, video.crop), video.track.camera
    return PersonRenderer(*placed, chosen, config, result.networks, device), result


def _arrays(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().cpu().numpy() for name, value in module.state_dict().items()}


def _tensors(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def _fill(path: Path, module: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    try:
        load_weights(path, module, _tensors(arrays), "")
    except InputError as error:
        raise of_another_form(path) from error
