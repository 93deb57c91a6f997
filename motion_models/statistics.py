"""Numbers that tell one person's motion from another's, and that turn a network's output back into motion.

They are measured once, where the footage is, and travel in the checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import NormalDist

import numpy as np

from face_model.tracks import AU45_MAX, BLINK, EXPRESSION, MOTION_SIZE, POSE, POSE_SIZE
from foundation.errors import InputError
from motion_models.liveliness import HALF_AT
from motion_models.smoothing import smoothed

MIN_FRAMES = 2
RANGE_PERCENTILES = 1.0, 99.0  # of a person's pose, that a synthesis stays between: beyond them trackers err
SPEED_PERCENTILES = 50.0, 95.0  # of a pose's speed, that a synthesis does not exceed
SPEED_SMOOTHING_FRAMES = 1.0  # deviation, before speed is measured: trackers tremble
MEMORY_LIMITS_S = 0.1, 2.0


@dataclass(frozen=True)
class MotionStatistics:
    """Of one person's motion, `[..., 71]` as `FaceMotion.pack` lays it out.

    mean, scale: `[71]`; normalised motion is (motion - mean) / scale. Pose is z-scored (FACIAL, section 4.1);
    expression loses its mean and is divided by one number, so that its components keep their proportions; AU45 keeps
    its zero. pose_limit: `[6]`, the largest distance from `pose_centre` `[6]` that a pose may have; both in deviations
    from the mean.
    pose_factor: `[6, 6]`, lower triangular; its product with its transpose is the correlation of the pose numbers.
    pose_memory_s: `[6]`, time over which each number of a pose forgets half of itself.
    rest: `[64]`, the expression of the lips at rest, closed.
    states: `[N, 71]`, normalised real states to start a synthesis from.
    """

    mean: np.ndarray
    scale: np.ndarray
    pose_limit: np.ndarray
    pose_factor: np.ndarray
    pose_memory_s: np.ndarray
    rest: np.ndarray
    states: np.ndarray
    pose_centre: np.ndarray

    def normalise(self, motion: np.ndarray) -> np.ndarray:
        """`[..., 71]` in units of motion to units of the network."""
        return ((motion - self.mean) / self.scale).astype(np.float32)

    def restore(self, normalised: np.ndarray) -> np.ndarray:
        """The inverse of `normalise`."""
        return (normalised * self.scale + self.mean).astype(np.float32)

    @property
    def normalised_rest(self) -> np.ndarray:
        """`rest` in units of the network, `[64]`."""
        return ((self.rest - self.mean[EXPRESSION]) / self.scale[EXPRESSION]).astype(np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """For a checkpoint."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @staticmethod
    def from_arrays(arrays: dict[str, np.ndarray]) -> MotionStatistics:
        """The inverse of `arrays`; earlier versions had one memory for all of a pose, and its mean for its centre."""
        pose = {"pose_centre": arrays.get("pose_centre", 0.0), "pose_memory_s": arrays["pose_memory_s"]}
        whole = {name: np.broadcast_to(np.asarray(value, np.float32), (POSE_SIZE,)) for name, value in pose.items()}
        return MotionStatistics(**(arrays | whole))


def _pose_memory_s(pose: np.ndarray, fps: float, lengths: Sequence[int]) -> np.ndarray:
    """Memory `[6]` with which random motion of the deviations of poses `[T, 6]` is as quick as they are.

    lengths: frames of each stretch without a gap: between two of them nobody knows how quick the head was.

    Of motion whose autocorrelation is (1 + x) exp(-x), x = lag / t, the speed's deviation is its own over t, and speed
    is distributed as normal numbers are. People rest and then turn, so the slower of their median and their quickest
    tells t.
    """
    parts = [part for part in np.split(pose, np.cumsum(lengths)[:-1]) if len(part) > 1]
    if not parts:
        return np.full(POSE_SIZE, MEMORY_LIMITS_S[1], np.float32)
    steps = [np.diff(smoothed(part, SPEED_SMOOTHING_FRAMES), axis=0) for part in parts]
    speed = np.abs(np.concatenate(steps)) * fps
    normal = [NormalDist().inv_cdf(0.5 + share / 200) for share in SPEED_PERCENTILES]
    usual = np.min(np.percentile(speed, SPEED_PERCENTILES, axis=0) / np.array(normal)[:, None], axis=0)
    memory_s = HALF_AT * pose.std(axis=0) / np.maximum(usual, 1e-6)
    return np.clip(memory_s, *MEMORY_LIMITS_S).astype(np.float32)


def measure_statistics(
    motion: np.ndarray,
    fps: float,
    rest: np.ndarray | None = None,
    expression_scale: float | None = None,
    states: int = 32,
    lengths: Sequence[int] | None = None,
) -> MotionStatistics:
    """Statistics of one person's valid frames.

    Args:
        motion: `[T, 71]`, in order.
        fps: of it.
        rest: `[64]`, see `MotionStatistics`; None for the mean expression.
        expression_scale: to share one between people; None measures it.
        states: how many real states to keep, evenly spread.
        lengths: frames of each stretch without a gap, all of them together T; None for one stretch.

    Raises:
        InputError: fewer than two frames.
    """
    if len(motion) < MIN_FRAMES:
        raise InputError(f"{len(motion)} valid frames", f"at least {MIN_FRAMES}", "use footage that shows the face")
    mean, scale = np.zeros(MOTION_SIZE), np.ones(MOTION_SIZE)
    mean[POSE], mean[EXPRESSION] = motion[:, POSE].mean(0), motion[:, EXPRESSION].mean(0)
    # A still head has no deviation to divide by: a millirad and a tenth of a millimetre are below what tracking tells.
    scale[POSE] = np.maximum(motion[:, POSE].std(0), [1e-3] * 3 + [0.1] * 3)
    spread = float(np.sqrt(motion[:, EXPRESSION].var(0).mean())) if expression_scale is None else expression_scale
    scale[EXPRESSION], scale[BLINK] = max(spread, 1e-3), AU45_MAX / 2
    normalised = (motion - mean) / scale
    pose = normalised[:, POSE]
    low, high = np.percentile(pose, RANGE_PERCENTILES, axis=0)
    low, high = np.minimum(low, -1.0), np.maximum(high, 1.0)
    correlation = pose.T @ pose / len(pose) * 0.98 + 0.02 * np.eye(POSE_SIZE)
    return MotionStatistics(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        pose_limit=((high - low) / 2).astype(np.float32),
        pose_factor=np.linalg.cholesky(correlation).astype(np.float32),
        pose_memory_s=_pose_memory_s(pose, fps, lengths or [len(pose)]),
        rest=np.asarray(mean[EXPRESSION] if rest is None else rest, np.float32),
        states=normalised[np.linspace(0, len(motion) - 1, min(states, len(motion))).astype(int)].astype(np.float32),
        pose_centre=((high + low) / 2).astype(np.float32),
    )


def mean_statistics(people: list[MotionStatistics]) -> MotionStatistics:
    """What a network trained on many people starts a stranger with."""
    first = people[0]
    averaged = {
        name: np.mean([getattr(person, name) for person in people], axis=0).astype(np.float32)
        for name in ("mean", "scale", "pose_limit", "pose_centre", "pose_memory_s", "rest")
    }
    covariance = np.mean([person.pose_factor @ person.pose_factor.T for person in people], axis=0)
    return MotionStatistics(
        **averaged,
        pose_factor=np.linalg.cholesky(covariance).astype(np.float32),
        states=first.states if len(people) == 1 else np.concatenate([person.states[::4] for person in people]),
    )


@dataclass(frozen=True)
class FeatureStatistics:
    """Of speech features. mean: `[F]`; scale: one number; silence: `[F]`, the encoder's row for silence (not
    normalised).
    """

    mean: np.ndarray
    scale: float
    silence: np.ndarray

    def normalise(self, rows: np.ndarray) -> np.ndarray:
        """`[..., F]`, as the network wants them."""
        return ((rows - self.mean) / self.scale).astype(np.float32)

    @property
    def outside(self) -> np.ndarray:
        """`[F]`, normalised: what stands before a clip and after it."""
        return self.normalise(self.silence)

    def refuse_size(self, rows: np.ndarray) -> None:
        """Refuse rows `[T, F]` of another size than those that were measured.

        Raises:
            InputError: they are.
        """
        if rows.shape[1] != len(self.mean):
            raise InputError(f"{rows.shape[1]} speech features a row", f"{len(self.mean)}")

    def arrays(self) -> dict[str, np.ndarray]:
        """For a checkpoint, whose names begin with `features.`."""
        return {f"features.{field.name}": np.asarray(getattr(self, field.name)) for field in fields(self)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> FeatureStatistics:
        """The inverse of `arrays`, among others of a checkpoint; a KeyError tells what is missing."""
        scale = float(arrays["features.scale"].item())
        return FeatureStatistics(arrays["features.mean"], scale, arrays["features.silence"])


def measure_features(rows: np.ndarray, silence: np.ndarray | None) -> FeatureStatistics:
    """Statistics of rows `[T, F]`; without a row for silence, zero rows stand outside of a clip, as the paper has
    it.
    """
    silence = np.zeros(rows.shape[1]) if silence is None else silence
    spread = max(float(np.sqrt(rows.var(0).mean())), 1e-6)
    return FeatureStatistics(rows.mean(0).astype(np.float32), spread, np.asarray(silence, np.float32))
