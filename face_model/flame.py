"""FLAME (Li et al., SIGGRAPH Asia 2017) from the user's own file: shape, expression, joints, linear blend skinning.

The file is in metres, x right, y up, z towards the viewer; here everything is in mm. Joints: the root, neck, jaw,
left eye, right eye; a pose turns each about itself by an axis-angle vector (radians).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from face_model.morphable_model import MorphableModel, Region
from face_model.safe_pickle import read_pickled_arrays
from foundation.errors import InputError

ID = "flame"
MM_PER_M = 1000.0
SHAPE_SIZE = 300  # of the file's directions the first 300 are shape, the rest expression
JOINTS = ("root", "neck", "jaw", "left_eye", "right_eye")
POSE_SIZE = 3 * len(JOINTS)
VERTICES = 5_023
LEFT_EYEBALL, RIGHT_EYEBALL = slice(3_931, 4_477), slice(4_477, 5_023)
SKIN_RGB, EYE_RGB = (0.78, 0.60, 0.51), (0.93, 0.92, 0.90)  # the generic model has no colours
JAW_SIZE = 3
JAW_STEP_RAD = 0.25  # a jaw opens up to about so far in speech; over it the turn is taken as straight
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")


@dataclass(frozen=True)
class FlamePose:
    """Turns of the five joints, `[..., 3]` axis-angle each, in the file's order. `pack`/`unpack` own the flat 15."""

    root: Tensor
    neck: Tensor
    jaw: Tensor
    left_eye: Tensor
    right_eye: Tensor

    def pack(self) -> Tensor:
        """`[..., 15]`."""
        return torch.cat([getattr(self, joint) for joint in JOINTS], dim=-1)

    @staticmethod
    def unpack(values: Tensor) -> FlamePose:
        """The inverse of `pack`."""
        return FlamePose(*values.split(3, dim=-1))


@dataclass(frozen=True)
class FlameModel:
    """FLAME over V vertices (5,023) and J = 5 joints, lengths in mm.

    template_mm: `[V, 3]`. shape_mm: `[S, V, 3]`, per standard deviation. expression_mm: `[E, V, 3]`. correctives_mm:
    `[36, V, 3]`, offsets per entry of (R - 1) of the joints after the root. joint_regressor: `[J, V]`. weights:
    `[V, J]`. parents: one a joint, -1 for the root. triangles: `[F, 3]`. year: of the release, as the user says it
    (files do not tell), None if unknown.
    """

    template_mm: Tensor
    shape_mm: Tensor
    expression_mm: Tensor
    correctives_mm: Tensor
    joint_regressor: Tensor
    weights: Tensor
    parents: tuple[int, ...]
    triangles: Tensor
    year: int | None = None

    def with_sizes(self, shape: int, expression: int) -> FlameModel:
        """The same model with only the first directions of shape and expression."""
        return replace(self, shape_mm=self.shape_mm[:shape], expression_mm=self.expression_mm[:expression])

    def neutral(self, shape: Tensor, expression: Tensor) -> Tensor:
        """Vertices `[..., V, 3]` in rest pose of shape `[..., S]` and expression `[..., E]`."""
        offsets = torch.einsum("...k,kvc->...vc", shape, self.shape_mm)
        return self.template_mm + offsets + torch.einsum("...k,kvc->...vc", expression, self.expression_mm)

    def vertices(self, shape: Tensor, expression: Tensor, pose: FlamePose) -> Tensor:
        """Posed vertices `[..., V, 3]` in mm; differentiable. Leading axes of the three broadcast.

        Shape -> joints -> pose correctives -> each joint's motion, weighted at every vertex (section 3, eq. 1-3).
        """
        rest = self.neutral(shape, expression)
        joints = torch.einsum("jv,...vc->...jc", self.joint_regressor, rest)
        turns = axis_angle_matrix(pose.pack().unflatten(-1, (-1, 3)))
        change = (turns[..., 1:, :, :] - torch.eye(3, dtype=turns.dtype, device=turns.device)).flatten(-3)
        corrected = rest + torch.einsum("...k,kvc->...vc", change, self.correctives_mm)
        turn, shift = self._chain(turns, joints)
        turn_at = torch.einsum("vj,...jab->...vab", self.weights, turn)
        shift_at = torch.einsum("vj,...ja->...va", self.weights, shift)
        return torch.einsum("...vab,...vb->...va", turn_at, corrected) + shift_at

    def morphable(self) -> MorphableModel:
        """The head as a linear model: shape, and expression with the jaw's three turns (radians) as its last columns.

        A jaw moves on an arc; here each point goes straight to where a quarter of a radian brings it, which is exact
        there and at rest, and for sideways turns halfway between both sides. `with_jaw` gives the exact head back.
        """
        rest = self.template_mm
        turned = []
        for axis in range(JAW_SIZE):
            pose = torch.zeros(2, POSE_SIZE)
            pose[:, 3 * JOINTS.index("jaw") + axis] = torch.tensor([JAW_STEP_RAD, -JAW_STEP_RAD])
            ahead, back = self.vertices(
                torch.zeros(len(self.shape_mm)), torch.zeros(len(self.expression_mm)), FlamePose.unpack(pose)
            )
            turned.append((ahead - rest) / JAW_STEP_RAD if axis == 0 else (ahead - back) / (2 * JAW_STEP_RAD))
        count = len(rest)
        region = torch.full((len(self.triangles),), int(Region.SKIN))
        albedo = torch.tensor(SKIN_RGB).repeat(count, 1)
        if count == VERTICES:
            for eye, side in ((LEFT_EYEBALL, Region.LEFT_EYE), (RIGHT_EYEBALL, Region.RIGHT_EYE)):
                region[(self.triangles[:, 0] >= eye.start) & (self.triangles[:, 0] < eye.stop)] = int(side)
                albedo[eye] = torch.tensor(EYE_RGB)
        return MorphableModel(
            id=ID, mean_mm=rest, identity_mm=self.shape_mm,
            expression_mm=torch.cat((self.expression_mm, torch.stack(turned))), blink_mm=torch.zeros_like(rest),
            albedo=albedo, texture=torch.zeros(0, count, 3), triangles=self.triangles, triangle_region=region,
            uv=torch.zeros(count, 2), index_sets={},
        )

    def with_jaw(self, shape: Tensor, expression: Tensor) -> Tensor:
        """Vertices `[..., V, 3]` (mm) of `morphable`'s expression `[..., E + 3]`, with the jaw on its true arc."""
        jaw = expression[..., -JAW_SIZE:]
        pose = torch.zeros(*jaw.shape[:-1], POSE_SIZE)
        start = 3 * JOINTS.index("jaw")
        pose[..., start : start + JAW_SIZE] = jaw
        return self.vertices(shape, expression[..., :-JAW_SIZE], FlamePose.unpack(pose))

    def _chain(self, turns: Tensor, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Each joint's motion from rest, x -> turn x + shift: `[..., J, 3, 3]` and `[..., J, 3]`."""
        turn: list[Tensor] = []
        shift: list[Tensor] = []
        for joint, parent in enumerate(self.parents):
            own, place = turns[..., joint, :, :], joints[..., joint, :]
            about = place - (own @ place[..., None])[..., 0]  # turning about the joint's own place
            if parent < 0:
                turn.append(own)
                shift.append(about)
            else:
                turn.append(turn[parent] @ own)
                shift.append((turn[parent] @ about[..., None])[..., 0] + shift[parent])
        return torch.stack(torch.broadcast_tensors(*turn), dim=-3), torch.stack(torch.broadcast_tensors(*shift), dim=-2)


def axis_angle_matrix(turn: Tensor) -> Tensor:
    """Matrices `[..., 3, 3]` of axis-angle vectors `[..., 3]` (Rodrigues); differentiable, also at zero."""
    x, y, z = turn.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    return torch.matrix_exp(cross)


def _arrays(path: Path) -> dict[str, Any]:
    if path.suffix != ".npz":
        return read_pickled_arrays(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist", "a FLAME .pkl or .npz file")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name in _KEYS}
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path} is not readable as .npz ({error})", "a .npz of plain arrays") from error


def _check(path: Path, content: dict[str, Any]) -> None:
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}", "a generic FLAME model", "see flame.is.tue.mpg.de")
    count, joints = len(content["v_template"]), len(JOINTS)
    expected = {
        "v_template": (count, 3), "posedirs": (count, 3, 9 * (joints - 1)), "J_regressor": (joints, count),
        "weights": (count, joints), "kintree_table": (2, joints),
    }
    for key, shape in expected.items():
        if np.shape(content[key]) != shape:
            raise InputError(f"{path}: {key} is {np.shape(content[key])}", f"{shape}", "take FLAME's own model")
    directions = np.shape(content["shapedirs"])
    if directions[:2] != (count, 3) or len(directions) != 3 or directions[2] <= SHAPE_SIZE:
        raise InputError(f"{path}: shapedirs is {directions}", f"({count}, 3, more than {SHAPE_SIZE})")


def load(path: Path | str, year: int | None = None) -> FlameModel:
    """The user's generic FLAME: `.pkl` as it comes (read as data, nothing in it is run), or `.npz` of the same names.

    Raises:
        InputError: not such a file; what is missing or does not fit is named.
    """
    path = Path(path)
    content = _arrays(path)
    _check(path, content)

    def tensor(key: str) -> Tensor:
        return torch.from_numpy(np.array(content[key], np.float32))

    directions = tensor("shapedirs").permute(2, 0, 1) * MM_PER_M
    # The root's parent is written as 2^32 - 1, an unsigned -1.
    parents = np.asarray(content["kintree_table"])[0].astype(np.int64)
    parents = np.where((parents < 0) | (parents >= len(JOINTS)), -1, parents)
    if any(parent >= joint for joint, parent in enumerate(parents)):
        raise InputError(f"{path}: kintree_table has parents {parents.tolist()}", "each joint after its parent")
    return FlameModel(
        template_mm=tensor("v_template") * MM_PER_M,
        shape_mm=directions[:SHAPE_SIZE].contiguous(), expression_mm=directions[SHAPE_SIZE:].contiguous(),
        correctives_mm=(tensor("posedirs").permute(2, 0, 1) * MM_PER_M).contiguous(),
        joint_regressor=tensor("J_regressor"), weights=tensor("weights"), parents=tuple(int(p) for p in parents),
        triangles=torch.from_numpy(np.asarray(content["f"]).astype(np.int64)), year=year,
    )
