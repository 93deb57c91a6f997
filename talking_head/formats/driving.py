"""Motion out of a file, made to fit a target: what was exported and edited drives the target again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from face_model import mp478
from face_model.tracks import EXPRESSION_SIZE, MOTION_FPS, FaceMotion, FaceTrack
from foundation.errors import InputError
from foundation.files import read_tensors
from talking_head.formats.arkit import motion_of_live_link, values_of_live_link
from talking_head.formats.flame import is_flame, read_flame
from talking_head.formats.gltf_reading import read_gltf
from talking_head.formats.livelink import read_live_link
from talking_head.formats.retargeting import not_shown
from talking_head.formats.tables import read_npz, read_openface_motion
from talking_head.heads.face_models import from_file
from talking_head.target.card import TargetCard

SUFFIXES = (".safetensors", ".npz", ".csv", ".glb", ".gltf")


def read_motion(path: Path | str, card: TargetCard | None = None) -> FaceMotion:
    """The motion in a file: a `FaceMotion` or `FaceTrack` (.safetensors); an exported .npz, of FLAME parameters too; a
    Live Link Face .csv; a glTF whose morph targets have ARKit's names; or a .csv with OpenFace's names, which tells no
    expression (see `only_head`).

    card: of the target to drive. It tells where a head rests that the file does not place (a Live Link CSV), or that
    another camera saw (a track); without it that is straight ahead, at the origin.

    Raises:
        InputError: of another kind, damaged, or of another face model than the target's.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"motion file '{path}'", "a .safetensors, .npz, .glb, Live Link Face .csv or OpenFace .csv")
    rest = None if card is None else FaceMotion.unpack(np.array([card.motion_statistics.mean]))
    fps = MOTION_FPS if card is None else card.fps
    turn, place = (np.zeros(3), np.zeros(3)) if rest is None else (rest.rotation[0], rest.translation[0])
    seen_elsewhere = False
    if suffix == ".csv" and _is_openface(path):
        motion, seen_elsewhere = read_openface_motion(path)
    elif suffix == ".csv":
        motion = motion_of_live_link(read_live_link(path), fps, turn, place)
    elif suffix in (".glb", ".gltf"):
        found = read_gltf(path, fps, turn, place)
        motion, seen_elsewhere = found.motion, not found.placed
    elif suffix == ".npz":
        motion = read_flame(path) if is_flame(path) else read_npz(path)
    elif read_tensors(path)[1].get("kind") == "FaceTrack":
        motion, seen_elsewhere = FaceTrack.load(path).motion, True
    else:
        motion = FaceMotion.load(path)
    if seen_elsewhere and rest is not None:
        motion = _moved(motion, rest)
    elif card is not None:
        motion = from_file(motion, card)
    if card is not None and not only_head(motion) and motion.face_model != card.face_model:
        raise InputError(f"{path} is of face model '{motion.face_model}'", f"'{card.face_model}', as the target is")
    width = motion.expression.shape[1]
    if motion.face_model == mp478.ID and width != EXPRESSION_SIZE:
        raise InputError(f"{path} has {width} expression coefficients", f"{EXPRESSION_SIZE}, as {mp478.ID} has")
    return motion.checked(path)


def lost_in(path: Path) -> str:
    """What of a Live Link recording no face model of ours shows, for people; empty for other files."""
    if path.suffix.lower() != ".csv" or _is_openface(path):
        return ""
    return not_shown(values_of_live_link(read_live_link(path)), path)


def only_head(motion: FaceMotion) -> bool:
    """Whether a motion tells pose and blinks, but nothing of the mouth."""
    return motion.expression.shape[1] == 0


def _is_openface(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return "pose_Rx" in file.readline()
    except (OSError, UnicodeDecodeError):
        return False  # whoever reads it next tells what is wrong with it


def _moved(motion: FaceMotion, rest: FaceMotion) -> FaceMotion:
    """The motion about another resting pose."""
    turn, place = (getattr(motion, part) - getattr(motion, part).mean(axis=0) for part in ("rotation", "translation"))
    return replace(motion, rotation=turn + rest.rotation, translation=place + rest.translation)
