"""FACIAL-GAN as a motion model: from one frame to hours, or while the sound is still being made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from face_model import mp478
from face_model.tracks import (
    BLINK,
    EXPRESSION,
    EXPRESSION_SIZE,
    MOTION_FPS,
    MOTION_SIZE,
    POSE,
    POSE_SIZE,
    FaceMotion,
    HeardSpeech,
    SpeechFeatures,
)
from facial_gan.bounded import Sliding
from facial_gan.building import build_discriminator, build_generator
from facial_gan.config import Architecture, refuse_swing
from facial_gan.networks import Discriminator, Generator
from facial_gan.windows import Windows, lips_together
from foundation.config import configure
from motion_models.bounded import steps
from motion_models.examples import MotionExample, frame_rows
from motion_models.interface import MotionModel, network_arrays, under
from motion_models.lips import meet, widened
from motion_models.liveliness import BlinkHabit, BlinkProcess, PoseProcess, within_range
from motion_models.look_ahead import LookAhead
from motion_models.people import Habits, person_statistics
from motion_models.statistics import FeatureStatistics, MotionStatistics
from training.checkpoint import load_arrays


@dataclass(frozen=True, eq=False)
class FacialGan(MotionModel):
    """The trained generator with everything that turns its output into a person's motion.

    statistics, blinks: the person's. features: of the speech features that it was trained on. architecture: of the
    generator. discriminator: kept for fine-tuning; synthesis does not use it. pose_deviation: `[6]`, see
    `with_measured_pose`. articulation, rounding: see `FacialGanConfig`. head: how much of its head motion is made, see
    `with_head`.
    """

    id = "facial_gan"
    default_speech = "phonetic_mel"  # docs/speech_features.md has the comparison
    speaks_early = True
    shapes = {
        "features.mean": ("F",), "features.silence": ("F",), "pose_deviation": (POSE_SIZE,),
        "statistics.mean": (MOTION_SIZE,), "statistics.scale": (MOTION_SIZE,), "statistics.pose_limit": (POSE_SIZE,),
        "statistics.pose_factor": (POSE_SIZE, POSE_SIZE), "statistics.rest": (EXPRESSION_SIZE,),
        "statistics.states": ("N", MOTION_SIZE),
    }

    generator: Generator
    statistics: MotionStatistics
    features: FeatureStatistics
    blinks: BlinkHabit
    architecture: Architecture
    speech_extractor: str
    face_model: str
    discriminator: Discriminator | None = None
    pose_deviation: np.ndarray = field(default_factory=lambda: np.zeros(POSE_SIZE, np.float32))
    articulation: float = 1.0
    rounding: float = 1.0
    head: float = 1.0

    def __post_init__(self) -> None:
        self.generator.eval().requires_grad_(False)
        refuse_swing("articulation", self.articulation)
        refuse_swing("rounding", self.rounding)

    @cached_property
    def windows(self) -> Windows:
        """The generator, window by window."""
        return Windows(self.generator, self.statistics, self.features)

    def stream(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
        """See `MotionModel.stream`; the first piece needs the first 128 frames' sound, the others 96 more each."""
        count = self.frame_count(features, MOTION_FPS, frames)
        rows = frame_rows(features, features.frame_count(MOTION_FPS))
        self.features.refuse_size(rows)
        share = lips_together(features, rows, count, self.face_model)
        alive, start = Alive(self, seed), 0
        for piece in self.windows.pieces(self.features.normalise(rows), count, seed):
            yield alive(piece, None if share is None else share[start : start + len(piece)])
            start += len(piece)

    def bounded_stream(
        self, speech: Iterable[HeardSpeech], look_ahead: LookAhead, *, seed: int = 0
    ) -> Iterator[FaceMotion]:
        """See `MotionModel.bounded_stream`."""
        sliding, alive = Sliding(self.windows, self.face_model, seed), Alive(self, seed)
        for step in steps(speech, look_ahead, self.speech_extractor):
            yield alive(*sliding(step.heard, step.known, step.stop))

    @property
    def habits(self) -> Habits:
        """See `MotionModel.habits`."""
        return Habits(self.statistics, self.blinks)

    def for_person(self, habits: Habits) -> FacialGan:
        """This network, such as a general one, moving a person's face. Expressions keep the size that it makes."""
        person = habits.statistics
        scale, states = person.scale.copy(), person.states.copy()
        scale[EXPRESSION] = self.statistics.scale[EXPRESSION]
        states[:, EXPRESSION] *= person.scale[EXPRESSION] / scale[EXPRESSION]
        return replace(self, statistics=replace(person, scale=scale, states=states), blinks=habits.blinks)

    def as_person_of(self, clips: Sequence[MotionExample]) -> FacialGan:
        """See `MotionModel.as_person_of`; the blinks stay its own."""
        person = person_statistics(clips, float(self.statistics.scale[EXPRESSION][0]))
        return self.for_person(Habits(person, self.blinks))

    def for_speech_alone(self) -> FacialGan:
        """See `MotionModel.for_speech_alone`."""
        return replace(self, discriminator=None)

    def with_head(self, head: float) -> FacialGan:
        """See `MotionModel.with_head`."""
        return replace(self, head=head)

    def with_measured_pose(self, examples: Sequence[MotionExample]) -> FacialGan:
        """This model with the pose spread that its network lacks, filled up by `PoseProcess`.

        What the network does to sound that it was trained on is remembered motion, so it is measured on the same sound
        backwards, which has the same statistics and is new to it.
        """
        normalised = [self.features.normalise(frame_rows(e.features, len(e.motion)))[::-1] for e in examples]
        made = [np.concatenate(list(self.windows.pieces(rows, len(rows), seed=0)))[:, POSE] for rows in normalised]
        own = np.concatenate(made).var(axis=0)
        return replace(self, pose_deviation=np.sqrt(np.clip(1.0 - own, 0.0, 1.0)).astype(np.float32))

    def _tensors(self) -> dict[str, np.ndarray]:
        arrays = network_arrays(self.generator, "generator.")
        if self.discriminator is not None:
            arrays |= network_arrays(self.discriminator, "discriminator.")
        arrays |= {f"statistics.{k}": v for k, v in self.statistics.arrays().items()} | self.features.arrays()
        return arrays | {"pose_deviation": np.asarray(self.pose_deviation, np.float32)}

    def _described(self) -> dict[str, Any]:
        return {
            "architecture": asdict(self.architecture), "blinks": self.blinks.to_json(),
            "articulation": self.articulation, "rounding": self.rounding,
        }

    @classmethod
    def _assembled(
        cls, path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, Any], device: torch.device | str
    ) -> FacialGan:
        architecture = configure(Architecture, metadata["architecture"], str(path))
        features = FeatureStatistics.from_arrays(arrays)
        generator, judge = build_generator(architecture, len(features.mean)), None
        load_arrays(path, generator, arrays, "generator.")
        if any(name.startswith("discriminator.") for name in arrays):
            judge = build_discriminator(architecture)
            load_arrays(path, judge, arrays, "discriminator.")
            judge.to(device)
        statistics, blinks = MotionStatistics.from_arrays(under("statistics.", arrays)), metadata["blinks"]
        return cls(
            generator.to(device), statistics, features, BlinkHabit.from_json(blinks), architecture,
            metadata["speech_extractor"], metadata["face_model"], judge, arrays["pose_deviation"],
            metadata["articulation"], metadata["rounding"],
        )  # fmt: skip


class Alive:
    """What makes a person's motion of the generator's, frame by frame: sway, blinks, articulation, lips that meet.

    Args:
        model: whose generator it is. seed: of sway and blinks.
    """

    def __init__(self, model: FacialGan, seed: int) -> None:
        person = model.statistics
        self.model, self.blink = model, BlinkProcess(model.blinks, MOTION_FPS, seed)
        self.sway = PoseProcess(
            model.pose_deviation, person.pose_factor, person.pose_memory_s, MOTION_FPS, seed
        )

    def __call__(self, piece: np.ndarray, share: np.ndarray | None) -> FaceMotion:
        """The next frames' motion, of the generator's `[T, 71]`, normalised, and of how far lips meet `[T]` in them."""
        model, person = self.model, self.model.statistics
        pose = within_range(piece[:, POSE] + self.sway(len(piece)), person.pose_limit, person.pose_centre)
        piece[:, POSE] = model.head * pose  # its rest is zero
        rest = person.normalised_rest
        piece[:, EXPRESSION] = rest + model.articulation * (piece[:, EXPRESSION] - rest)
        motion = person.restore(piece)
        if model.face_model == mp478.ID:
            motion[:, EXPRESSION] = widened(motion[:, EXPRESSION], person.rest, model.rounding)
        if share is not None:
            motion[:, EXPRESSION] = meet(motion[:, EXPRESSION], person.rest, share)
        motion[:, BLINK] = self.blink(motion[:, BLINK][:, 0])[:, None]
        return FaceMotion.unpack(motion, MOTION_FPS, model.face_model)
