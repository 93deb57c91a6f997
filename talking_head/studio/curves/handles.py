"""What people take hold of in a motion, and what a pull at it does to the rest of the face.

Each curve is a linear function of the motion, so a changed curve is the smallest change of the motion that gives it,
and leaves the others as they are: a jaw that drops further takes no lips along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from face_model import mp478
from face_model.tracks import AU45_MAX, FaceMotion
from foundation.errors import InputError
from motion_models.brows import raise_direction
from motion_models.lips import gap_columns_mm

CHIN = 152  # the lowest point of the face's oval
HEAD = ("head_yaw", "head_pitch", "head_roll")


@dataclass(frozen=True)
class Handle:
    """label: for people. unit: of its values. low, high: further nobody can mean."""

    label: str
    unit: str
    low: float
    high: float


FACE = {
    "lip_gap": Handle("Lip gap", "mm", 0.0, 30.0), "jaw": Handle("Jaw", "mm", -10.0, 30.0),
    "brows": Handle("Brows", "mm", -8.0, 8.0),
}  # fmt: skip
ALWAYS = {
    "blinks": Handle("Blinks", "", 0.0, 1.0), "head_yaw": Handle("Head, left and right", "°", -30.0, 30.0),
    "head_pitch": Handle("Head, up and down", "°", -30.0, 30.0), "head_roll": Handle("Head, tilted", "°", -30.0, 30.0),
}  # fmt: skip
_ANGLE = {"head_pitch": 0, "head_yaw": 1, "head_roll": 2}  # in `FaceMotion.rotation`


def handles_of(motion: FaceMotion) -> dict[str, Handle]:
    """The curves of a motion by name; one of another face model than ours has lids and head alone."""
    return {**FACE, **ALWAYS} if motion.face_model == mp478.ID else dict(ALWAYS)


@lru_cache(maxsize=1)
def _face() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(what the mean face has `[3]`, what an expression adds `[64, 3]`, what 1 of each curve adds to it `[3, 64]`)."""
    model = mp478.load()
    basis = model.expression_mm.numpy()
    open_mm, columns = gap_columns_mm(model)
    brows = basis[:, list(mp478.RIGHT_BROW + mp478.LEFT_BROW), 1].mean(1)
    reads = np.stack([columns.mean(1), -basis[:, CHIN, 1], brows], axis=1).astype(np.float64)
    mouth = np.linalg.pinv(reads[:, :2])  # each opens its own and leaves the other
    raised = raise_direction().astype(np.float64)
    raised = raised - (raised @ reads[:, :2]) @ mouth
    mouth = mouth - (mouth @ reads[:, 2])[:, None] * raised / (raised @ reads[:, 2])
    return np.array([open_mm.mean(), 0.0, 0.0]), reads, np.vstack([mouth, raised / (raised @ reads[:, 2])])


def read_curves(motion: FaceMotion) -> dict[str, np.ndarray]:
    """Values `[T]` of each curve: mm, degrees, and lids from 0 to 1."""
    found = {name: np.degrees(motion.rotation[:, k]).astype(np.float64) for name, k in _ANGLE.items()}
    found["blinks"] = motion.blink.astype(np.float64) / AU45_MAX
    if motion.face_model == mp478.ID:
        rest, reads, _ = _face()
        found |= dict(zip(FACE, (motion.expression @ reads + rest).T, strict=True))
    return {name: found[name] for name in handles_of(motion)}


def with_curves(motion: FaceMotion, wanted: Mapping[str, np.ndarray]) -> FaceMotion:
    """The motion whose curves are these `[T]`; those left out stay.

    Raises:
        InputError: a curve that there is not, another length, or values that nobody can mean.
    """
    now = read_curves(motion)
    for name, values in wanted.items():
        checked_values(motion, name, values)
    rotation, blink, expression = motion.rotation.copy(), motion.blink, motion.expression.astype(np.float64)
    for name, k in _ANGLE.items():
        if name in wanted:
            rotation[:, k] += np.radians(wanted[name] - now[name]).astype(np.float32)
    if "blinks" in wanted:
        blink = np.clip(wanted["blinks"] * AU45_MAX, 0, AU45_MAX).astype(np.float32)
    for k, name in enumerate(FACE):
        if name in wanted:
            expression = expression + (wanted[name] - now[name])[:, None] * _face()[2][k]
    return replace(motion, rotation=rotation, blink=blink, expression=expression.astype(np.float32))


def checked_values(motion: FaceMotion, name: str, values: np.ndarray, first: int = 0) -> None:
    """Refuse what cannot be put into a motion from a frame on.

    Raises:
        InputError: a curve that there is not, frames that there are not, or values that nobody can mean.
    """
    known = handles_of(motion)
    if name not in known:
        raise InputError(f"curve '{name[:40]}'", f"one of {', '.join(known)}")
    if first < 0 or first + len(values) > len(motion):
        raise InputError(f"frames {first} to {first + len(values)} of '{name}'", f"0 to {len(motion)}")
    reach = known[name].high - known[name].low
    if not np.isfinite(values).all() or (np.abs(values) > 2 * reach).any():
        raise InputError(f"values of '{name}'", f"{known[name].low:g} to {known[name].high:g}")
