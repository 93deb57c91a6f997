"""A person's trained render-to-video: from motion to full frames, kept in two safetensors files of a target's folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from face_model.cameras import Camera, camera_from_json
from face_model.morphable_model import MorphableModel
from face_model.tracks import FaceIdentity, FaceMotion
from foundation.config import configure, to_dict
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from foundation.parallel import begun
from render2video.appearance import LayeredAppearance
from render2video.conditioning import Conditioning, HeadRenderer
from render2video.crop import Compositor, Crop
from render2video.passing import Passing, always
from render2video.person_video import PersonVideo
from render2video.profiles import FrameByFrame, Profile, create_profile, to_uint8
from render2video.side_by_side import painted_side_by_side, painting_side_by_side
from training import Duration, RunResult, train
from training.checkpoint import load_weights

GONE = ("epochs",)  # settings that files of earlier versions tell and no profile has any more
VIDEO_FILE, APPEARANCE_FILE = "render2video.safetensors", "appearance.safetensors"


@dataclass(frozen=True)
class PersonRenderer:
    """Paints a person from motion.

    profile, config: how it paints. networks: `appearance` and `generator`, in evaluation mode. head: draws the mesh.
    compositor: places the crop. camera: of the full frame.
    """

    profile: Profile
    config: Any
    networks: nn.ModuleDict
    head: HeadRenderer
    compositor: Compositor
    camera: Camera
    device: str = "cpu"

    def crops(self, motion: FaceMotion) -> Iterator[np.ndarray]:
        """Painted crops `[S, S, 3]` uint8 RGB, one a frame of the motion, made as they are asked for."""
        return self.crops_of(self.head(self.profile.bounded(self.networks, self.config, motion)))

    def crops_of(self, drawn: Iterable[Conditioning]) -> Iterator[np.ndarray]:
        """Painted crops of frames that are drawn already."""
        return map(to_uint8, self.profile.paint(self.networks, self.config, drawn, self.device))

    def frames(self, motion: FaceMotion) -> Iterator[np.ndarray]:
        """Full frames `[H, W, 3]` uint8 RGB, one a frame of the motion; memory does not grow with its length."""
        return self.stream([motion])

    def stream(self, pieces: Iterable[FaceMotion]) -> Iterator[np.ndarray]:
        """Full frames of a motion that comes in pieces."""
        if self._side_by_side:
            return painted_side_by_side(self._painted(), self._drawn(pieces))
        return map(self.compositor, self.crops_of(self._drawn(pieces)))

    @property
    def _side_by_side(self) -> bool:
        """Whether several frames are painted at the same time, each by one thread."""
        return isinstance(self.profile, FrameByFrame) and self.device == "cpu"

    def _drawn(self, pieces: Iterable[FaceMotion]) -> Iterator[Conditioning]:
        bounded = (self.profile.bounded(self.networks, self.config, piece) for piece in pieces)
        return chain.from_iterable(map(self.head, bounded))

    def _painted(self) -> Callable[[Conditioning], np.ndarray]:
        """What makes the full frame of a drawn one."""
        assert isinstance(self.profile, FrameByFrame)
        paint = self.profile.painted_of(self.networks)

        def painted(drawn: Conditioning) -> np.ndarray:
            return self.compositor(paint(drawn))

        return painted

    def begun(
        self, pieces: Iterable[FaceMotion], wanted: Callable[[], bool] = always
    ) -> Iterator[Future[np.ndarray] | None]:
        """`stream`, each frame in a future; None for one that is not wanted."""
        passing = Passing[FaceMotion](wanted)
        single = (piece[frame : frame + 1] for piece in pieces for frame in range(len(piece)))
        if self._side_by_side:
            yield from passing.told(painting_side_by_side(begun, self._painted(), self._drawn(passing.kept(single))))
            return
        for picture in passing.told(self.stream(passing.kept(single))):
            if picture is None:
                yield None
                continue
            done: Future[np.ndarray] = Future()
            done.set_result(picture)
            yield done

    def face_px(self, motion: FaceMotion) -> np.ndarray:
        """`[T, V, 2]`: where the face's vertices are in the frames painted for a motion."""
        points = self.head.vertices_px(self.profile.bounded(self.networks, self.config, motion))[0]
        crop, zoom = self.compositor.crop, self.compositor.crop.side_px / self.head.camera.width_px
        shown: np.ndarray = points[:, : len(self.head.neutral_mm)] * zoom + (crop.left_px, crop.top_px)
        return shown

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
        arrays = _arrays(appearance) | {"full_plate": self.compositor.plate}
        person = self.head.person
        arrays |= {f"person.{k}": getattr(person, k) for k in ("identity", "texture", "illumination")}
        metadata = {
            "kind": "appearance", "face_model": self.head.model.id, "blink_gain": person.blink_gain,
            "camera": self.camera.to_json(), "crop": asdict(self.compositor.crop), **shapes,
        }
        write_tensors(folder / APPEARANCE_FILE, arrays, metadata)

    @staticmethod
    def load(folder: Path, model: MorphableModel, device: str = "cpu") -> PersonRenderer:
        """Read what `save` wrote.

        Raises:
            InputError: a file is absent, damaged, or made for another face model or architecture.
        """
        weights, described = _read(folder / VIDEO_FILE, "render2video")
        look, metadata = _read(folder / APPEARANCE_FILE, "appearance")
        if metadata["face_model"] != model.id:
            raise InputError(f"{folder} is made for face model {metadata['face_model']}", model.id, "enroll it again")
        profile = create_profile(described["profile"])
        said = {**getattr(profile, "before", {}), **described["config"]}  # older files do not say all
        said = {name: value for name, value in said.items() if name not in GONE}
        config: Any = configure(profile.config_type, said, str(folder / VIDEO_FILE))
        shapes = {name: int(metadata[name]) for name in ("size_px", "texture_px", "window_px")}
        networks = profile.build(config, **shapes)
        _fill(folder / VIDEO_FILE, networks["generator"], weights)
        layers = {name: look[name] for name in ("plate", "texture", "features")}
        _fill(folder / APPEARANCE_FILE, networks["appearance"], layers)
        person = FaceIdentity(
            look["person.identity"], look["person.texture"], look["person.illumination"], metadata["blink_gain"]
        )
        camera, crop = camera_from_json(metadata["camera"]), Crop(**metadata["crop"])
        head = HeadRenderer(model, person, crop.camera(camera, metadata["size_px"]), metadata["window_px"])
        compositor = Compositor(look["full_plate"], crop)
        return PersonRenderer(profile, config, networks.to(device).eval(), head, compositor, camera, device)


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
    compositor = Compositor(video.plate, video.crop)
    camera = video.track.camera
    return PersonRenderer(chosen, config, result.networks, video.renderer, compositor, camera, device), result


def _arrays(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().cpu().numpy() for name, value in module.state_dict().items()}


def _tensors(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def _fill(path: Path, module: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    try:
        load_weights(path, module, _tensors(arrays), "")
    except InputError as error:
        wanted = "a file that this version of the program made"
        raise InputError(f"{path} is of another form or damaged", wanted, "enroll the person again") from error


def _read(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    arrays, metadata = read_tensors(path)
    if metadata.get("kind") != kind:
        raise InputError(f"{path} holds {metadata.get('kind', 'something else')}", f"a {kind} file", "enroll it again")
    return arrays, metadata
