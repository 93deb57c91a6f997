"""A motion file in, a motion file or a film of another face model out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from face_model import deng, mp478
from face_model.published_facial import write_motion
from face_model.tracks import FaceMotion
from face_model.transfer import TransferSettings
from foundation.errors import InputError
from foundation.places import writable
from talking_head.formats.driving import SUFFIXES as MOTION_SUFFIXES
from talking_head.formats.driving import read_motion
from talking_head.formats.tables import is_published_facial, write_npz
from talking_head.heads.bridge import ExpressionBridge
from talking_head.heads.mesh_preview import write_mesh_film
from talking_head.heads.transfer import ARKIT, FACE_MODELS, Heads, about, move, recentred
from talking_head.interop.import_facial import (
    MODEL,
    bridge_for,
    imported_bridge,
    imported_folder,
    motion_of_sound,
    person_statistics,
    read_any_motion,
    with_origin,
)
from talking_head.target.card import find_target
from talking_head.target.home import Home

SUFFIXES = (".safetensors", ".npz", ".mp4")


@dataclass(frozen=True)
class TransferredFile:
    """What was written. lost_share, steps: see `TransferResult`. bridge: that was used, or None."""

    output: Path
    frames: int
    fps: float
    lost_share: float | None
    steps: tuple[str, ...]
    bridge: ExpressionBridge | None


def transfer_file(
    source: Path | str, output: Path | str, to: str = mp478.ID, *, audio: Path | str | None = None,
    pictures: Path | str | None = None, imported: str | None = None, heads: Heads | None = None,
    target: str | None = None, cutoff_hz: float | None = TransferSettings.cutoff_hz, home: Path | str | None = None,
) -> TransferredFile:
    """Write a motion as that of another face model.

    Args:
        source: `.safetensors`, `.npz` (an exported one, or one of the published FACIAL code), Live Link `.csv`; with
            `imported`, also a sound, which the imported model then says.
        output: `.safetensors`, `.npz` (of `deng_bfm`: as the published code has it), or `.mp4`: a film of the mesh.
        to: id of the face model.
        audio: the sound of the film, and what a bridge is learned from when nothing better is there.
        pictures: folder of frames that were drawn of the motion, to learn a bridge from.
        imported: an import whose statistics undo z-scores, and whose bridge to use.
        heads: where the face models' files are.
        target: whose resting pose the head gets, to drive that target.
        cutoff_hz: tremble faster than this goes; None: none.

    Raises:
        InputError: a file, face model or place that is not as it should be.
    """
    heads, goal = heads or Heads(), _checked(Path(output), Path(source), to)
    if cutoff_hz is not None and not 0 < cutoff_hz < math.inf:
        raise InputError(f"a cutoff of {cutoff_hz:g} Hz", "0 for none, or more than 0")
    place = Home.find(home)
    folder = None if imported is None else imported_folder(place, imported)
    if folder is not None and not folder.is_dir():
        raise InputError(f"no import '{imported}'", "one of `talking-head import facial`", "import it first")
    motion = _read(Path(source), folder)
    bridge = None
    if motion.face_model == deng.ID and to != deng.ID and not heads.has(deng.ID):
        bridge = bridge_for(motion, pictures, None) or (imported_bridge(folder) if folder else None)
        bridge = bridge or bridge_for(motion, None, audio)
    own = motion if to == deng.ID else with_origin(motion, heads)
    moved = move(own, to, heads, bridge, TransferSettings(cutoff_hz=cutoff_hz))
    made = moved.motion
    if to == deng.ID and motion.face_model != to:  # in files its origin is that of the model's own file
        made = recentred(made, -heads.bfm_model.centre_mm)
    if target is not None:
        card = find_target(place, target).card
        made = about(made, FaceMotion.unpack(np.array([card.motion_statistics.mean], np.float32)))
    _write(made, goal, heads, Path(audio) if audio is not None else None)
    return TransferredFile(goal, len(made), made.fps, moved.lost_share, moved.steps, bridge)


def _read(path: Path, folder: Path | None) -> FaceMotion:
    if path.suffix.lower() not in MOTION_SUFFIXES and folder is not None:
        return motion_of_sound(path, model=folder / MODEL)
    if path.suffix.lower() == ".npz" and is_published_facial(path):
        return read_any_motion(path, person_statistics(folder) if folder else None)
    return read_motion(path)


def _checked(goal: Path, source: Path, to: str) -> Path:
    if to not in FACE_MODELS:
        raise InputError(f"face model '{to}'", f"one of {', '.join(FACE_MODELS)}")
    if goal.suffix.lower() not in SUFFIXES:
        raise InputError(f"output '{goal}'", f"a name that ends in {', '.join(SUFFIXES)}")
    if goal.suffix.lower() == ".mp4" and to == ARKIT:
        raise InputError(f"a film of {ARKIT}, which has no mesh", "another face model", "give --to mp478")
    if goal.is_dir() or (goal.exists() and source.exists() and goal.samefile(source)):
        raise InputError(f"output '{goal}' is a folder or the input", "another file", "give another name")
    writable(goal.absolute().parent, "-o")
    return goal


def _write(motion: FaceMotion, goal: Path, heads: Heads, sound: Path | None) -> None:
    suffix = goal.suffix.lower()
    if suffix == ".mp4":
        model = heads.model(motion.face_model)
        write_mesh_film(goal, with_origin(motion, heads), model, sound=sound)
    elif suffix == ".npz" and motion.face_model == deng.ID:
        write_motion(goal, motion)
    elif suffix == ".npz":
        write_npz(motion, goal)
    else:
        motion.save(goal)
