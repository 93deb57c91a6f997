"""The ARKit regressor as a motion model, and its own curves at any frame rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from face_model import mp478
from face_model.arkit import ARKIT_NAMES
from face_model.tracks import EXPRESSION_SIZE, MOTION_FPS, POSE_SIZE, FaceMotion, HeardSpeech, SpeechFeatures
from foundation.config import configure
from foundation.errors import InputError
from motion_models.arkit.config import Architecture
from motion_models.arkit.filters import CurveFilter, curve_filter
from motion_models.arkit.network import SpeechToCurves
from motion_models.arkit.statistics import CurveStatistics, curves_at
from motion_models.bounded import steps
from motion_models.interface import MotionModel, network_arrays, under
from motion_models.look_ahead import LookAhead
from motion_models.statistics import FeatureStatistics
from training.checkpoint import load_arrays

ARKIT_FPS = 60.0  # what Live Link Face records at most
PIECE_S = 1.0
BACKWARD = "one_euro"  # a filter that waits for nothing
SPLINE_ROWS = 4  # that the spline sees either side of an instant, and one for rounding


def create_network(architecture: Architecture, feature_size: int) -> SpeechToCurves:
    """The network that an architecture describes, for speech features of a size."""
    return SpeechToCurves(
        feature_size, len(ARKIT_NAMES), width=architecture.width, kernel=architecture.kernel,
        dilations=tuple(architecture.dilations), dropout=architecture.dropout,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ArkitRegressor(MotionModel):
    """The trained network with what turns its output into a person's curves and face.

    curves: the person's statistics, or people's in general. features: of the speech features that it was trained on.
    architecture: of the network. rate_hz: rows of speech a second. articulation: see `ArkitConfig`. filter: of the
    curves that are given out.
    """

    id = "arkit"
    shapes = {
        "features.mean": ("F",), "features.silence": ("F",), "curves.expression": (EXPRESSION_SIZE,),
        "curves.pose": (POSE_SIZE,), **{f"curves.{name}": (len(ARKIT_NAMES),) for name in ("rest", "closed", "scale")},
    }
    moves_head = False
    speaks_early = True
    face_model = mp478.ID

    network: SpeechToCurves
    curves: CurveStatistics
    features: FeatureStatistics
    architecture: Architecture
    speech_extractor: str
    rate_hz: float
    articulation: float = 1.0
    filter: CurveFilter = field(default_factory=curve_filter)

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    def with_filter(self, name: str) -> ArkitRegressor:
        """The same model whose curves pass another filter.

        Raises:
            InputError: no such filter.
        """
        return replace(self, filter=curve_filter(name))

    def for_live(self) -> ArkitRegressor:
        """With a filter that waits for nothing."""
        return self.with_filter(BACKWARD)

    def values(self, features: SpeechFeatures, *, fps: float = ARKIT_FPS, frames: int | None = None) -> np.ndarray:
        """ARKit values `[T, 52]` 0-1 in the order of `ARKIT_NAMES`, at any frame rate; as `stream` otherwise."""
        return np.concatenate(list(self.stream_values(features, fps=fps, frames=frames)))

    def stream_values(
        self, features: SpeechFeatures, *, fps: float = ARKIT_FPS, frames: int | None = None
    ) -> Iterator[np.ndarray]:
        """The same in consecutive pieces of a second; each needs `latency_s` of sound beyond its end."""
        count = self.frame_count(features, fps, frames)
        rows = self._rows(features)
        hop, margin = max(1, round(PIECE_S * fps)), math.ceil(self.filter.reach_s * fps)
        for start in range(0, count, hop):
            stop = min(count, start + hop)
            first = max(0, start - margin)
            raw = self._curves(rows, np.arange(first, min(count, stop + margin)) / fps)
            yield np.clip(self.filter(raw, fps)[start - first : stop - first], 0.0, 1.0)

    def _rows(self, features: SpeechFeatures) -> np.ndarray:
        """Normalised.

        Raises:
            InputError: of another size or rate than the network was trained on.
        """
        self.features.refuse_size(features.values)
        if features.rate_hz != self.rate_hz:
            expected = f"{self.rate_hz:g} times a second"
            raise InputError(f"speech features {features.rate_hz:g} times a second", expected)
        return self.features.normalise(features.values)

    @property
    def latency_s(self) -> float:
        """Seconds of sound after an instant that its values depend on."""
        ahead_s = 0.0 if self.filter.causal else self.filter.reach_s
        return ahead_s + (self.network.reach + SPLINE_ROWS) / self.rate_hz

    @torch.no_grad()
    def _curves(self, rows: np.ndarray, time_s: np.ndarray, origin: int = 0) -> np.ndarray:
        """Unfiltered ARKit values at evenly rising instants; before and after the rows `[T, F]`, whose first is number
        `origin`, there is silence.
        """
        first = math.floor(time_s[0] * self.rate_hz) - SPLINE_ROWS
        last = math.ceil(time_s[-1] * self.rate_hz) + SPLINE_ROWS
        wanted = np.arange(first - self.network.reach, last + self.network.reach + 1) - origin
        heard = rows[np.clip(wanted, 0, len(rows) - 1)]
        heard[(wanted < 0) | (wanted >= len(rows))] = self.features.outside
        device = next(self.network.parameters()).device
        made = self.network(torch.from_numpy(heard)[None].to(device))[0].cpu().numpy()
        values = self.curves.restore(made, self.articulation)
        return curves_at(values, self.rate_hz, time_s, first / self.rate_hz)

    def stream(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
        """See `MotionModel.stream`; nothing is random, the head is at rest and the lids are open."""
        return map(self._motion, self.stream_values(features, fps=MOTION_FPS, frames=frames))

    def bounded_stream(
        self, speech: Iterable[HeardSpeech], look_ahead: LookAhead, *, seed: int = 0
    ) -> Iterator[FaceMotion]:
        """See `MotionModel.bounded_stream`. The filter sees as far back as ever, and forward what has been heard."""
        margin, more = math.ceil(self.filter.reach_s * MOTION_FPS), self.network.reach + SPLINE_ROWS + 2
        for step in steps(speech, look_ahead, self.speech_extractor):
            rows, first = step.rows(self._rows(step.heard.features), more), max(0, step.start - margin)
            time_s = np.arange(first, min(step.known, step.stop + margin)) / MOTION_FPS
            raw = self._curves(rows, time_s, step.heard.first)
            yield self._motion(self.filter(raw, MOTION_FPS)[step.start - first : step.stop - first].clip(0.0, 1.0))

    def _motion(self, values: np.ndarray) -> FaceMotion:
        pose = np.tile(self.curves.pose.astype(np.float32), (len(values), 1))
        lids = np.zeros(len(values), np.float32)
        expression = self.curves.expression_of(values)
        return FaceMotion(MOTION_FPS, expression, pose[:, :3], pose[:, 3:], lids, self.face_model)

    def _tensors(self) -> dict[str, np.ndarray]:
        arrays = network_arrays(self.network, "network.")
        arrays |= {f"curves.{k}": v for k, v in self.curves.arrays().items()}
        return arrays | {name: value.astype(np.float32) for name, value in self.features.arrays().items()}

    def _described(self) -> dict[str, Any]:
        return {
            "architecture": asdict(self.architecture), "articulation": self.articulation, "filter": self.filter.name,
            "rate_hz": self.rate_hz,
        }

    @classmethod
    def _assembled(
        cls, path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, Any], device: torch.device | str
    ) -> ArkitRegressor:
        architecture = configure(Architecture, metadata["architecture"], str(path))
        features = FeatureStatistics.from_arrays(arrays)
        network = create_network(architecture, len(features.mean))
        load_arrays(path, network, arrays, "network.")
        return cls(
            network.to(device), CurveStatistics.from_arrays(under("curves.", arrays)), features, architecture,
            metadata["speech_extractor"], float(metadata["rate_hz"]), metadata["articulation"],
            curve_filter(metadata["filter"]),
        )  # fmt: skip
