"""Expressions from any face model to any other: the same movement of the same points, not the same mesh.

Each model tells how its expressions move the 468 points of `mp478` (`correspondence`), in that model's frame and size.
One model's movement is then the other's least-squares problem, with bounds on what it may do and a price on trembling:

    min over y_t in [lower, upper]:  sum_t |W (B y_t - A x_t)|^2 / noise^2 + |y_t|^2

with coefficients in units of their prior, and with the same two terms, times a smoothness, over the second differences
of y. Lids do not take part: AU45 means the same for every model and is copied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from face_model import flame, ict, mp478
from face_model.correspondence import FACE_POINTS, Correspondence, correspond
from face_model.morphable_model import MorphableModel
from face_model.rotations import rotation_angles, rotation_matrix
from face_model.tracks import FaceMotion
from foundation.errors import InputError

MOUTH_WEIGHT = 16.0  # of the lips' points against the others: there are few of them and they say the words
DEPTH_WEIGHT = 0.1  # of movement to and from the viewer: one camera, which `mp478` was learned from, hardly sees it
FULL_STRENGTH_PRIOR = 0.5  # how far from 0 an expression of 0-1 usually is
SEVERAL_DEVIATIONS = 6.0


@dataclass(frozen=True)
class TransferSettings:
    """noise_mm: by how much two heads disagree at a point anyway; less follows the points more closely, more keeps the
    coefficients as small as they usually are. cutoff_hz: movement that swings so often a second is halved, faster ones
    vanish; None: every frame by itself. iterations: at most, of the bounded solution. tolerance: at which it stops, of
    a unit of prior.
    """

    noise_mm: float = 2.0
    cutoff_hz: float | None = 10.0
    iterations: int = 4000
    tolerance: float = 1e-5


@dataclass(frozen=True)
class ExpressionSpace:
    """How a face model's expressions move the shared points, in `mp478`'s frame and size.

    id: of the face model. offsets_mm: `[K, 468, 3]`. rest: `[K]`, the coefficients of a face at rest, lips closed.
    lower, upper: `[K]`, bounds. prior: `[K]`, the usual size of a coefficient. valid: `[468]` bool. place: the
    similarity from the model to mp478.
    """

    id: str
    offsets_mm: np.ndarray
    rest: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    prior: np.ndarray
    valid: np.ndarray
    place: Correspondence

    def moved_mm(self, expression: np.ndarray) -> np.ndarray:
        """How far from rest the points `[T, 468, 3]` are under expressions `[T, K]`."""
        return np.einsum("tk,kpc->tpc", np.asarray(expression, np.float64) - self.rest, self.offsets_mm)


@dataclass(frozen=True)
class Transferred:
    """motion: of the other face model. residual_mm: `[T]`, root mean square distance of the weighted points from where
    they should be. moved_mm: `[T]`, how far from rest they should be; their ratio is what was lost.
    """

    motion: FaceMotion
    residual_mm: np.ndarray
    moved_mm: np.ndarray

    @property
    def lost_share(self) -> float:
        """Root mean square residual over root mean square movement: 0 is a perfect transfer, 1 is none."""
        moved = float(np.sqrt((self.moved_mm**2).mean()))
        return float(np.sqrt((self.residual_mm**2).mean())) / moved if moved > 0 else 0.0


def expression_space(
    model: MorphableModel, lower: np.ndarray | float = -SEVERAL_DEVIATIONS,
    upper: np.ndarray | float = SEVERAL_DEVIATIONS, prior: np.ndarray | float = 1.0,
) -> ExpressionSpace:
    """The space of a model whose expressions are in standard deviations, or with bounds and prior of another unit.

    Raises:
        InputError: the model's head cannot be brought onto `mp478`'s.
    """
    place = correspond(model)
    count = len(model.expression_mm)
    offsets = place.scale * np.einsum("ab,kpb->kpa", place.rotation, place.of(model.expression_mm.numpy()))
    rest = _closed_lips(model) if model.id == mp478.ID else np.zeros(count)
    low, high, usual = (np.broadcast_to(np.asarray(v, np.float64), (count,)) for v in (lower, upper, prior))
    return ExpressionSpace(model.id, offsets.astype(np.float64), rest, low, high, usual, place.valid, place)


def kit_space(kit: ict.IctModel) -> ExpressionSpace:
    """The space of ICT-FaceKit: 0-1; lids follow AU45 and the eyeballs, which no shared point shows, stay ahead."""
    still = np.array([name in ict.CLOSING or name.startswith("eyeLook") for name in kit.expression_names])
    return expression_space(kit.morphable(), 0.0, np.where(still, 0.0, 1.0), FULL_STRENGTH_PRIOR)


def flame_space(model: flame.FlameModel) -> ExpressionSpace:
    """The space of FLAME: expression in deviations, then the jaw's turns in radians (`FlameModel.morphable`)."""
    count = len(model.expression_mm)
    jaw = np.array([[-0.05, 0.6, 0.15], [-0.2, 0.2, 0.05], [-0.2, 0.2, 0.05]])  # opens, but hardly closes further
    lower, upper, prior = (
        np.concatenate([np.full(count, usual), column])
        for usual, column in zip((-SEVERAL_DEVIATIONS, SEVERAL_DEVIATIONS, 1.0), jaw.T, strict=True)
    )
    return expression_space(model.morphable(), lower, upper, prior)


def _closed_lips(model: MorphableModel) -> np.ndarray:
    """The smallest expression `[K]` of `mp478` that closes its mean face's lips, which are a little apart."""
    ring = mp478.INNER_LIPS
    half = len(ring) // 2
    upper, lower = list(ring[1:half]), list(ring[:half:-1])
    mean, basis = model.mean_mm.numpy().astype(np.float64), model.expression_mm.numpy().astype(np.float64)
    gap = (mean[upper] - mean[lower])[:, 1]
    opening = (basis[:, upper] - basis[:, lower])[..., 1]
    gram = opening @ opening.T + 0.1 * np.eye(len(opening))
    return -np.linalg.solve(gram, opening @ gap)


def _weights(source: ExpressionSpace, target: ExpressionSpace) -> np.ndarray:
    """Weights `[468, 3]` of the points' coordinates, 0 where a model has no partner for one."""
    weights = np.tile([1.0, 1.0, DEPTH_WEIGHT], (FACE_POINTS, 1))
    weights[[*mp478.INNER_LIPS, *mp478.OUTER_LIPS]] *= MOUTH_WEIGHT
    return weights * (source.valid & target.valid)[:, None]


def transfer(
    motion: FaceMotion, source: ExpressionSpace, target: ExpressionSpace, settings: TransferSettings | None = None
) -> Transferred:
    """The motion of the target's face model that moves a face as `motion` does.

    Expression by the least squares above; AU45 as it is; the head so that it is seen in the same place, turned and as
    large as before.

    Args:
        motion: of the source's model. source, target: of `expression_space`. settings: defaults when None.

    Raises:
        InputError: the motion is of another face model, or has another number of coefficients.
    """
    settings = settings or TransferSettings()
    if motion.face_model != source.id:
        raise InputError(f"a motion of face model '{motion.face_model}'", f"'{source.id}'")
    if motion.expression.shape[1] != len(source.offsets_mm):
        raise InputError(f"{motion.expression.shape[1]} coefficients a frame", f"{len(source.offsets_mm)}")
    weights = _weights(source, target)
    wanted = source.moved_mm(motion.expression)
    basis = target.offsets_mm * target.prior[:, None, None]
    scaled = (basis * np.sqrt(weights)).reshape(len(basis), -1) / settings.noise_mm
    right = (wanted * np.sqrt(weights)).reshape(len(wanted), -1) / settings.noise_mm
    gram = scaled @ scaled.T + np.eye(len(basis))
    strength = 0.0
    if settings.cutoff_hz is not None and settings.cutoff_hz < motion.fps / 2:
        strength = float(2 * np.sin(np.pi * settings.cutoff_hz / motion.fps)) ** -4
    low, high = ((bound - target.rest) / target.prior for bound in (target.lower, target.upper))
    found = bounded_least_squares(gram, right @ scaled.T, low, high, strength, settings.iterations, settings.tolerance)
    expression = found * target.prior + target.rest
    missed = np.einsum("tk,kpc->tpc", found * target.prior, target.offsets_mm) - wanted
    rotation, translation = _placed(motion, source.place, target.place)
    made = replace(
        motion, expression=expression.astype(np.float32), rotation=rotation, translation=translation,
        face_model=target.id,
    )
    return Transferred(made, _rms(missed, weights), _rms(wanted, weights))


def _rms(offsets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("tpc,pc->t", offsets**2, weights) / weights[:, :2].mean(1).sum())


def _placed(motion: FaceMotion, source: Correspondence, target: Correspondence) -> tuple[np.ndarray, np.ndarray]:
    """Rotation `[T, 3]` and translation `[T, 3]` of the target's head so that a weak perspective camera sees its
    points where the source's were. The head is moved along the line of sight until it has its own size, which no
    camera can tell.
    """
    scale = target.scale / source.scale  # source = scale * turn @ target + shift, both ways over mp478
    turn = source.rotation.T @ target.rotation
    shift = source.rotation.T @ (target.shift_mm - source.shift_mm) / source.scale
    head = rotation_matrix(torch.from_numpy(np.asarray(motion.rotation, np.float64)))
    rotation = rotation_angles(head @ torch.from_numpy(turn)).numpy()
    across = np.einsum("tab,b->ta", head.numpy(), shift) * (1, 1, 0)  # depth within a head changes no such picture
    translation = (across + motion.translation) / scale
    return rotation.astype(np.float32), translation.astype(np.float32)


def bounded_least_squares(
    gram: np.ndarray, right: np.ndarray, lower: np.ndarray, upper: np.ndarray, smoothness: float = 0.0,
    iterations: int = 4000, tolerance: float = 1e-5,
) -> np.ndarray:
    """Sequences y `[T, K]` in `[lower, upper]` that minimise the sum over time of
    y' G y / 2 - r' y + smoothness (L y)' G (L y) / 2, where L takes second differences, the ends mirrored.

    A cosine transform over time and the eigenvectors of G split the problem into single numbers, so without bounds it
    is solved at once, and with them by alternating directions (Boyd et al. 2011, section 5.2) at the cost of two
    transforms a round.

    Args:
        gram: `[K, K]`, positive definite. right: `[T, K]`. lower, upper: `[K]`. smoothness: not negative.
        iterations: at most. tolerance: largest change and largest breach of the bounds at which it stops.
    """
    values, vectors = np.linalg.eigh(gram)
    roughness = smoothness * (2 - 2 * np.cos(np.pi * np.arange(len(right)) / len(right))) ** 2
    curvature = values[None] * (1 + roughness[:, None])

    from scipy.fft import dct, idct

    def solved(rhs: np.ndarray, penalty: float) -> np.ndarray:
        spectrum = dct(rhs @ vectors, axis=0, norm="ortho") / (curvature + penalty)
        return idct(spectrum, axis=0, norm="ortho") @ vectors.T

    free = solved(right, 0.0)
    if ((free >= lower) & (free <= upper)).all():
        return free
    penalty = float(np.sqrt(values[0] * values[-1]))
    kept, dual = np.clip(free, lower, upper), np.zeros_like(free)
    for _ in range(iterations):
        tried = solved(right + penalty * (kept - dual), penalty)
        relaxed = 1.6 * tried - 0.6 * kept
        before, kept = kept, np.clip(relaxed + dual, lower, upper)
        dual = dual + relaxed - kept
        breach, change = np.abs(tried - kept).max(), np.abs(kept - before).max()
        if max(breach, change) < tolerance:
            break
        if breach > 10 * change:
            penalty, dual = 2 * penalty, dual / 2
        elif change > 10 * breach:
            penalty, dual = penalty / 2, dual * 2
    return kept
