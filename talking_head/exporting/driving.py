"""Motion out of a file, made to fit a target: what was exported and edited drives the target again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from face_model.tracks import MOTION_FPS, FaceMotion, FaceTrack
from foundation.errors import InputError
from foundation.files import read_tensors
from talking_head.exporting.arkit import motion_of_live_link
from talking_head.exporting.livelink import read_live_link
from talking_head.exporting.tables import read_npz
from talking_head.target import TargetCard

SUFFIXES = (".safetensors", ".npz", ".csv")


def read_motion(path: Path | str, card: TargetCard | None = None) -> FaceMotion:
    """The motion in a file: a `FaceMotion` or `FaceTrack` (.safetensors), an exported .npz, a Live Link Face .csv.

    card: of the target to drive. It tells where a head rests that the file does not place (a CSV), or that another
    camera saw (a track); without it that is straight ahead, at the origin.

    Raises:
        InputError: of another kind, damaged, or of another face model than the target's.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"motion file '{path}'", "a .safetensors, .npz or Live Link Face .csv")
    rest = None if card is None else FaceMotion.unpack(np.array([card.motion_statistics.mean]))
    if suffix == ".csv":
        turn, place = (np.zeros(3), np.zeros(3)) if rest is None else (rest.rotation[0], rest.translation[0])
        return motion_of_live_link(read_live_link(path), MOTION_FPS if card is None else card.fps, turn, place)
    if suffix == ".npz":
        motion = read_npz(path)
    elif read_tensors(path)[1].get("kind") == "FaceTrack":
        motion = FaceTrack.load(path).motion
        if rest is not None:
            motion = _moved(motion, rest)
    else:
        motion = FaceMotion.load(path)
    if card is not None and motion.face_model != card.face_model:
        raise InputError(f"{path} is of face model '{motion.face_model}'", f"'{card.face_model}', as the target is")
    return motion


def _moved(motion: FaceMotion, rest: FaceMotion) -> FaceMotion:
    """The motion about another resting pose."""
    turn, place = (getattr(motion, part) - getattr(motion, part).mean(axis=0) for part in ("rotation", "translation"))
    return replace(motion, rotation=turn + rest.rotation, translation=place + rest.translation)
