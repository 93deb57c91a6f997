"""Motion as npz, and as a CSV with the columns of OpenFace's FeatureExtraction."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from face_model import mp478
from face_model.arkit import ARKIT_NAMES
from face_model.rotations import rotation_matrix
from face_model.tracks import MAX_NUMBER, FaceMotion
from foundation.errors import InputError
from foundation.files import atomic_path
from preprocessing.tracking import fill_gaps
from preprocessing.tracking.openface import (
    CENTRE_OF_PIXEL_PX,
    blink_of,
    one_face,
    our_points_mm,
    our_rotation,
    table_fps,
)
from preprocessing.tracking.tables import FACE_MODEL, LANDMARKS, read_table
from talking_head.formats.arkit import arkit_values
from talking_head.formats.seen68 import Seen68

NPZ_PARTS = ("expression", "rotation", "translation", "blink")
OPENFACE_HEADER = (
    "frame", "face_id", "timestamp", "confidence", "success", "pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry",
    "pose_Rz", "AU45_r", "AU45_c",
)  # fmt: skip
OURS = "talking_head"  # a column of ones: the head's origin and camera are this product's
LANDMARK_HEADER = tuple(f"{axis}_{k}" for axis in ("x", "y", "X", "Y", "Z") for k in range(LANDMARKS))
AU_PRESENT = 1.0  # intensity from which OpenFace's A-E scale calls an action unit present
HALF_TURN = np.array([1.0, -1.0, -1.0])  # about x: from y up, z to the viewer, to y down, z away


def write_npz(motion: FaceMotion, path: Path | str, values: np.ndarray | None = None) -> None:
    """Write the motion's arrays, `fps`, `face_model`, and `arkit` `[T, 52]` with `arkit_names`; no pickle inside.

    values: what to write as `arkit`; None for the values of the motion's expression.
    """
    parts = {name: np.asarray(getattr(motion, name), np.float32) for name in NPZ_PARTS}
    if motion.face_model == mp478.ID:
        arkit = arkit_values(motion) if values is None else values
        parts |= {"arkit": arkit.astype(np.float32), "arkit_names": np.array(ARKIT_NAMES)}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        about = {"fps": np.float64(motion.fps), "face_model": np.array(motion.face_model)}
        np.savez_compressed(file, **about, **parts)  # type: ignore[arg-type]


def is_published_facial(path: Path) -> bool:
    """Whether an .npz is a motion or fit of the published FACIAL code."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return "face" in file.files
    except Exception:  # zip and npy parsers raise many kinds
        return False  # whoever reads it next tells what is wrong with it


def read_npz(path: Path | str) -> FaceMotion:
    """Read what `write_npz` wrote.

    Raises:
        InputError: no such file, not such a file, or numbers that are not finite or do not fit together.
    """
    expected = f"an npz with fps, face_model, {', '.join(NPZ_PARTS)}"
    if is_published_facial(Path(path)):
        remedy = f"move it first: talking-head transfer {path} -o MOVED.safetensors (docs/backends.md)"
        raise InputError(f"{path} is a motion of the published FACIAL code, of another face model", expected, remedy)
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = {name: np.asarray(file[name], np.float32) for name in NPZ_PARTS}
            fps, face_model = float(file["fps"]), str(file["face_model"])
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or 'damaged'})", expected) from error
    except Exception as error:  # zip and npy parsers raise many kinds
        raise InputError(f"{path} is not such a file ({error})", expected) from error
    return FaceMotion(fps=fps, face_model=face_model, **parts).checked(path)


def write_openface(motion: FaceMotion, path: Path | str, seen: Seen68 | None = None) -> None:
    """Write pose, AU45 and landmarks under OpenFace's names: camera frame x right, y down, z away, mm and radians.

    The position is of this product's head origin; the column `OURS` tells so.

    Args:
        seen: the landmarks; without them `track` cannot read the file, for a motion alone has no camera.
    """
    turn = rotation_matrix(torch.from_numpy(np.asarray(motion.rotation, np.float64))).numpy()
    angles = Rotation.from_matrix(turn).as_euler("XYZ") * HALF_TURN  # intrinsic: R = Rx Ry Rz
    place = motion.translation * HALF_TURN
    points = np.zeros((len(motion), 0)) if seen is None else _landmark_columns(seen)
    with atomic_path(path) as temporary, temporary.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*OPENFACE_HEADER, OURS, *(LANDMARK_HEADER if seen is not None else ())))
        for k, (shift, angle, blink) in enumerate(zip(place, angles, motion.blink, strict=True)):
            pose = [f"{v:.3f}" for v in shift] + [f"{v:.6f}" for v in angle]
            lids = (f"{blink:.3f}", f"{float(blink >= AU_PRESENT):.2f}")
            marks = [f"{v:.3f}" for v in points[k]]
            writer.writerow((k + 1, 0, f"{k / motion.fps:.3f}", "1.000", 1, *pose, *lids, 1, *marks))


def _landmark_columns(seen: Seen68) -> np.ndarray:
    """`[T, 340]` in the order of `LANDMARK_HEADER`; OpenFace counts pixels from the centre of the first one."""
    columns = (*np.moveaxis(seen.pixels() - CENTRE_OF_PIXEL_PX, 2, 0), *np.moveaxis(seen.points_mm * HALF_TURN, 2, 0))
    return np.concatenate(columns, axis=1)


def read_openface_motion(path: Path | str) -> tuple[FaceMotion, bool]:
    """Head pose and AU45 of a CSV with OpenFace's names: one that `write_openface` wrote, or OpenFace's own.

    Returns:
        The motion, without expression (`[T, 0]`, face model `landmarks68`), frames without a face interpolated; and
        whether the file has the landmarks of a picture that is not ours, that is, whether another camera saw this head.

    Raises:
        InputError: not such a file; what is missing is named.
    """
    table = one_face(read_table(path))
    fps = table_fps(table)
    pose = table.columns("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz")
    blink = blink_of(table)
    known = np.abs(np.column_stack([pose, blink])) <= MAX_NUMBER  # false of NaN, too
    valid = (table.column("success") == 1) & known.all(axis=1)
    pose, blink = np.where(valid[:, None], pose, 0), np.where(valid, blink, 0)
    if not valid.any():
        raise InputError(f"{path} has no frame with a face", "at least one")
    turn, place = our_rotation(pose[:, 3:]), our_points_mm(pose[:, :3])
    turn, place, lids = (fill_gaps(np.asarray(p, np.float32), valid) for p in (turn, place, blink))
    motion = FaceMotion(fps, np.zeros((len(pose), 0), np.float32), turn, place, lids, FACE_MODEL)
    return motion, "x_0" in table and OURS not in table
