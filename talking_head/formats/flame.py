"""FLAME parameters of a motion, and the motion of such parameters, through the user's own FLAME file.

The npz has the names that FLAME's own code uses: `expression` `[T, E]` in deviations, `jaw_pose` `[T, 3]` and
`global_orient` `[T, 3]` axis-angle in radians about those joints, `transl` `[T, 3]` in metres, and zeros for what a
motion does not tell (`betas`, `neck_pose`, `leye_pose`, `reye_pose`); besides, `fps`, and `au45` `[T]`, since FLAME's
lids are part of its expression. `transfer` finds what moves FLAME's points as ours move.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from face_model import flame, mp478
from face_model.rotations import rotation_angles, rotation_matrix
from face_model.tracks import AU45_MAX, FaceMotion
from face_model.transfer import ExpressionSpace, expression_space, flame_space, transfer
from foundation.errors import InputError
from foundation.files import atomic_path

VARIABLE = "TALKING_HEAD_FLAME"  # the user's FLAME file
M_PER_MM = 1e-3
EXPRESSIONS = 100  # how many of the file's directions are used at most
ZEROS = {"neck_pose": 3, "leye_pose": 3, "reye_pose": 3}
PARTS = ("expression", "jaw_pose", "global_orient", "transl")


def flame_file(given: Path | str | None = None) -> Path:
    """The user's FLAME file: the one given, else the one that the environment's `TALKING_HEAD_FLAME` names.

    Raises:
        InputError: neither is there.
    """
    path = Path(given or os.environ.get(VARIABLE) or "")
    if not path.is_file():
        received = f"no FLAME model at '{path}'" if path.name else "FLAME without its model"
        remedy = f"get generic_model.pkl at flame.is.tue.mpg.de (its licence is its own) and set {VARIABLE} to it"
        raise InputError(received, "your FLAME .pkl or .npz", remedy)
    return path


@lru_cache(maxsize=2)
def _model(path: Path) -> tuple[flame.FlameModel, ExpressionSpace]:
    model = flame.load(path)
    kept = model.with_sizes(len(model.shape_mm), min(EXPRESSIONS, len(model.expression_mm)))
    return kept, flame_space(kept)


@lru_cache(maxsize=1)
def _ours() -> ExpressionSpace:
    return expression_space(mp478.load())


def _root_mm(model: flame.FlameModel, expression: np.ndarray) -> np.ndarray:
    """Where the root joint lies under expressions `[T, E]`, `[T, 3]`: FLAME turns about it, a motion about the origin.
    """
    joint = model.joint_regressor[0]
    moved = torch.einsum("v,kvc->kc", joint, model.expression_mm[: expression.shape[1]]).numpy()
    return (joint @ model.template_mm).numpy().astype(np.float64) + expression @ moved


def _turned(turn: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.einsum("tab,tb->ta", turn, points)


def write_flame(motion: FaceMotion, path: Path | str, model_file: Path | str | None = None) -> None:
    """Write a motion of `mp478`, or of FLAME itself, as FLAME parameters.

    Raises:
        InputError: no FLAME file, or a motion of another face model.
    """
    model, space = _model(flame_file(model_file))
    if motion.face_model != flame.ID:
        motion = transfer(motion, _ours(), space).motion
    turn = rotation_matrix(torch.from_numpy(np.asarray(motion.rotation, np.float64))).numpy()
    expression = motion.expression[:, : -flame.JAW_SIZE]
    root = _root_mm(model, expression)
    parts = {
        "expression": expression,
        "jaw_pose": motion.expression[:, -flame.JAW_SIZE :],
        "global_orient": Rotation.from_matrix(turn).as_rotvec(),
        "transl": (motion.translation + _turned(turn, root) - root) * M_PER_MM,
        "betas": np.zeros(len(model.shape_mm)),
        "au45": motion.blink,
    } | {name: np.zeros((len(motion), size)) for name, size in ZEROS.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        arrays = {name: np.asarray(value, np.float32) for name, value in parts.items()}
        np.savez_compressed(file, fps=np.float64(motion.fps), **arrays)  # type: ignore[arg-type]


def is_flame(path: Path) -> bool:
    """Whether an npz holds FLAME parameters."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return "jaw_pose" in file.files
    except Exception:  # whoever reads it next tells what is wrong with it
        return False


def read_flame(path: Path | str, model_file: Path | str | None = None) -> FaceMotion:
    """The motion of `mp478` that FLAME parameters mean; lids follow `au45` where the file has it, else stay open.

    Raises:
        InputError: no FLAME file, not such an npz, or numbers that are not finite or do not fit together.
    """
    model, space = _model(flame_file(model_file))
    expected = f"an npz with fps, {', '.join(PARTS)}"
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = {name: np.asarray(file[name], np.float64) for name in PARTS}
            fps = float(file["fps"])
            blink = np.asarray(file["au45"], np.float64) if "au45" in file.files else None
    except Exception as error:  # zip and npy parsers raise many kinds
        raise InputError(f"{path} is not such a file ({error})", expected) from error
    count = len(parts["expression"])
    blink = np.zeros(count) if blink is None else blink
    shapes = {name: parts[name].shape for name in PARTS}
    size = len(model.expression_mm)
    fits = parts["expression"].ndim == 2 and parts["expression"].shape[1] <= size and blink.shape == (count,)
    if not (fits and count and fps > 0 and all(shapes[name] == (count, 3) for name in PARTS[1:])):
        raise InputError(f"{path}: arrays of shapes {shapes} at {fps:g} fps", f"{expected}, at most {size} expressions")
    if not all(np.isfinite(part).all() for part in (*parts.values(), blink)):
        raise InputError(f"{path} holds NaN or infinity", "finite numbers")
    turn = Rotation.from_rotvec(parts["global_orient"]).as_matrix()
    root = _root_mm(model, parts["expression"])
    expression = np.zeros((count, size + flame.JAW_SIZE))
    expression[:, : parts["expression"].shape[1]] = parts["expression"]
    expression[:, size:] = parts["jaw_pose"]
    motion = FaceMotion(
        fps, expression.astype(np.float32), rotation_angles(torch.from_numpy(turn)).numpy().astype(np.float32),
        (parts["transl"] / M_PER_MM - _turned(turn, root) + root).astype(np.float32),
        np.clip(blink, 0, AU45_MAX).astype(np.float32), flame.ID,
    )
    return replace(transfer(motion, space, _ours()).motion, blink=motion.blink)
