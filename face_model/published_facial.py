"""Motion and fit files of the published FACIAL code, in and out.

Both are `.npz` files with one array `face`. A motion has 71 columns: angles about x, y, z in degrees (R = Rz Ry Rx,
ours), scale, shift to the right, shift up, AU45 (0-5; the network overshoots a little below 0), expression 64 of
Deng's model. A fit has 258: angles, scale, shift right, up and towards the viewer (unused), expression 64, identity
80, texture 80, illumination 27.

The camera is weak perspective: a point of the front model (decimetres, the file's own origin) is turned, multiplied
by the scale (pixels a decimetre), shifted (pixels) and drawn with y flipped about the middle of a picture of 512 x
512; pixel indices there are half a pixel off ours. The network itself works on z-scored angles, scale and shifts; a
file of it as it comes out needs the mean and deviation of the person's fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from face_model import deng
from face_model.cameras import FOCAL_PER_SIZE, WeakPerspectiveCamera
from face_model.illumination import illumination_from_deng
from face_model.rotations import rotation_matrix
from face_model.tracks import MAX_NUMBER, MOTION_FPS, FaceIdentity, FaceMotion
from foundation.errors import InputError
from foundation.files import atomic_path

PICTURE_PX = 512
MOTION_COLUMNS, FIT_COLUMNS, POSE_COLUMNS = 71, 258, 6
MIN_SCALE = 5.0  # pixels a decimetre: at less, a face is some seven pixels wide, or the number is a z-score
NO_SHIFT = np.zeros(3, np.float32)


def camera(size_px: int = PICTURE_PX) -> WeakPerspectiveCamera:
    """The camera of pictures drawn from such files; its focal length tells the distance that a scale stands for."""
    middle = size_px / 2
    return WeakPerspectiveCamera(FOCAL_PER_SIZE * size_px, middle + 0.5, middle - 0.5, size_px, size_px)


def _face(path: Path, columns: int) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"{path} does not exist", "a .npz file of the published FACIAL code")
    try:
        with np.load(path, allow_pickle=False) as file:
            values = np.asarray(file["face"])  # bytes, where the member is no array
    except Exception as error:  # zip and npy parsers raise many kinds
        raise InputError(f"{path} is not readable ({error})", "a .npz file with an array 'face'") from error
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: face holds {values.dtype}", "numbers")
    if values.ndim != 2 or values.shape[1] != columns or len(values) == 0:
        raise InputError(f"{path}: face is {values.shape}", f"(frames, {columns})")
    if not (np.abs(values) <= MAX_NUMBER).all():  # false of NaN, too
        raise InputError(f"{path} holds NaN, infinity or huge numbers", "numbers that a face has")
    return values.astype(np.float64)


def _write(path: Path | str, values: np.ndarray) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, face=values)


def _shift_of_origin(rotation: np.ndarray, centre_mm: np.ndarray) -> np.ndarray:
    """Where the turned centre lies `[T, 3]` mm, seen from the origin of the file's own frame."""
    return np.einsum("tab,b->ta", rotation_matrix(torch.from_numpy(rotation)).numpy(), centre_mm.astype(np.float64))


def _motion(
    pose: np.ndarray, blink: np.ndarray, expression: np.ndarray, fps: float, centre_mm: np.ndarray, size_px: int
) -> FaceMotion:
    """pose: `[T, 6]`, angles in degrees, scale, shift right, shift up."""
    if (pose[:, 3] < MIN_SCALE).any():
        remedy = "give the fit's pose_statistics() if this is the network's own output, which is z-scored"
        raise InputError(f"a scale of {pose[:, 3].min():.3g} pixels a decimetre", f"{MIN_SCALE:g} or more", remedy)
    rotation = np.deg2rad(pose[:, :3])
    px_per_mm = pose[:, 3:4] / deng.MM_PER_DM
    across_mm = pose[:, 4:6] / px_per_mm + _shift_of_origin(rotation, centre_mm)[:, :2]
    translation_mm = np.concatenate([across_mm, -camera(size_px).focal_px / px_per_mm], axis=1)
    expression, rotation, translation_mm, blink = (
        np.asarray(values, np.float32) for values in (expression, rotation, translation_mm, blink)
    )
    return FaceMotion(fps, expression, rotation, translation_mm, blink, deng.ID)


def _pose(motion: FaceMotion, centre_mm: np.ndarray, size_px: int) -> np.ndarray:
    """The inverse of what `_motion` does to a pose."""
    if motion.face_model != deng.ID:
        raise InputError(f"a motion of face model '{motion.face_model}'", f"one of '{deng.ID}'", "transfer it first")
    rotation, translation_mm = motion.rotation.astype(np.float64), motion.translation.astype(np.float64)
    px_per_mm = camera(size_px).focal_px / -translation_mm[:, 2:]
    across_px = (translation_mm[:, :2] - _shift_of_origin(rotation, centre_mm)[:, :2]) * px_per_mm
    return np.concatenate([np.rad2deg(rotation), px_per_mm * deng.MM_PER_DM, across_px], axis=1)


def read_motion(
    path: Path | str, fps: float = MOTION_FPS, statistics: tuple[np.ndarray, np.ndarray] | None = None,
    centre_mm: np.ndarray = NO_SHIFT, size_px: int = PICTURE_PX,
) -> FaceMotion:
    """A motion `.npz` of the published code, as a motion of `deng.ID` to be seen with `camera(size_px)`.

    Args:
        path: the file. fps: its rate; the published code works at 30. statistics: mean and deviation `[6]` of
        angles, scale and shifts, for a file whose pose is still z-scored. centre_mm: `DengModel.centre_mm`, when
        the motion is to drive `deng.load`'s model, whose origin is there; zero: the file's own origin. size_px: of
        the fitted video.

    Raises:
        InputError: not such a file, or a pose that is still z-scored.
    """
    values = _face(Path(path), MOTION_COLUMNS)
    pose, blink, expression = np.split(values, [POSE_COLUMNS, POSE_COLUMNS + 1], axis=1)
    if statistics is not None:
        pose = pose * statistics[1] + statistics[0]
    return _motion(pose, blink[:, 0], expression, fps, centre_mm, size_px)


def write_motion(
    path: Path | str, motion: FaceMotion, statistics: tuple[np.ndarray, np.ndarray] | None = None,
    centre_mm: np.ndarray = NO_SHIFT, size_px: int = PICTURE_PX,
) -> None:
    """Write a motion of `deng.ID` as the published code has it: the inverse of `read_motion`, with the same arguments.

    Raises:
        InputError: the motion is of another face model.
    """
    pose = _pose(motion, centre_mm, size_px)
    if statistics is not None:
        pose = (pose - statistics[0]) / statistics[1]
    _write(path, np.concatenate([pose, motion.blink[:, None], motion.expression], axis=1).astype(np.float64))


@dataclass(frozen=True)
class PublishedFit:
    """The fit of a person's video, in the published code's units; one row a frame.

    pose: `[T, 6]`, angles in degrees, scale (pixels a decimetre), shift right and up (pixels). depth: `[T]`, fitted
    and never used. expression: `[T, 64]`. identity: `[T, 80]`. texture: `[T, 80]`. gamma: `[T, 27]`, light around a
    white constant of 0.8.
    """

    pose: np.ndarray
    depth: np.ndarray
    expression: np.ndarray
    identity: np.ndarray
    texture: np.ndarray
    gamma: np.ndarray

    def pose_statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation `[6]` by which the published code z-scores the pose."""
        return self.pose.mean(0), self.pose.std(0)

    def person(self) -> FaceIdentity:
        """The first frame's identity, texture and light, which the published code uses for the whole video."""
        light = illumination_from_deng(torch.from_numpy(self.gamma[0])).numpy()
        identity, texture = self.identity[0].astype(np.float32), self.texture[0].astype(np.float32)
        return FaceIdentity(identity, texture, light.astype(np.float32))

    def motion(
        self, blink: np.ndarray, fps: float = MOTION_FPS, centre_mm: np.ndarray = NO_SHIFT, size_px: int = PICTURE_PX
    ) -> FaceMotion:
        """The motion with AU45 `[T]` from OpenFace, which the fit does not hold."""
        return _motion(self.pose, blink, self.expression, fps, centre_mm, size_px)


def read_fit(path: Path | str) -> PublishedFit:
    """A fit `.npz` `[T, 258]` of the published code.

    Raises:
        InputError: not such a file.
    """
    pose, depth, *rest = np.split(_face(Path(path), FIT_COLUMNS), [6, 7, 71, 151, 231], axis=1)
    return PublishedFit(pose, depth[:, 0], *rest)


def write_fit(path: Path | str, fit: PublishedFit) -> None:
    """The inverse of `read_fit`."""
    parts = (fit.pose, fit.depth[:, None], fit.expression, fit.identity, fit.texture, fit.gamma)
    _write(path, np.concatenate(parts, axis=1))
