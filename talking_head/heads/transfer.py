"""Motion of one face model as motion of another, whichever way the two can be tied."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from face_model import deng, flame, ict, mp478
from face_model.arkit import ARKIT_NAMES, motion_of_values, values_of_motion, with_lids
from face_model.morphable_model import MorphableModel
from face_model.rotations import rotation_matrix
from face_model.tracks import AU45_MAX, FaceMotion
from face_model.transfer import (
    ExpressionSpace,
    TransferSettings,
    expression_space,
    flame_space,
    kit_space,
    transfer,
)
from foundation.errors import InputError
from talking_head.assets import asset
from talking_head.heads.bridge import ExpressionBridge

ARKIT = "arkit52"  # not a mesh: 52 named values, expression `[T, 52]`
FACE_MODELS = (mp478.ID, ARKIT, ict.ID, deng.ID, flame.ID)
BFM_VARIABLE, FLAME_VARIABLE = "TALKING_HEAD_BFM", "TALKING_HEAD_FLAME"  # the user's own files
KIT = "ict-facekit"


@dataclass(frozen=True)
class Heads:
    """Face models by id, read when they are first needed. Paths left out are looked for where the user keeps them.

    ict_folder: of ICT-FaceKit's OBJ files. bfm_file: `BFM_model_front.mat`. flame_file: a generic `.pkl` or `.npz`.
    """

    ict_folder: Path | None = None
    bfm_file: Path | None = None
    flame_file: Path | None = None
    _models: dict[str, MorphableModel] = field(default_factory=dict, repr=False, compare=False)
    _spaces: dict[str, ExpressionSpace] = field(default_factory=dict, repr=False, compare=False)

    def has(self, face_model: str) -> bool:
        """Whether its files are at hand."""
        return face_model not in (ict.ID, deng.ID, flame.ID) or self.place(face_model) is not None

    def place(self, face_model: str) -> Path | None:
        """The user's file or folder of that model; None where there is none, or needs be none."""
        where = {ict.ID: self._kit_folder, deng.ID: self._bfm_path, flame.ID: self._flame_path}
        return where[face_model]() if face_model in where else None

    def model(self, face_model: str) -> MorphableModel:
        """The mesh model of that id.

        Raises:
            InputError: unknown, or its files are missing or damaged.
        """
        if face_model not in self._models:
            self._models[face_model] = self._load(face_model)
        return self._models[face_model]

    def space(self, face_model: str) -> ExpressionSpace:
        """How its expressions move the shared points. Raises as `model`."""
        if face_model not in self._spaces:
            if face_model == ict.ID:
                self._spaces[face_model] = kit_space(self.kit)
            elif face_model == flame.ID:
                self._spaces[face_model] = flame_space(self.flame_model)
            else:
                self._spaces[face_model] = expression_space(self.model(face_model))
        return self._spaces[face_model]

    @cached_property
    def kit(self) -> ict.IctModel:
        """ICT-FaceKit."""
        folder = self._kit_folder()
        if folder is None:
            raise InputError("ICT-FaceKit is not here", "its OBJ files", f"talking-head assets get {KIT}, or --ict DIR")
        return ict.load(folder)

    @cached_property
    def bfm_model(self) -> deng.DengModel:
        """The user's front model."""
        path = self._bfm_path()
        if path is None:
            remedy = f"give --bfm BFM_model_front.mat or set {BFM_VARIABLE}"
            raise InputError("the Basel Face Model is not here", "the user's own BFM_model_front.mat", remedy)
        return deng.load(path)

    @cached_property
    def flame_model(self) -> flame.FlameModel:
        """The user's FLAME."""
        path = self._flame_path()
        if path is None:
            raise InputError("FLAME is not here", "the user's own file", f"give --flame FILE or set {FLAME_VARIABLE}")
        return flame.load(path)

    def _load(self, face_model: str) -> MorphableModel:
        if face_model == mp478.ID:
            return mp478.load()
        if face_model == ict.ID:
            return self.kit.morphable()
        if face_model == deng.ID:
            return self.bfm_model.model
        if face_model == flame.ID:
            return self.flame_model.morphable()
        raise InputError(f"face model '{face_model}'", f"one with a mesh: {', '.join(set(FACE_MODELS) - {ARKIT})}")

    def _kit_folder(self) -> Path | None:
        if self.ict_folder is not None:
            below = self.ict_folder / "FaceXModel"
            return below if below.is_dir() else self.ict_folder
        found = asset(KIT).found()
        return None if found is None else found / "FaceXModel"

    def _bfm_path(self) -> Path | None:
        return self.bfm_file or (Path(named) if (named := os.environ.get(BFM_VARIABLE)) else None)

    def _flame_path(self) -> Path | None:
        return self.flame_file or (Path(named) if (named := os.environ.get(FLAME_VARIABLE)) else None)


@dataclass(frozen=True)
class TransferResult:
    """A motion on another face model. lost_share: of the movement, see `Transferred.lost_share`; None where no points
    were compared. steps: how it was done, for people.
    """

    motion: FaceMotion
    lost_share: float | None = None
    steps: tuple[str, ...] = ()


def move(
    motion: FaceMotion, to: str, heads: Heads | None = None, bridge: ExpressionBridge | None = None,
    settings: TransferSettings | None = None,
) -> TransferResult:
    """The motion on another face model, by the best way there is.

    ARKit's values go to and from ICT-FaceKit by name, and to and from `mp478` by the maps that were learned for it;
    coefficients of a model whose files are not at hand by a bridge; everything else by the movement of shared points.

    Args:
        motion: of one of `FACE_MODELS`. to: one of them. heads: where their files are. bridge: for a motion whose
        model is not at hand. settings: of the fit.

    Raises:
        InputError: an unknown face model, or one whose files are missing.
    """
    heads = heads or Heads()
    for name in (to, motion.face_model):
        if name not in FACE_MODELS:
            raise InputError(f"face model '{name}'", f"one of {', '.join(FACE_MODELS)}")
    if motion.face_model == to:
        return TransferResult(motion)
    if motion.face_model == deng.ID and not heads.has(deng.ID):
        if bridge is None:
            raise InputError(
                "coefficients of the Basel Face Model without the model", "its geometry, or a clip to learn from",
                "give --bfm, or --pictures that were drawn of this motion, or --audio for the mouth alone",
            )
        onward = move(bridge(motion), to, heads, None, settings)
        return replace(onward, steps=(f"a bridge learned by {bridge.quality.learned_by}", *onward.steps))
    if motion.face_model == ARKIT:
        return _from_arkit(motion, to, heads, settings)
    if to == ARKIT:
        return _to_arkit(motion, heads, settings)
    done = transfer(motion, heads.space(motion.face_model), heads.space(to), settings)
    return TransferResult(done.motion, done.lost_share, (f"{motion.face_model} to {to} by shared points",))


def _from_arkit(motion: FaceMotion, to: str, heads: Heads, settings: TransferSettings | None) -> TransferResult:
    values = motion.expression.astype(np.float64)
    if to == ict.ID:
        kit = heads.kit
        weights = kit.expression_of_arkit(values, ARKIT_NAMES)
        for name in ict.CLOSING:  # `blink` closes both eyes; the columns keep what each differs by
            if name in kit.expression_names:
                weights[:, kit.expression_names.index(name)] -= motion.blink / AU45_MAX
        named = replace(motion, expression=weights.astype(np.float32), face_model=to)
        return TransferResult(named, None, ("ARKit's names",))
    ours = motion_of_values(values, motion.fps, motion.rotation, motion.translation)
    onward = move(replace(ours, blink=motion.blink), to, heads, None, settings)
    return replace(onward, steps=("ARKit's values by the learned maps", *onward.steps))


def _to_arkit(motion: FaceMotion, heads: Heads, settings: TransferSettings | None) -> TransferResult:
    if motion.face_model == ict.ID:
        weights = motion.expression.copy()
        for name in ict.CLOSING:
            if name in heads.kit.expression_names:
                weights[:, heads.kit.expression_names.index(name)] += motion.blink / AU45_MAX
        values = heads.kit.arkit_of_expression(weights, ARKIT_NAMES)
        return TransferResult(replace(motion, expression=values, face_model=ARKIT), None, ("ARKit's names",))
    first = move(motion, mp478.ID, heads, None, settings)
    values = np.clip(with_lids(values_of_motion(first.motion), first.motion.blink), 0, 1).astype(np.float32)
    made = replace(first.motion, expression=values, face_model=ARKIT)
    return TransferResult(made, first.lost_share, (*first.steps, "ARKit's values by the learned maps"))


def recentred(motion: FaceMotion, centre_mm: np.ndarray) -> FaceMotion:
    """A motion about the origin of a file's own frame as one about a point of it, seen in the same place."""
    head = rotation_matrix(torch.from_numpy(np.asarray(motion.rotation, np.float64))).numpy()
    across = np.einsum("tab,b->ta", head, centre_mm) * (1, 1, 0)
    return replace(motion, translation=(motion.translation + across).astype(np.float32))


def about(motion: FaceMotion, mean: FaceMotion) -> FaceMotion:
    """The motion about another resting pose, that of the one frame `mean`."""
    turn, place = (getattr(motion, part) - getattr(motion, part).mean(axis=0) for part in ("rotation", "translation"))
    return replace(motion, rotation=turn + mean.rotation, translation=place + mean.translation)
