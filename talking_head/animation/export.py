"""A motion, or what a target does while it says a sound, into a file of another kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from face_model import ict, mp478
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from foundation.places import writable
from talking_head.animation.look import look_of
from talking_head.formats.arkit import LIVE_LINK_FPS, live_link_of_motion, values_of_live_link
from talking_head.formats.driving import SUFFIXES, only_head, read_motion
from talking_head.formats.flame import flame_file, write_flame
from talking_head.formats.gltf import write_gltf
from talking_head.formats.gltf_head import write_gltf_head
from talking_head.formats.livelink import LiveLinkCurves, write_live_link
from talking_head.formats.seen68 import identity_of, seen68
from talking_head.formats.tables import write_npz, write_openface
from talking_head.heads.face_models import BRING, FaceModel
from talking_head.heads.transfer import Heads
from talking_head.motion.directions import Directions
from talking_head.target.card import Target, find_target
from talking_head.target.home import Home
from talking_head.target.settings import EnrollSettings, checked_seed, device_name

MP478 = EnrollSettings.face_model
FORMATS = {"livelink": ".csv", "gltf": ".glb", "npz": ".npz", "openface": ".csv", "flame": ".npz"}


@dataclass(frozen=True)
class Export:
    """What was written. frames, fps: of the file."""

    output: Path
    format: str
    target: str
    duration_s: float
    frames: int
    fps: float


def export(
    source: Path | str, target: str, output: Path | str, *, format: str, directions: Directions | None = None,
    fps: float = LIVE_LINK_FPS, flame: Path | str | None = None, face_model: str = MP478, seed: int = 0,
    device: str = "auto", home: Path | str | None = None,
) -> Export:
    """Write the motion of a target for other programs.

    Args:
        source: a sound or video file, which the target then says; or a motion file: .safetensors, .npz, Live Link .csv.
        target: id of a target.
        output: the file to write.
        format: `livelink`, `gltf`, `npz`, `openface` or `flame`.
        directions: which motion model speaks, and how. Where it makes ARKit values itself, they are what is written.
        fps: of a Live Link file; the others keep the target's own rate.
        flame: the user's FLAME file, for `flame`; None: where `TALKING_HEAD_FLAME` says.
        face_model: what `gltf` shows: `mp478`, the face, or `ict[:FOLDER]`, a whole head of ICT-FaceKit.
        seed: the same seed gives the same motion of a sound.
        device: `auto`, `cpu` or `cuda`.
        home: where targets live.

    Raises:
        InputError: no such format or target, a name that does not end as the format asks, a source that is no sound and
            no motion, directions with a motion, or a place that cannot be written.
    """
    source, goal = Path(source), _checked(Path(output), Path(source), format)
    if not 1 <= fps <= 240:
        raise InputError(f"{fps:g} frames a second", "1 to 240")
    checked_seed(seed)
    model_file = flame_file(flame) if format == "flame" else None
    kit = _kit(face_model, format)
    person = _exportable(find_target(Home.find(home), target))
    how, where = directions or Directions(), device_name(device)
    spoken = source.suffix.lower() not in SUFFIXES
    if not spoken:
        how.refuse_beside(source)
    if format == "livelink":
        curves = (
            _spoken_curves(source, person, how, fps, seed, where)
            if spoken else live_link_of_motion(_whole_face(source, person), fps)
        )  # fmt: skip
        write_live_link(curves, goal)
        return Export(goal, format, person.id, len(curves) / fps, len(curves), fps)
    from talking_head.motion.speaking import speak  # which itself reads motion files

    motion = speak(source, person, seed, where, how) if spoken else _whole_face(source, person)
    values = None
    if spoken and format in ("gltf", "npz"):
        values = values_of_live_link(_spoken_curves(source, person, how, motion.fps, seed, where))
    if kit is not None:
        write_gltf_head(motion, goal, kit, identity_of(person), person.id, values, look_of(person))
    elif format == "gltf":
        write_gltf(motion, goal, identity_of(person), person.id, values, look_of(person))
    elif format == "npz":
        write_npz(motion, goal, values)
    elif format == "flame":
        write_flame(motion, goal, model_file)
    else:
        write_openface(motion, goal, seen68(motion, person))
    return Export(goal, format, person.id, len(motion) / motion.fps, len(motion), motion.fps)


def _exportable(person: Target) -> Target:
    """The target itself.

    Raises:
        InputError: it moves another face model.
    """
    if person.card.face_model != mp478.ID:
        received = f"target '{person.id}', which moves face model '{person.card.face_model}'"
        raise InputError(received, f"a target in {mp478.ID}", f"enroll it in {mp478.ID} to export it")
    return person


def _kit(face_model: str, format: str) -> ict.IctModel | None:
    """ICT-FaceKit where its head is asked for.

    Raises:
        InputError: another face model, another format than `gltf`, or the kit is not here.
    """
    if face_model == MP478:
        return None
    chosen = FaceModel.parse(face_model)
    if chosen.name != "ict" or format != "gltf":
        received = f"--face-model {face_model} with --format {format}"
        raise InputError(received, "--format gltf, and mp478 (a face) or ict:FOLDER (a whole head)")
    heads = Heads(ict_folder=chosen.file)
    if not heads.has(ict.ID):
        raise InputError("face model 'ict' without its files", BRING["ict"])
    return heads.kit


def _whole_face(source: Path, person: Target) -> FaceMotion:
    motion = read_motion(source, person.card)
    if only_head(motion):
        raise InputError(f"{source} tells the head's pose, but no expression", "the motion of a whole face")
    return motion


def _spoken_curves(
    audio: Path, person: Target, how: Directions, fps: float, seed: int, device: str
) -> LiveLinkCurves:
    """What the target does while it says a sound; the ARKit values themselves where its motion model makes them."""
    from talking_head.animation.rows import spoken_rows
    from talking_head.motion.speaking import speakers

    rows = np.concatenate(list(spoken_rows(audio, person, *speakers(person, how, device), fps, seed)))
    return LiveLinkCurves(np.arange(len(rows)) / fps, rows)


def _checked(goal: Path, source: Path, format: str) -> Path:
    if format not in FORMATS:
        raise InputError(f"format '{format}'", f"one of {', '.join(FORMATS)}")
    if goal.suffix.lower() != FORMATS[format]:
        raise InputError(f"output '{goal}'", f"a name that ends in {FORMATS[format]}, as {format} does")
    if goal.is_dir():
        raise InputError(f"output '{goal}' is a folder", "a file name", "give another name")
    if goal.exists() and source.exists() and goal.samefile(source):
        raise InputError(f"output '{goal}' is the input", "another file", "give another name")
    writable(goal.absolute().parent, "-o")
    return goal
