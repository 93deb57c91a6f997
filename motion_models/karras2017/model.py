"""The trained network as a motion model: frame by frame, 260 ms behind the sound, without memory of past frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from face_model.tracks import MOTION_FPS, POSE_SIZE, FaceMotion, HeardSpeech, SpeechFeatures
from foundation.config import configure
from motion_models.bounded import steps
from motion_models.directions import AskedEmotion, Delivery
from motion_models.examples import MotionExample
from motion_models.interface import MotionModel, network_arrays, under
from motion_models.karras2017.config import Architecture
from motion_models.karras2017.data import look, rows_seen
from motion_models.karras2017.emotions import NEUTRAL, EmotionCourse, Emotions
from motion_models.karras2017.network import Articulation, FormantAnalysis, SpeechToFace
from motion_models.look_ahead import LookAhead
from motion_models.statistics import FeatureStatistics
from training.checkpoint import load_arrays

PROBE_FRAMES = 180
CHUNK_FRAMES = 256  # made at once when all sound is there


def build_network(
    architecture: Architecture, features: int, coding: int, vertices: int, noise: float = 1.0
) -> SpeechToFace:
    """The network that an architecture describes, for slices of `features` numbers."""
    width, emotion = architecture.articulation_width, architecture.emotion_size
    return SpeechToFace(
        FormantAnalysis(features, architecture.formant_widths, width, noise),
        Articulation(width, emotion, noise), width + emotion, coding, vertices,
    )  # fmt: skip


@dataclass(frozen=True)
class Probe:
    """A stretch of the training sound, to try emotions on. values: `[T', F]` at `rate_hz`; expression: `[T, E]`, the
    truth at 30 fps.
    """

    values: np.ndarray
    rate_hz: float
    expression: np.ndarray

    @staticmethod
    def of(examples: Sequence[MotionExample]) -> Probe:
        """From the middle of the longest clip."""
        longest = max(examples, key=lambda example: len(example.motion))
        first = max(0, (len(longest.motion) - PROBE_FRAMES) // 2)
        expression = longest.motion.expression[first : first + PROBE_FRAMES]
        rate_hz = longest.features.rate_hz
        rows = [round(frame / MOTION_FPS * rate_hz) for frame in (first, first + len(expression))]
        return Probe(longest.features.values[slice(*rows)], rate_hz, expression)


@dataclass(frozen=True)
class Parts:
    """All that a file holds.

    network: in evaluation mode. features: statistics of the speech features. to_expression: `[3V, E]`, least squares
    from vertices to the face model's expression. rest_pose: `[6]`, rotation and translation of a head at rest.
    residual_mm: root mean square of what the expression leaves of the network's vertices.
    """

    network: SpeechToFace
    architecture: Architecture
    features: FeatureStatistics
    emotions: Emotions
    probe: Probe
    to_expression: np.ndarray
    rest_pose: np.ndarray
    residual_mm: float = 0.0


@dataclass(frozen=True, eq=False)
class Karras2017(MotionModel):
    """Speech and a constant or slowly changing emotion to expression.

    parts: see there. course: the emotion over time; None for neutral throughout.
    """

    id = "karras2017"
    default_speech = "autocorrelation"
    shapes = {
        "features.mean": ("F",), "features.silence": ("F",), "database": ("N", "M"), "neutral": ("M",),
        "to_expression": ("V", "E"), "probe.values": ("T", "F"), "probe.expression": ("P", "E"),
        "rest_pose": (POSE_SIZE,),
    }
    moves_head = False
    speaks_early = True
    takes = frozenset({"emotion", "emotions"})

    parts: Parts
    speech_extractor: str
    face_model: str
    course: EmotionCourse | None = None

    def stream(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
        """See `MotionModel.stream`: pieces of one frame, each known 260 ms of sound later. Nothing in it is random."""
        count = self.frame_count(features, MOTION_FPS, frames)
        self.parts.features.refuse_size(features.values)
        yield from self.live([features.values], features.rate_hz, count)

    def live(
        self, pieces: Iterable[np.ndarray], rate_hz: float, frames: int | None = None
    ) -> Iterator[FaceMotion]:
        """Frame after frame from speech rows `[t, F]` as they come in: each is given out once the sound 260 ms ahead is
        there. When no more comes, silence follows, and the frames that are left are made.

        Args:
            pieces: consecutive rows of the encoder `speech_extractor`, as many at a time as there are.
            rate_hz: of them.
            frames: how many to make; None for as long as the sound lasts.
        """
        kept, origin, frame = np.zeros((0, len(self.parts.features.mean)), np.float32), 0, 0
        for piece in pieces:
            kept = np.concatenate([kept, self.parts.features.normalise(piece)])
            while frame != frames and rows_seen(frame, rate_hz)[1] < origin + len(kept):
                yield self._motion(self._offsets_mm(kept, rate_hz, frame, 1, origin))
                frame += 1
            past = min(max(rows_seen(frame, rate_hz)[0], origin), origin + len(kept))
            kept, origin = kept[past - origin :], past
        total = round((origin + len(kept)) / rate_hz * MOTION_FPS) if frames is None else frames
        for left in range(frame, max(1, total)):
            yield self._motion(self._offsets_mm(kept, rate_hz, left, 1, origin))

    def bounded_stream(
        self, speech: Iterable[HeardSpeech], look_ahead: LookAhead, *, seed: int = 0
    ) -> Iterator[FaceMotion]:
        """See `MotionModel.bounded_stream`."""
        for step in steps(speech, look_ahead, self.speech_extractor):
            features = step.heard.features
            self.parts.features.refuse_size(features.values)
            first, last = (rows_seen(frame, features.rate_hz) for frame in (0, 1))
            rows = step.rows(self.parts.features.normalise(features.values), last[1] - first[0])
            yield self._motion(
                self._offsets_mm(rows, features.rate_hz, step.start, step.stop - step.start, step.heard.first)
            )

    def synthesize(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> FaceMotion:
        """The same as `stream`, many frames at once."""
        pieces = self._vertex_pieces(features, self.frame_count(features, MOTION_FPS, frames))
        return self._motion(np.concatenate([offsets @ self.parts.to_expression for offsets in pieces]), solved=True)

    def vertices_mm(self, features: SpeechFeatures, frames: int | None = None) -> np.ndarray:
        """What the network itself gives: vertex offsets from the neutral face, `[T, V, 3]` in mm."""
        pieces = self._vertex_pieces(features, self.frame_count(features, MOTION_FPS, frames))
        return np.concatenate(list(pieces)).reshape(-1, self.parts.network.decoder.out_features // 3, 3)

    def _vertex_pieces(self, features: SpeechFeatures, count: int) -> Iterator[np.ndarray]:
        self.parts.features.refuse_size(features.values)
        rows = self.parts.features.normalise(features.values)
        for start in range(0, count, CHUNK_FRAMES):
            yield self._offsets_mm(rows, features.rate_hz, start, min(CHUNK_FRAMES, count - start))

    @torch.no_grad()
    def _offsets_mm(self, rows: np.ndarray, rate_hz: float, start: int, count: int, origin: int = 0) -> np.ndarray:
        """Vertex offsets `[count, 3V]` of frames from `start` on; outside of the normalised rows there is silence."""
        slices, position = look(rows, rate_hz, start, count, self.parts.features.outside, origin)
        course = self.course or EmotionCourse.of(self.parts.emotions, [AskedEmotion(NEUTRAL)])
        emotion = course.at((start + np.arange(count)) / MOTION_FPS)
        device = next(self.parts.network.parameters()).device
        given = (torch.from_numpy(part)[None].to(device) for part in (slices, position, emotion))
        return self.parts.network(*given)[0].cpu().numpy()

    def _motion(self, values: np.ndarray, solved: bool = False) -> FaceMotion:
        """Motion of vertex offsets `[T, 3V]`, or of expressions `[T, E]` when they are solved for already."""
        expression = values if solved else values @ self.parts.to_expression
        pose = np.tile(self.parts.rest_pose, (len(expression), 1))
        rotation, translation = np.split(pose, 2, axis=1)
        blink = np.zeros(len(expression), np.float32)
        return FaceMotion(MOTION_FPS, expression, rotation, translation, blink, self.face_model)

    def _directed(self, delivery: Delivery) -> Karras2017:
        return self.feeling(EmotionCourse.of(self.parts.emotions, delivery.asked()))

    def feeling(self, course: EmotionCourse) -> Karras2017:
        """A copy with an emotion over time."""
        return replace(self, course=course)

    def with_emotions(self, emotions: Emotions) -> Karras2017:
        """A copy that knows other emotions, and feels the neutral one."""
        return replace(self, parts=replace(self.parts, emotions=emotions), course=None)

    def _tensors(self) -> dict[str, np.ndarray]:
        parts = self.parts
        arrays = network_arrays(parts.network, "network.") | parts.features.arrays()
        arrays |= {f"emotion.{name}": vector for name, vector in parts.emotions.named.items()}
        arrays |= {"probe.values": parts.probe.values, "probe.expression": parts.probe.expression}
        arrays |= {"database": parts.emotions.database, "neutral": parts.emotions.neutral}
        arrays |= {"to_expression": parts.to_expression, "rest_pose": parts.rest_pose}
        return {name: np.asarray(value, np.float32) for name, value in arrays.items()}

    def _described(self) -> dict[str, Any]:
        parts = self.parts
        return {
            "architecture": asdict(parts.architecture), "lengths": list(parts.emotions.lengths),
            "probe_rate_hz": parts.probe.rate_hz, "residual_mm": parts.residual_mm,
        }

    @classmethod
    def _assembled(
        cls, path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, Any], device: torch.device | str
    ) -> Karras2017:
        architecture = configure(Architecture, metadata["architecture"], str(path))
        features = FeatureStatistics.from_arrays(arrays)
        vertices, coding = len(arrays["network.decoder.bias"]) // 3, len(arrays["network.coding.bias"])
        network = build_network(architecture, len(features.mean), coding, vertices)
        load_arrays(path, network, arrays, "network.")
        named, lengths = under("emotion.", arrays), tuple(metadata["lengths"])
        emotions = Emotions(arrays["database"], lengths, arrays["neutral"], named)
        probe = Probe(arrays["probe.values"], metadata["probe_rate_hz"], arrays["probe.expression"])
        parts = Parts(
            network.to(device).eval().requires_grad_(False), architecture, features, emotions, probe,
            arrays["to_expression"], arrays["rest_pose"], metadata["residual_mm"],
        )  # fmt: skip
        return cls(parts, metadata["speech_extractor"], metadata["face_model"])

