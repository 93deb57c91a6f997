"""Deng et al. 2019 over the Basel Face Model: their front model, their 257 coefficients, their coefficient files.

The front model (`BFM_model_front.mat`, made by the authors' script from a Basel Face Model 2009 of the user's own) is
in decimetres, x right, y up, z towards the viewer. Their rotation is ours, R = Rz Ry Rx; their camera stands at z = 10
dm and looks back along z, focal 1015 for 224 pixels. So their pose is ours but for the unit and those 10 dm.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from face_model.cameras import PinholeCamera
from face_model.illumination import illumination_from_deng, illumination_to_deng
from face_model.morphable_model import MorphableModel, Region
from face_model.tracks import FaceIdentity, FaceMotion
from foundation.errors import InputError
from foundation.files import atomic_path
from foundation.matlab import read_mat

ID = "deng_bfm"
MM_PER_DM = 100.0
CAMERA_DISTANCE_DM = 10.0
PICTURE_PX = 224
FOCAL_PX = 1015.0
IDENTITY_SIZE, EXPRESSION_SIZE, TEXTURE_SIZE = 80, 64, 80
_BASES = {"idBase": IDENTITY_SIZE, "exBase": EXPRESSION_SIZE, "texBase": TEXTURE_SIZE}
_MODEL_KEYS = ("meanshape", "meantex", "idBase", "exBase", "texBase", "tri", "keypoints")


def camera() -> PinholeCamera:
    """The camera of the reconstruction, for the aligned picture of 224 x 224 pixels."""
    return PinholeCamera(FOCAL_PX, PICTURE_PX / 2, PICTURE_PX / 2, PICTURE_PX, PICTURE_PX)


@dataclass(frozen=True)
class DengModel:
    """The front model. model: in our units, origin at the centre of the mean shape's vertices, as the reconstruction
    has it.

    centre_mm: `[3]`, that centre in the file's own frame, for data whose origin is the file's (the published FACIAL's
    fits).
    """

    model: MorphableModel
    centre_mm: np.ndarray


def load(path: Path | str) -> DengModel:
    """The user's `BFM_model_front.mat`.

    Expression and identity are per standard deviation, as the file has them; albedo becomes 0-1. The model has neither
    lids that close nor eyes or an inner mouth: `blink_mm` is zero and every triangle is skin. The file has no texture
    picture coordinates; they are made by unrolling the mean shape onto a cylinder about y. `index_sets["landmarks68"]`
    are its 68 keypoints.

    Raises:
        InputError: not such a file; what does not fit is named.
    """
    path = Path(path)
    content = read_mat(path)
    missing = [key for key in _MODEL_KEYS if key not in content]
    if missing:
        remedy = "make it with the authors' transferBFM09 from your Basel Face Model 2009"
        raise InputError(f"{path} lacks {', '.join(missing)}", "the layout of BFM_model_front.mat", remedy)
    mean_dm = content["meanshape"].reshape(-1, 3).astype(np.float64)
    count = len(mean_dm)
    for key, size in _BASES.items():
        if content[key].shape != (3 * count, size):
            raise InputError(f"{path}: {key} is {content[key].shape}", f"({3 * count}, {size})")
    centre = mean_dm.mean(0)
    triangles = torch.from_numpy(content["tri"].astype(np.int64) - 1)  # MATLAB counts from 1
    keypoints = torch.from_numpy(content["keypoints"].astype(np.int64).ravel() - 1)
    for name, index in (("tri", triangles), ("keypoints", keypoints)):
        if index.numel() == 0 or index.min() < 0 or index.max() >= count:
            raise InputError(f"{path}: {name} points outside the {count} vertices", "indices from 1")

    def basis(key: str, scale: float) -> torch.Tensor:
        return torch.from_numpy((content[key].T * scale).reshape(_BASES[key], count, 3).astype(np.float32))

    model = MorphableModel(
        id=ID,
        mean_mm=torch.from_numpy(((mean_dm - centre) * MM_PER_DM).astype(np.float32)),
        identity_mm=basis("idBase", MM_PER_DM), expression_mm=basis("exBase", MM_PER_DM), blink_mm=torch.zeros(count,
        3), albedo=torch.from_numpy((content["meantex"].reshape(-1, 3) / 255).astype(np.float32)),
        texture=basis("texBase", 1 / 255),
        triangles=triangles, triangle_region=torch.full((len(triangles),), int(Region.SKIN)),
        uv=_unrolled(mean_dm - centre), index_sets={"landmarks68": keypoints},
    )
    return DengModel(model, (centre * MM_PER_DM).astype(np.float32))


def _unrolled(points: np.ndarray) -> torch.Tensor:
    """Texture coordinates `[V, 2]` 0-1 of points `[V, 3]` on a cylinder about y, whose axis lies behind the face."""
    depth = points[:, 2] - points[:, 2].min() + 0.1 * np.ptp(points[:, 2]) + 1e-9
    flat = np.stack([np.arctan2(points[:, 0], depth), -points[:, 1]], axis=1)
    return torch.from_numpy(((flat - flat.min(0)) / np.maximum(np.ptp(flat, axis=0), 1e-9)).astype(np.float32))


@dataclass(frozen=True)
class DengCoefficients:
    """The reconstruction's numbers in its own units; one row a frame.

    identity: `[T, 80]`. expression: `[T, 64]`. texture: `[T, 80]`. angles: `[T, 3]` radians about x, y, z. gamma: `[T,
    27]`, light around a white constant of 0.8. translation_dm: `[T, 3]`. `pack`/`unpack` own the flat 257.
    """

    identity: np.ndarray
    expression: np.ndarray
    texture: np.ndarray
    angles: np.ndarray
    gamma: np.ndarray
    translation_dm: np.ndarray
    SIZES: ClassVar[tuple[int, ...]] = (IDENTITY_SIZE, EXPRESSION_SIZE, TEXTURE_SIZE, 3, 27, 3)
    SIZE: ClassVar[int] = 257

    def __len__(self) -> int:
        return len(self.angles)

    def pack(self) -> np.ndarray:
        """The flat `[T, 257]`: identity, expression, texture, angles, illumination, translation."""
        return np.concatenate([getattr(self, f.name) for f in fields(self)], axis=1).astype(np.float32)

    @staticmethod
    def unpack(values: np.ndarray) -> DengCoefficients:
        """The inverse of `pack`.

        Raises:
            InputError: not `[T, 257]`.
        """
        values = np.asarray(values, np.float32)
        if values.ndim != 2 or values.shape[1] != DengCoefficients.SIZE:
            raise InputError(f"coefficients of shape {values.shape}", f"(frames, {DengCoefficients.SIZE})")
        return DengCoefficients(*np.split(values, np.cumsum(DengCoefficients.SIZES)[:-1], axis=1))

    def motion(self, fps: float, blink: np.ndarray | None = None) -> FaceMotion:
        """The motion of a `load`ed model, seen with `camera()`; blink `[T]` is AU45 from elsewhere, else 0 (open)."""
        camera_dm = self.translation_dm - np.array([0, 0, CAMERA_DISTANCE_DM], np.float32)
        blink = np.zeros(len(self), np.float32) if blink is None else blink
        return FaceMotion(fps, self.expression, self.angles, camera_dm * MM_PER_DM, blink, ID)

    def person(self) -> FaceIdentity:
        """The mean over the frames of what stays fixed, with the whole light in place of gamma."""
        light = illumination_from_deng(torch.from_numpy(self.gamma.mean(0))).numpy()
        return FaceIdentity(self.identity.mean(0), self.texture.mean(0), light)

    @staticmethod
    def of(motion: FaceMotion, person: FaceIdentity) -> DengCoefficients:
        """The coefficients of a motion of this model and a person: the inverse of `motion` and `person`.

        Raises:
            InputError: the motion is of another face model.
        """
        if motion.face_model != ID:
            raise InputError(f"a motion of face model '{motion.face_model}'", f"one of '{ID}'")
        gamma = illumination_to_deng(torch.from_numpy(person.illumination)).numpy()
        fixed = (np.tile(v, (len(motion), 1)) for v in (person.identity, person.texture, gamma))
        identity, texture, gamma = fixed
        translation = motion.translation / MM_PER_DM + np.array([0, 0, CAMERA_DISTANCE_DM], np.float32)
        return DengCoefficients(identity, motion.expression, texture, motion.rotation, gamma, translation)


# Names of the parts in the files of the authors' later (PyTorch) release, in the order of the fields.
_LATER_NAMES = ("id", "exp", "tex", "angle", "gamma", "trans")
_FLAT_NAMES = ("coeff", "face")  # the authors' files; the published FACIAL's gathered .npz


def _coefficients_of(content: dict[str, Any], path: Path) -> DengCoefficients:
    for name in _FLAT_NAMES:
        if name in content:
            return DengCoefficients.unpack(np.atleast_2d(content[name]))
    if all(name in content for name in _LATER_NAMES):
        return DengCoefficients.unpack(np.concatenate([np.atleast_2d(content[name]) for name in _LATER_NAMES], axis=1))
    found = ", ".join(k for k in content if not k.startswith("__")) or "nothing"
    raise InputError(f"{path} holds {found}", f"'coeff', 'face' or {', '.join(_LATER_NAMES)}")


def _frame_order(path: Path) -> tuple[int, str]:
    digits = "".join(c for c in path.stem if c.isdigit())
    return (int(digits) if digits else -1, path.stem)


def read_coefficients(path: Path | str) -> DengCoefficients:
    """Coefficients from a `.mat` (either release), a `.npz`, or a folder of one `.mat` a frame, in the order of their
    numbers.

    Raises:
        InputError: not such a file or folder.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(path.glob("*.mat"), key=_frame_order)
        if not files:
            raise InputError(f"{path} holds no .mat file", "one a frame")
        return DengCoefficients.unpack(np.concatenate([read_coefficients(file).pack() for file in files]))
    if path.suffix == ".mat":
        return _coefficients_of(read_mat(path), path)
    if not path.is_file():
        raise InputError(f"{path} does not exist", "a .mat or .npz file, or a folder of .mat files")
    try:
        with np.load(path, allow_pickle=False) as file:
            return _coefficients_of({name: file[name] for name in file.files}, path)
    except (ValueError, OSError, EOFError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not readable as .npz ({error})", "a .npz of plain arrays") from error


def write_coefficients(path: Path | str, coefficients: DengCoefficients) -> None:
    """Write `coeff` `[T, 257]` as `.mat` or `.npz`, by the suffix, whole or not at all.

    Raises:
        InputError: another suffix.
    """
    from scipy.io import savemat

    path = Path(path)
    if path.suffix not in (".mat", ".npz"):
        raise InputError(f"a coefficient file '{path.name}'", "the suffix .mat or .npz")
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        if path.suffix == ".mat":
            savemat(file, {"coeff": coefficients.pack()})
        else:
            np.savez(file, coeff=coefficients.pack())
