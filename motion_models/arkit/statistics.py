"""Numbers that turn a network's output into a person's curves, and these into their face. They travel in the
checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.interpolate import Akima1DInterpolator

from face_model import mp478
from face_model.arkit import ARKIT_NAMES, maps
from face_model.tracks import EXPRESSION_SIZE, POSE
from foundation.errors import InputError
from motion_models.examples import MotionExample
from motion_models.lips import lip_gap_mm, most_closed

LEAST_SCALE = 0.05  # of a curve: what moves less counts less
GAIN_LIMITS = (0.8, 1.6)
JAW_OPEN, MOUTH_CLOSE = ARKIT_NAMES.index("jawOpen"), ARKIT_NAMES.index("mouthClose")
ASIDE = np.array([name.startswith(("brow", "eye")) for name in ARKIT_NAMES])


@dataclass(frozen=True)
class CurveStatistics:
    """Of one person's curves, or the mean over many people.

    rest: `[52]`, the median. closed: `[52]`, lips together. scale: `[52]`, a unit of the network's output.
    expression: `[64]`, what the face model has where the curves are at `rest`. gain: how far the face goes, as a
    multiple of what the map from ARKit gives, which is too little. pose: `[6]`, the mean.
    """

    rest: np.ndarray
    closed: np.ndarray
    scale: np.ndarray
    expression: np.ndarray
    gain: float
    pose: np.ndarray

    def normalise(self, values: np.ndarray) -> np.ndarray:
        """ARKit values `[..., 52]` in units of the network."""
        return ((values - self.rest) / self.scale).astype(np.float32)

    def restore(self, normalised: np.ndarray, articulation: float) -> np.ndarray:
        """The inverse of `normalise`, with the mouth `articulation` times as far from `closed`."""
        values = normalised.astype(np.float64) * self.scale + self.rest
        return np.where(ASIDE, values, self.closed + articulation * (values - self.closed))

    def expression_of(self, values: np.ndarray) -> np.ndarray:
        """The person's expression `[T, 64]` of ARKit values `[T, 52]`."""
        moved = (values - self.rest) @ maps().from_arkit[:, :EXPRESSION_SIZE]
        return (self.expression + self.gain * moved).astype(np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """For a checkpoint."""
        return {field.name: np.asarray(getattr(self, field.name), np.float32) for field in fields(self)}

    @staticmethod
    def from_arrays(arrays: dict[str, np.ndarray]) -> CurveStatistics:
        """The inverse of `arrays`."""
        gain = float(arrays["gain"].item())
        return CurveStatistics(gain=gain, **{name: value for name, value in arrays.items() if name != "gain"})


def arkit_of(example: MotionExample) -> np.ndarray:
    """The example's ARKit values `[T, 52]`.

    Raises:
        InputError: it has none.
    """
    if example.arkit is None or example.arkit.shape[1:] != (len(ARKIT_NAMES),):
        received = "a clip without ARKit values"
        raise InputError(received, "a Live Link Face CSV or a track of the Face Landmarker", "track the video again")
    return example.arkit


def measure_curves(examples: Sequence[MotionExample], scale: np.ndarray | None = None) -> CurveStatistics:
    """Statistics of one person's valid frames. scale: `[52]`, to share between people; None measures it."""
    seen = [example.valid.astype(bool) for example in examples]
    values = np.concatenate([arkit_of(e)[s] for e, s in zip(examples, seen, strict=True)]).astype(np.float64)
    motion = np.concatenate([e.motion.pack()[s] for e, s in zip(examples, seen, strict=True)])
    expression = np.concatenate([e.motion.expression[s] for e, s in zip(examples, seen, strict=True)])
    opening = values[:, JAW_OPEN] - values[:, MOUTH_CLOSE]
    rest, mean = np.median(values, axis=0), expression.mean(axis=0)
    plain = CurveStatistics(
        rest=rest,
        closed=most_closed(values, opening),
        scale=np.maximum(values.std(axis=0), LEAST_SCALE) if scale is None else scale,
        expression=mean,
        gain=1.0,
        pose=motion[:, POSE].mean(axis=0),
    )
    model = mp478.load()
    true, mapped = (lip_gap_mm(model, part).std() for part in (expression, plain.expression_of(values)))
    gain = float(np.clip(true / max(float(mapped), 1e-6), *GAIN_LIMITS))
    at_rest = mean - gain * (values.mean(axis=0) - rest) @ maps().from_arkit[:, :EXPRESSION_SIZE]
    return replace(plain, gain=gain, expression=at_rest)


def mean_curves(people: Sequence[CurveStatistics]) -> CurveStatistics:
    """What a network that learned from many people starts a stranger with."""
    parts = {f.name: np.mean([getattr(p, f.name) for p in people], axis=0) for f in fields(CurveStatistics)}
    return CurveStatistics(**(parts | {"gain": float(parts["gain"])}))


def curves_at(values: np.ndarray, rate_hz: float, time_s: np.ndarray, first_s: float = 0.0) -> np.ndarray:
    """Curves `[T, K]`, row k at first_s + k / rate_hz, read at any instants; Akima's spline, which sees three rows
    either side and does not overshoot. Outside the ends are held.
    """
    at = first_s + np.arange(len(values)) / rate_hz
    if len(values) == 1:
        return np.repeat(values, len(time_s), axis=0)
    return Akima1DInterpolator(at, values, axis=0)(np.clip(time_s, at[0], at[-1]))
