"""From expressions of a face model that is not at hand to those of `mp478`, learned from a clip where both are known.

Exact transfer needs the model's own geometry. Without it there are still its coefficients through a clip, and what the
face did then. Pictures that were drawn of it show all: a ridge regression ties the two, with its strength and its worth
found by leaving out one stretch of the clip after the other. The sound alone tells only roughly when a mouth is open:
enough to find the one direction of the coefficients that goes with it, and nothing about the other 63.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from face_model import mp478
from face_model.rotations import rotation_angles, rotation_matrix
from face_model.tracks import AU45_MAX, FaceMotion
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from motion_models.lips import lip_gap_mm

KIND = "ExpressionBridge"
STRETCHES = 5  # of the clip, each left out once
STRENGTHS = 10.0 ** np.arange(-3, 5)  # of the ridge, per frame, against coefficients of unit deviation
MIN_FRAMES = 60


@dataclass(frozen=True)
class BridgeQuality:
    """Over frames that were left out. lips_correlation: between the lips' opening as it was (learned by `sound`: as our
    own motion model has it for that sound) and as the bridge has it. lips_share: of the opening's deviation that comes
    through. explained: share of the expression's variance. learned_by: `pictures` or `sound`.
    """

    lips_correlation: float
    lips_share: float
    explained: float
    learned_by: str


@dataclass(frozen=True)
class ExpressionBridge:
    """mp478 expression = (expression - mean) @ weights + rest, and where mp478's head lies in the other's.

    source: id of the other face model. mean: `[K]`. weights: `[K, 64]`. rest: `[64]`. turn: `[3, 3]`, mp478's frame in
    the other's. scale: the other's size over mp478's. shift_mm: `[3]`, mp478's origin in the other's frame.
    """

    source: str
    mean: np.ndarray
    weights: np.ndarray
    rest: np.ndarray
    turn: np.ndarray
    scale: float
    shift_mm: np.ndarray
    quality: BridgeQuality

    def __call__(self, motion: FaceMotion) -> FaceMotion:
        """The motion of `mp478` for one of the other face model: AU45 as it is, seen in the same place.

        Raises:
            InputError: the motion is of another model.
        """
        if motion.face_model != self.source or motion.expression.shape[1] != len(self.mean):
            raise InputError(f"a motion of face model '{motion.face_model}'", f"'{self.source}'")
        head = rotation_matrix(torch.from_numpy(np.asarray(motion.rotation, np.float64)))
        across = np.einsum("tab,b->ta", head.numpy(), self.shift_mm) * (1, 1, 0)
        return replace(
            motion,
            expression=((motion.expression - self.mean) @ self.weights + self.rest).astype(np.float32),
            rotation=rotation_angles(head @ torch.from_numpy(self.turn)).numpy().astype(np.float32),
            translation=((motion.translation + across) / self.scale).astype(np.float32),
            blink=np.clip(motion.blink, 0, AU45_MAX).astype(np.float32),
            face_model=mp478.ID,
        )

    def save(self, path: Path | str) -> None:
        """Write as safetensors."""
        names = ("mean", "weights", "rest", "turn", "shift_mm")
        arrays = {name: np.asarray(getattr(self, name), np.float64) for name in names}
        about = {"kind": KIND, "source": self.source, "scale": self.scale, "quality": asdict(self.quality)}
        write_tensors(path, arrays, about)

    @staticmethod
    def load(path: Path | str) -> ExpressionBridge:
        """Read what `save` wrote.

        Raises:
            InputError: not such a file.
        """
        arrays, about = read_tensors(path)
        if about.get("kind") != KIND:
            raise InputError(f"{path} holds {about.get('kind', 'something else')}", f"an {KIND}")
        return ExpressionBridge(
            source=about["source"], scale=about["scale"], quality=BridgeQuality(**about["quality"]), **arrays
        )


def learn_bridge(motion: FaceMotion, seen: FaceMotion, valid: np.ndarray, learned_by: str) -> ExpressionBridge:
    """The bridge from `motion`'s face model to `mp478`.

    Args:
        motion: the coefficients through a clip.
        seen: what `mp478` did in it, frame by frame, at the same rate.
        valid: `[T]` bool, frames to learn from.
        learned_by: `pictures`, whose pose tells where the one head lies in the other, or `sound`, which has none.

    Raises:
        InputError: fewer than two seconds in common.
    """
    count = min(len(motion), len(seen), len(valid))
    chosen = np.flatnonzero(valid[:count])
    if len(chosen) < MIN_FRAMES or seen.face_model != mp478.ID:
        raise InputError(f"{len(chosen)} frames in common", f"at least {MIN_FRAMES} that show the face")
    given, wanted = motion.expression[chosen].astype(np.float64), seen.expression[chosen].astype(np.float64)
    by_pictures = learned_by == "pictures"
    strength, left_out = _cross_validated(given, wanted, STRENGTHS if by_pictures else None)
    mean, weights, rest = _ridge(given, wanted, strength) if by_pictures else _mouth_alone(given, wanted)
    turn, scale, shift_mm = _place(motion, seen, chosen) if by_pictures else (np.eye(3), 1.0, np.zeros(3))
    return ExpressionBridge(
        motion.face_model, mean, weights, rest, turn, scale, shift_mm, _quality(wanted, left_out, learned_by)
    )


def _mouth_alone(given: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, weights and rest that open the mouth, and do nothing else, along the coefficients' covariance with the
    opening (the first component of partial least squares, Wold 1984), as widely as it opens in `wanted`.
    """
    mean, rest = given.mean(0), wanted.mean(0)
    opening = lip_gap_mm(mp478.load(), wanted.astype(np.float32)).astype(np.float64)
    opening -= opening.mean()
    direction = (given - mean).T @ opening
    curve = (given - mean) @ direction
    per_mm = opening @ (wanted - rest) / max(float(opening @ opening), 1e-12)
    direction *= opening.std() / max(float(curve.std()), 1e-12)
    return mean, direction[:, None] * per_mm, rest


def _ridge(given: np.ndarray, wanted: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mean, rest = given.mean(0), wanted.mean(0)
    spread = np.maximum(given.std(0), 1e-9)
    scored = (given - mean) / spread
    gram = scored.T @ scored / len(scored) + strength * np.eye(scored.shape[1])
    weights = np.linalg.solve(gram, scored.T @ (wanted - rest) / len(scored))
    return mean, weights / spread[:, None], rest


def _cross_validated(
    given: np.ndarray, wanted: np.ndarray, strengths: np.ndarray | None
) -> tuple[float, np.ndarray]:
    """The best ridge of some strengths (None: not a ridge but the mouth alone), and each frame's prediction by a bridge
    that has not seen its stretch.
    """
    stretches = np.array_split(np.arange(len(given)), STRETCHES)
    best_error, best, predicted = np.inf, 0.0, np.zeros_like(wanted)
    for strength in [None] if strengths is None else strengths:
        tried = np.zeros_like(wanted)
        for stretch in stretches:
            others = np.setdiff1d(np.arange(len(given)), stretch)
            known = given[others], wanted[others]
            mean, weights, rest = _mouth_alone(*known) if strength is None else _ridge(*known, strength)
            tried[stretch] = (given[stretch] - mean) @ weights + rest
        error = float(((tried - wanted) ** 2).sum())
        if error < best_error:
            best_error, best, predicted = error, float(strength or 0.0), tried
    return best, predicted


def _quality(wanted: np.ndarray, predicted: np.ndarray, learned_by: str) -> BridgeQuality:
    model = mp478.load()
    truth, guess = (lip_gap_mm(model, values.astype(np.float32)) for values in (wanted, predicted))
    agree = float(np.corrcoef(truth, guess)[0, 1]) if guess.std() > 1e-9 and truth.std() > 1e-9 else 0.0
    explained = 1 - float(((wanted - predicted) ** 2).sum() / ((wanted - wanted.mean(0)) ** 2).sum())
    return BridgeQuality(agree, float(guess.std() / max(truth.std(), 1e-9)), explained, learned_by)


def _place(motion: FaceMotion, seen: FaceMotion, chosen: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Turn, scale and shift of mp478's head in the other's, from frames in which both poses are known."""
    from scipy.spatial.transform import Rotation

    head, own = (
        rotation_matrix(torch.from_numpy(m.rotation[chosen].astype(np.float64))).numpy() for m in (motion, seen)
    )
    turn = Rotation.from_matrix(np.einsum("tba,tbc->tac", head, own)).mean().as_matrix()
    there, here = motion.translation[chosen].astype(np.float64), seen.translation[chosen].astype(np.float64)
    scale = float(np.median(there[:, 2] / here[:, 2]))
    rows, right = head[:, :2].reshape(-1, 3), (here * scale - there)[:, :2].reshape(-1)
    # The smallest shift that explains the pictures; a head that hardly turns does not tell its depth.
    shift = np.linalg.solve(rows.T @ rows + 1e-4 * len(rows) * np.eye(3), rows.T @ right)
    return turn, scale, shift
