"""What EMOTE needs of a face model, as linear functions of its expression: vertices, mouth, ARKit values, action units.

Any model that `face_model.transfer` can bring onto `mp478` will do: `mp478` itself, or the user's FLAME with the jaw's
three turns behind its expression. ARKit values are read by the maps of `checkpoints/mp478/arkit.safetensors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from face_model import flame, mp478
from face_model.arkit import ARKIT_NAMES, maps
from face_model.morphable_model import MorphableModel
from face_model.transfer import ExpressionSpace, expression_space
from foundation.errors import InputError
from motion_models.emote.action_units import ACTION_UNITS, BOTH, RIGHT, UNITS, movement_mm, told_points
from motion_models.lips import inner_lips

# A deviation of expression costs as much as so much squared error over all points. A one-sided movement is further from
# speech than a symmetric one, and worth less without its one-sidedness.
UNIT_PRIOR_MM2 = {BOTH: 3.0, RIGHT: 1.0}
READ_PRIOR_MM2 = 30.0
JAW_PRIOR_RAD = 0.15
STRONGEST = 2.0  # a unit that the model shows too small is made larger, but not more than so much


@dataclass(frozen=True)
class Face:
    """A face model with K expression coefficients, as constants.

    id: of the face model. vertices: `[K, K]`; the squared length of `expression @ vertices` is the mean squared
    movement of the vertices in mm^2, so no vertex need be computed to know an error. mouth_mm: `[K, 120]`, coordinates
    of the 40 lip points. gap_mm: `[K]`, the mean opening between the inner lips. arkit: `[K, 52]`, values as the maps
    read them. units: side -> `[A, K]`, coefficients of each action unit at full strength. parts_lips: `[A]` bool.
    """

    id: str
    vertices: np.ndarray
    mouth_mm: np.ndarray
    gap_mm: np.ndarray
    arkit: np.ndarray
    units: dict[str, np.ndarray]
    parts_lips: np.ndarray

    @property
    def size(self) -> int:
        """K."""
        return len(self.vertices)

    def tensor(self, name: str, scale: float, device: torch.device | str) -> Tensor:
        """A field for expressions that were divided by `scale`."""
        return torch.from_numpy((getattr(self, name) * scale).astype(np.float32)).to(device)


def face_of(model: MorphableModel, prior: np.ndarray | float = 1.0) -> Face:
    """The face of a linear model.

    Args:
        prior: `[K]`, the usual size of each coefficient.

    Raises:
        InputError: the model cannot be brought onto `mp478`.
    """
    space = expression_space(model, prior=prior)
    basis = model.expression_mm.numpy().astype(np.float64)
    values, vectors = np.linalg.eigh(np.einsum("kvc,lvc->kl", basis, basis) / basis.shape[1])
    lips = [*mp478.INNER_LIPS, *mp478.OUTER_LIPS]
    return Face(
        id=model.id,
        vertices=vectors * np.sqrt(values.clip(0)),
        mouth_mm=space.offsets_mm[:, lips].reshape(len(basis), -1),
        gap_mm=_gap_mm(space.offsets_mm),
        arkit=_arkit(space),
        units={side: np.stack([_unit(space, name, side) for name in UNITS]) for side in (BOTH, RIGHT)},
        parts_lips=np.array([ACTION_UNITS[name].parts_lips for name in UNITS]),
    )


def _gap_mm(offsets_mm: np.ndarray) -> np.ndarray:
    upper, lower = inner_lips()
    return (offsets_mm[:, upper, 1] - offsets_mm[:, lower, 1]).mean(1)


def _solve(space: ExpressionSpace, wanted_mm: np.ndarray, prior_mm2: float) -> np.ndarray:
    """The coefficients `[N, K]` that move the points most nearly as `[N, 468, 3]` says, ridge-regularised."""
    seen = space.offsets_mm[:, space.valid]
    gram = np.einsum("kpc,lpc->kl", seen, seen) + prior_mm2 * np.diag(space.prior**-2)
    return np.linalg.solve(gram, np.einsum("kpc,npc->kn", seen, wanted_mm[:, space.valid])).T


def _unit(space: ExpressionSpace, name: str, side: str) -> np.ndarray:
    unit = ACTION_UNITS[name]
    wanted = movement_mm(unit, side)
    found = _solve(space, wanted[None], UNIT_PRIOR_MM2[side])[0]
    points = told_points(unit)
    goal, made = wanted[points], np.einsum("k,kpc->pc", found, space.offsets_mm[:, points])
    reached = (made * goal).sum() / (goal**2).sum()
    return found * min(STRONGEST, 1 / max(reached, 1e-6))


def _arkit(space: ExpressionSpace) -> np.ndarray:
    """ARKit values `[K, 52]` of each coefficient: of the same movement of `mp478`, where the model is another."""
    read = maps().to_arkit[: len(mp478.load().expression_mm)]
    if space.id == mp478.ID:
        return read
    own = expression_space(mp478.load())
    return _solve(own, space.offsets_mm, READ_PRIOR_MM2) @ read


@lru_cache(maxsize=1)
def mp478_face() -> Face:
    """The face of the embedded model."""
    return face_of(mp478.load())


def flame_face(model: flame.FlameModel) -> Face:
    """The face of FLAME with as many expressions as the model has; the jaw's turns are the last three coefficients.

    Raises:
        InputError: as `face_of`.
    """
    prior = np.ones(len(model.expression_mm) + flame.JAW_SIZE)
    prior[-flame.JAW_SIZE :] = JAW_PRIOR_RAD
    return face_of(model.morphable(), prior)


def face_for(face_model: str, size: int, use_flame: str) -> Face:
    """The face that examples of a face model with so many coefficients need.

    Args:
        use_flame: path of the user's FLAME file; only read for FLAME.

    Raises:
        InputError: a face model that is neither `mp478` nor FLAME, or FLAME without its file.
    """
    if face_model == mp478.ID:
        return mp478_face()
    if face_model != flame.ID:
        raise InputError(f"motion of face model '{face_model}' for emote", f"'{mp478.ID}' or '{flame.ID}'")
    if not use_flame:
        raise InputError(
            "motion of FLAME without FLAME", "the user's own model file", "set use_flame to the path of its .pkl"
        )
    return flame_face(flame.load(use_flame).with_sizes(0, size - flame.JAW_SIZE))


assert len(ARKIT_NAMES) == 52
