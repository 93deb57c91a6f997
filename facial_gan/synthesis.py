"""FACIAL-GAN as a motion model: from one frame to hours.

Windows of 128 frames overlap; each starts from the state that the one before it has reached where it begins (FACIAL,
section 3.2, takes the last frame), and the overlap is cross-faded with weights whose slope is zero at both ends. So
neither value nor speed jumps. Only one window is held in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
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
    SpeechFeatures,
)
from facial_gan.building import build_discriminator, build_generator
from facial_gan.config import Architecture, FacialGanConfig, refuse_swing
from facial_gan.data import WINDOW_FRAMES
from facial_gan.networks import Discriminator, Generator
from foundation.config import configure
from foundation.easing import smoothstep
from foundation.errors import InputError
from motion_models.examples import MotionExample, frame_rows, windows_of
from motion_models.interface import Held, MotionModel
from motion_models.lips import meet, meeting, resting, widened
from motion_models.liveliness import BlinkHabit, BlinkProcess, PoseProcess, within_range
from motion_models.smoothing import smoothed
from motion_models.statistics import FeatureStatistics, MotionStatistics
from training import Duration
from training.checkpoint import load_weights

OVERLAP_FRAMES = 32
POSE_SMOOTHING_FRAMES = 3.0  # deviation of the Gaussian over the network's pose: a head has mass


class FacialGan(MotionModel):
    """The trained generator with everything that turns its output into a person's motion.

    Args:
        generator: in evaluation mode.
        statistics: the person's.
        features: of the speech features that it was trained on.
        blinks: the person's habit.
        architecture: of the generator.
        speech_extractor, face_model: see `MotionModel`.
        discriminator: kept for fine-tuning; synthesis does not use it.
        pose_deviation: `[6]`, see `with_measured_pose`.
        articulation, rounding: see `FacialGanConfig`.
    """

    id = "facial_gan"
    default_speech = "phonetic_mel"  # docs/speech_features.md has the comparison
    config_type = FacialGanConfig
    judges_itself = True
    shapes = {
        "features.mean": ("F",), "features.silence": ("F",), "pose_deviation": (POSE_SIZE,),
        "statistics.mean": (MOTION_SIZE,), "statistics.scale": (MOTION_SIZE,), "statistics.pose_limit": (POSE_SIZE,),
        "statistics.pose_factor": (POSE_SIZE, POSE_SIZE), "statistics.rest": (EXPRESSION_SIZE,),
        "statistics.states": ("N", MOTION_SIZE),
    }

    def __init__(
        self,
        generator: Generator,
        statistics: MotionStatistics,
        features: FeatureStatistics,
        blinks: BlinkHabit,
        architecture: Architecture,
        speech_extractor: str,
        face_model: str,
        discriminator: Discriminator | None = None,
        pose_deviation: np.ndarray | None = None,
        articulation: float = 1.0,
        rounding: float = 1.0,
    ) -> None:
        self.generator, self.discriminator = generator.eval().requires_grad_(False), discriminator
        self.statistics, self.features, self.blinks, self.architecture = statistics, features, blinks, architecture
        self.speech_extractor, self.face_model = speech_extractor, face_model
        refuse_swing("articulation", articulation)
        refuse_swing("rounding", rounding)
        self.articulation, self.rounding = articulation, rounding
        self.pose_deviation = np.zeros(POSE_SIZE, np.float32) if pose_deviation is None else pose_deviation

    def stream(self, features: SpeechFeatures, *, seed: int = 0, frames: int | None = None) -> Iterator[FaceMotion]:
        """See `MotionModel.stream`; the first piece needs the first 128 frames' sound, the others 96 more each."""
        count = self.frame_count(features, MOTION_FPS, frames)
        rows = frame_rows(features, features.frame_count(MOTION_FPS))
        self.refuse_size(rows)
        share = self.meeting(features, rows, count)
        alive, start = Alive(self, seed), 0
        for piece in self._network_pieces(self.features.normalise(rows), count, seed):
            yield alive(piece, None if share is None else share[start : start + len(piece)])
            start += len(piece)

    def refuse_size(self, rows: np.ndarray) -> None:
        """Raise an InputError for rows `[T, F]` of another size than the network was trained on."""
        if rows.shape[1] != len(self.features.mean):
            raise InputError(f"{rows.shape[1]} speech features a row", f"{len(self.features.mean)}")

    def meeting(self, features: SpeechFeatures, rows: np.ndarray, count: int) -> np.ndarray | None:
        """How far the lips come together in each frame `[count]`, if the encoder tells and the face model is ours.

        What a network learns of p, b and m from a minute of footage is half an opening, and of pauses lips ajar. Lips
        that do not meet there are what people see first.
        """
        if self.face_model != mp478.ID:
            return None
        after = max(0, count - len(rows))
        heard = [
            together(np.pad(rows[:count, column], (0, after), mode="edge"))
            for column, together in ((features.lips_closed, meeting), (features.silent, resting)) if column is not None
        ]
        return np.max(heard, axis=0) if heard else None

    def _network_pieces(self, rows: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
        """The generator's normalised motion for `count` frames, in pieces `[<= 128, 71]`, windows cross-faded."""
        hop = WINDOW_FRAMES - OVERLAP_FRAMES
        fade = smoothstep(np.linspace(0, 1, OVERLAP_FRAMES + 2, dtype=np.float32)[1:-1, None])
        initial, tail = self.initial_state(seed), None
        for start in range(0, max(1, count - OVERLAP_FRAMES), hop):
            made = self.window(rows, start, initial)
            if tail is not None:
                made[:OVERLAP_FRAMES] = tail * (1 - fade) + made[:OVERLAP_FRAMES] * fade
            if start + WINDOW_FRAMES >= count:
                yield made[: count - start]
                return
            initial, tail = made[hop], made[hop:]
            yield made[:hop].copy()

    @torch.no_grad()
    def window(self, rows: np.ndarray, start: int, initial: np.ndarray) -> np.ndarray:
        """The generator's normalised motion `[128, 71]` from frame `start`; outside of the sound there is silence."""
        device = next(self.generator.parameters()).device
        outside = self.features.normalise(self.features.silence)
        windows = windows_of(rows, start, WINDOW_FRAMES, outside).astype(np.float32)
        made = self.generator(
            torch.from_numpy(windows)[None].to(device), torch.from_numpy(initial)[None].to(device)
        )[0].cpu().numpy()  # fmt: skip
        made[:, POSE] = smoothed(made[:, POSE], POSE_SMOOTHING_FRAMES)
        return made

    def initial_state(self, seed: int) -> np.ndarray:
        """A real pose of the person, chosen by the seed, with lips at rest: before it speaks a face is still."""
        states = self.statistics.states
        state = states[np.random.default_rng([seed, 5]).integers(len(states))].copy()
        state[POSE] *= 0.7  # nearer to the mean, so that few clips start at the edge of the person's range
        state[BLINK], state[EXPRESSION] = 0.0, self.statistics.normalised_rest
        return state

    def for_person(self, person: MotionStatistics, blinks: BlinkHabit) -> FacialGan:
        """This network, such as a general one, moving a person's face. Expressions keep the size that it makes."""
        scale, states = person.scale.copy(), person.states.copy()
        scale[EXPRESSION] = self.statistics.scale[EXPRESSION]
        states[:, EXPRESSION] *= person.scale[EXPRESSION] / scale[EXPRESSION]
        return FacialGan(
            self.generator, replace(person, scale=scale, states=states), self.features, blinks, self.architecture,
            self.speech_extractor, self.face_model, self.discriminator, self.pose_deviation, self.articulation,
            self.rounding,
        )  # fmt: skip

    def with_measured_pose(self, examples: Sequence[MotionExample]) -> FacialGan:
        """This model with the pose spread that its network lacks, filled up by `PoseProcess`.

        What the network does to sound that it was trained on is remembered motion, so it is measured on the same sound
        backwards, which has the same statistics and is new to it.
        """
        normalised = [self.features.normalise(frame_rows(e.features, len(e.motion)))[::-1] for e in examples]
        made = [np.concatenate(list(self._network_pieces(rows, len(rows), seed=0)))[:, POSE] for rows in normalised]
        own = np.concatenate(made).var(axis=0)
        lacking = np.sqrt(np.clip(1.0 - own, 0.0, 1.0)).astype(np.float32)
        return FacialGan(
            self.generator, self.statistics, self.features, self.blinks, self.architecture,
            self.speech_extractor, self.face_model, self.discriminator, lacking, self.articulation,
            self.rounding,
        )  # fmt: skip

    def _tensors(self) -> dict[str, np.ndarray]:
        arrays = {f"generator.{k}": v.cpu().numpy() for k, v in self.generator.state_dict().items()}
        if self.discriminator is not None:
            arrays |= {f"discriminator.{k}": v.cpu().numpy() for k, v in self.discriminator.state_dict().items()}
        arrays |= {f"statistics.{k}": v for k, v in self.statistics.arrays().items()}
        arrays |= {f"features.{f.name}": np.asarray(getattr(self.features, f.name)) for f in fields(FeatureStatistics)}
        return arrays | {"pose_deviation": np.asarray(self.pose_deviation, np.float32)}

    @classmethod
    def learn(
        cls, examples: Sequence[MotionExample], start: Path | None, run: Path, *, duration: Duration | None = None,
        seed: int = 0, device: str = "cpu", config: FacialGanConfig | None = None, held: Held | None = None,
    ) -> Path:
        """See `MotionModel.learn`: many speakers make general weights; one person is learned."""
        from facial_gan.train import fine_tune, train_general  # which imports this module

        chosen = replace(config or FacialGanConfig(), seed=seed)
        budget_s = duration.budget_s if duration else None
        if duration and duration.steps is not None:
            schedules = {name: getattr(chosen, name) for name in ("general", "fine_tune", "from_scratch")}
            exactly = {name: replace(s, epochs=0, min_steps=duration.steps) for name, s in schedules.items()}
            chosen = replace(chosen, **exactly)
        if len({example.speaker for example in examples}) > 1:
            return train_general(list(examples), chosen, run, device, budget_s, start, held)
        return fine_tune(list(examples), start, chosen, run, device, budget_s, held)

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
        tensors = {name: torch.from_numpy(value) for name, value in arrays.items()}
        features = FeatureStatistics(
            arrays["features.mean"], float(arrays["features.scale"].item()), arrays["features.silence"]
        )
        generator = build_generator(architecture, len(features.mean))
        load_weights(path, generator, tensors, "generator.")
        judge = None
        if any(name.startswith("discriminator.") for name in arrays):
            judge = build_discriminator(architecture)
            load_weights(path, judge, tensors, "discriminator.")
            judge.to(device)
        own = {k.removeprefix("statistics."): v for k, v in arrays.items() if k.startswith("statistics.")}
        return cls(
            generator.to(device), MotionStatistics.from_arrays(own), features, BlinkHabit.from_json(metadata["blinks"]),
            architecture, metadata["speech_extractor"], metadata["face_model"], judge, arrays["pose_deviation"],
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
