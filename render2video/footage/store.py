"""A person's footage and the network that paints on it, in three files of a target's folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from face_model.cameras import camera_from_json
from face_model.morphable_model import MorphableModel
from face_model.tracks import FaceIdentity, FaceMotion, FaceTrack
from foundation.config import configure, to_dict
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from preprocessing.media.frame_file import FrameFile, writing_frame_file
from render2video.conditioning import HeadRenderer
from render2video.fast.generator import MULTIPLE_PX
from render2video.footage.bend import Bend
from render2video.footage.choosing import useful
from render2video.footage.config import FootageConfig
from render2video.footage.expected import PARTS, Told
from render2video.footage.expecting import expected_looks
from render2video.footage.following import learned_follow
from render2video.footage.footage import Footage, open_eyed_px
from render2video.footage.network import MouthFinisher
from render2video.footage.painter import FootagePainter
from render2video.footage.quality import best_of
from render2video.footage.registering import registered
from render2video.footage.registration import Registration
from render2video.footage.steadying import steadied
from render2video.footage.thumbnails import Thumbnails
from render2video.footage.trainable import FootageTrainable
from render2video.footage.wall import StillWall
from render2video.profiles import FOOTAGE
from training import Duration, train
from training.checkpoint import load_weights

HEAD_SAMPLES = 200  # frames that tell where the head goes
WINDOW_SHARE = 0.25  # of the face's size: the window around the mouth
REGISTRATION, TOLD = (tuple(field.name for field in fields(kind)) for kind in (Registration, Told))
UNFOLDED = {"fold": 1}  # of networks that do not say
FRAMES_FILE, FOOTAGE_FILE, NETWORK_FILE = "footage.mp4", "appearance.safetensors", "render2video.safetensors"


def write_footage(
    folder: Path, frames: Iterable[np.ndarray], track: FaceTrack, model: MorphableModel,
    breaks: np.ndarray | None = None, still: Sequence[np.ndarray] = (),
) -> None:
    """Write a person's frames, and where their head is in them, into a folder.

    Args:
        frames: `[H, W, 3]` uint8 RGB, as many as the track has.
        track: of them.
        breaks: `[T]` bool, True where a frame does not follow the one before; None: nowhere.
        still: some of the frames of a camera that never moves, from which a wall that stands still is kept so.

    Raises:
        InputError: fewer frames than the track has, or no space left.
    """
    writer = FootageWriter(folder, track, model, still)
    for _ in writer.passing(islice(frames, len(track))):
        pass
    writer.finish(breaks)


class FootageWriter:
    """`write_footage` while frames pass by on their way to whoever else looks at them, for a film is decoded slowly.

    Args:
        folder, track, model, still: see there.
    """

    def __init__(
        self, folder: Path, track: FaceTrack, model: MorphableModel, still: Sequence[np.ndarray] = ()
    ) -> None:
        self.folder, self.track, self.model = folder, track, model
        self.head = HeadRenderer(model, track.person, track.camera, 1)
        sample = np.flatnonzero(track.valid)[:: max(1, len(track) // HEAD_SAMPLES)]
        somewhere = FaceMotion.unpack(track.motion.pack()[sample], track.motion.fps)
        self._thumbnails, self._seen = Thumbnails.around(self.head, somewhere), list[np.ndarray]()
        self._wall = StillWall.of(still, self.head, somewhere)

    def passing(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The frames, of which as many as the track has are written; there may be more.

        Raises:
            InputError: there are fewer, or no space is left.
        """
        count, camera, come = len(self.track), self.track.camera, iter(frames)

        def noted() -> Iterator[np.ndarray]:
            for frame in islice(come, count):
                self._seen.append(self._thumbnails(frame))
                yield frame if self._wall is None else self._wall(frame)

        path = self.folder / FRAMES_FILE
        yield from writing_frame_file(path, noted(), self.track.motion.fps, camera.width_px, camera.height_px)
        if len(self._seen) < count:
            raise InputError(
                f"the video has {len(self._seen)} frames", f"the {count} of its track", "track it again"
            )
        yield from come

    def finish(self, breaks: np.ndarray | None = None, steady: np.ndarray | None = None) -> None:
        """Write where the head is in the frames that have passed.

        Args:
            breaks: see `write_footage`. steady: `[T, 2, 3]` from `steadied`; None: found here.
        """
        track, head, count = self.track, self.head, len(self.track)
        parted = np.zeros(count, bool) if breaks is None else breaks
        kept = FrameFile(self.folder / FRAMES_FILE, track.camera.width_px, track.camera.height_px)
        if steady is None:
            pictures = (kept[k] for k in range(count))
            steady = steadied(pictures, head, open_eyed_px(head, track.motion), parted | ~track.valid)
        footage = Footage(kept, head, track.motion, track.valid, parted, np.stack(self._seen), steady=steady)
        laid = registered(kept, Bend(head), footage.points_px, track.motion, track.valid)
        footage = replace(footage, registration=laid)
        told = expected_looks(kept, Bend(head), footage.points_px, laid, track.motion, track.valid)
        arrays = {
            "motion": track.motion.pack(), "usable": track.valid.astype(np.uint8), "thumbnails": footage.thumbnails,
            "breaks": parted.astype(np.uint8), "follow": learned_follow(footage).astype(np.float32),
            "steady": steady,
        }
        arrays |= {f"registration.{name}": getattr(laid, name) for name in REGISTRATION}
        arrays |= {f"told.{part}.{name}": getattr(look, name) for part, look in told.items() for name in TOLD}
        arrays |= {f"person.{k}": getattr(track.person, k) for k in ("identity", "texture", "illumination")}
        metadata = {
            "kind": "footage", "face_model": self.model.id, "fps": track.motion.fps, "camera": track.camera.to_json(),
            "blink_gain": track.person.blink_gain,
        }
        write_tensors(self.folder / FOOTAGE_FILE, arrays, metadata)


def read_footage(folder: Path, model: MorphableModel) -> Footage:
    """What `write_footage` wrote.

    Raises:
        InputError: a file is absent, damaged, of another kind, or made for another face model.
    """
    path = folder / FOOTAGE_FILE
    arrays, metadata = read_tensors(path)
    if metadata.get("kind") != "footage":
        raise InputError(f"{path} holds {metadata.get('kind', 'something else')}", "footage", "enroll it again")
    if metadata["face_model"] != model.id:
        raise InputError(f"{folder} is made for face model {metadata['face_model']}", model.id, "enroll it again")
    person = FaceIdentity(
        arrays["person.identity"], arrays["person.texture"], arrays["person.illumination"], metadata["blink_gain"]
    )
    camera = camera_from_json(metadata["camera"])
    motion = FaceMotion.unpack(arrays["motion"], metadata["fps"], model.id).checked(path)
    frames = FrameFile(folder / FRAMES_FILE, camera.width_px, camera.height_px)
    parts = {len(frames), *(len(arrays[name]) for name in ("motion", "usable", "breaks", "thumbnails"))}
    if len(parts) != 1:
        raise InputError(f"{folder}: footage and its track of {sorted(parts)} frames", "one number", "enroll it again")
    usable, breaks = arrays["usable"].astype(bool), arrays["breaks"].astype(bool)
    head = HeadRenderer(model, person, camera, 1)
    laid = None  # footage of earlier versions
    if "registration.places" in arrays:
        laid = Registration(*(arrays[f"registration.{name}"] for name in REGISTRATION))
    told = {
        part.name: Told(*(arrays[f"told.{part.name}.{name}"] for name in TOLD))
        for part in PARTS if f"told.{part.name}.spots" in arrays
    }  # fmt: skip
    return Footage(
        frames, head, motion, usable, breaks, arrays["thumbnails"], arrays["follow"], arrays["steady"], laid, told
    )


def working_px(size_px: int) -> int:
    """Side of the window around the mouth that the network works on, for faces painted at `size_px`."""
    return round(WINDOW_SHARE * size_px / MULTIPLE_PX) * MULTIPLE_PX


def train_on_footage(
    footage: Footage, config: FootageConfig, working_side_px: int, run_dir: Path, duration: Duration, seed: int = 0,
    device: str = "cpu",
) -> tuple[FootagePainter, int]:
    """Train the network that finishes mouths; the same call resumes after a kill. The painter, and steps trained.

    Where too little time made it worse than the one that it began from, the painter has that one; where real mouths
    are nearest to the person's own as they are, one that adds nothing.
    """
    trainable = FootageTrainable(footage, config, working_side_px, seed, device)
    described = {"profile": FOOTAGE, "working_px": working_side_px, "frames": len(footage), **to_dict(config)}
    result = train(
        trainable, run_dir, duration, config=described, seed=seed, average_decay=config.average_decay,
        description="render-to-video",
    )
    assert isinstance(result.networks, nn.ModuleDict)
    generator = result.networks["generator"]
    assert isinstance(generator, MouthFinisher)
    general = MouthFinisher.general(working_side_px, config.width, config.fold) if config.general else None
    nothing = MouthFinisher(working_side_px, config.width, config.fold)
    networks = [generator, nothing] if general is None else [generator, general, nothing]
    return best_of([FootagePainter(footage, network, config, device) for network in networks]), result.steps


def save_network(folder: Path, generator: MouthFinisher, config: FootageConfig) -> None:
    """Write `render2video.safetensors`."""
    described = {
        "kind": "render2video", "profile": FOOTAGE, "config": to_dict(config), "working_px": generator.working_px
    }
    arrays = {name: value.detach().cpu().numpy() for name, value in generator.state_dict().items()}
    write_tensors(folder / NETWORK_FILE, arrays, described)


def load_footage_painter(
    folder: Path, model: MorphableModel, device: str = "cpu", most_frames: int | None = None
) -> FootagePainter:
    """The painter of a target's folder.

    Args:
        most_frames: of its footage, the most useful ones; None: all.

    Raises:
        InputError: as `read_footage`; or the network is damaged or of another architecture.
    """
    path = folder / NETWORK_FILE
    arrays, described = read_tensors(path)
    config: Any = configure(FootageConfig, UNFOLDED | described["config"], str(path))
    generator = MouthFinisher(int(described["working_px"]), config.width, config.fold)
    load_weights(path, generator, {k: torch.from_numpy(v) for k, v in arrays.items()}, "")
    footage = read_footage(folder, model)
    return FootagePainter(footage if most_frames is None else useful(footage, most_frames), generator, config, device)
