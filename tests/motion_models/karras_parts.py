"""A toy face, and a person with two moods, whose truth is known in closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from face_model import mp478
from face_model.morphable_model import MorphableModel
from face_model.tracks import EXPRESSION_SIZE, FaceMotion, SpeechFeatures
from motion_models.examples import MotionExample, frame_rows
from motion_models.karras2017 import Karras2017
from motion_models.karras2017.config import Architecture, KarrasConfig
from motion_models.karras2017.train import learn
from motion_models.lips import gap_columns_mm
from tests.facial_gan.synthetic import speech
from training import Duration

VERTICES = 40


def toy_face() -> MorphableModel:
    """Random shapes over 40 vertices."""
    generator = torch.Generator().manual_seed(3)

    def drawn(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator)

    flat = torch.zeros(VERTICES, 3)
    return MorphableModel(
        "toy_face", drawn(VERTICES, 3), drawn(2, VERTICES, 3), drawn(EXPRESSION_SIZE, VERTICES, 3), flat, flat,
        torch.zeros(2, VERTICES, 3), torch.tensor([[0, 1, 2]]), torch.zeros(1, dtype=torch.long), flat[:, :2], {},
    )  # fmt: skip


def small(**changes: object) -> KarrasConfig:
    architecture = Architecture(formant_widths=[6, 8], articulation_width=16, coding_size=20, emotion_size=4)
    return KarrasConfig(architecture=architecture, **({"run_frames": 8, "batch_runs": 4} | changes))  # type: ignore[arg-type]


def mood_of(frames: int) -> np.ndarray:
    """-1 to 1, three times there and back."""
    return np.sin(np.arange(frames) / frames * 6 * np.pi).astype(np.float32)


def moody_example(seconds: float = 20.0, seed: int = 0) -> MotionExample:
    """On mp478: speech opens the lips by its first feature, mood lifts the brows; neither touches the other."""
    face = mp478.load()
    features = speech(seconds, seed)
    level = frame_rows(features, features.frame_count(30.0))[:, 0]
    opening = np.clip(level / level.std(), -1, 2) + 1
    _, gaps = gap_columns_mm(face)
    mouth = gaps.mean(1) / np.linalg.norm(gaps.mean(1))
    brows = face.expression_mm.numpy()[:, [105, 334], 1].mean(1)
    brows = brows - mouth * (brows @ mouth)
    expression = 2 * opening[:, None] * mouth + 4 * mood_of(len(level))[:, None] * brows / np.linalg.norm(brows)
    still = np.zeros((len(level), 3), np.float32)
    motion = FaceMotion(30.0, expression.astype(np.float32), still, still + [0, 0, -900], still[:, 0], "mp478")
    quiet = np.full(features.values.shape[1], -2 * level.std(), np.float32)
    return MotionExample(features, motion, np.ones(len(level), bool), "", quiet)


def smile() -> np.ndarray:
    """A mood that the person never shows: the corners of the mouth go up by 4 mm, its opening stays."""
    face = mp478.load()
    _, gaps = gap_columns_mm(face)
    told = np.concatenate([face.expression_mm.numpy()[:, [61, 291], 1], gaps.mean(1)[:, None]], axis=1)
    wanted: np.ndarray = np.linalg.pinv(told.T) @ [4.0, 4.0, 0.0]
    return wanted.astype(np.float32)


def moody_model(run: Path, moods: dict[str, np.ndarray] | None = None, steps: int = 500) -> Karras2017:
    """Karras 2017, learned from `moody_example` in seconds, and what moods are taught beside."""
    config = small(learning_rate=4e-3, emotion_rate=4e-3, run_frames=16, exchange_share=0.25, exchange_reach=2.0)
    made = learn([moody_example()], None, run, mode="person", config=config, duration=Duration(steps), moods=moods)
    return Karras2017.load(made)


def louder(features: SpeechFeatures, after_s: float) -> SpeechFeatures:
    """The same up to a time, and something else from then on."""
    values = features.values.copy()
    values[int(np.ceil(after_s * features.rate_hz)) :] += 3.0
    return SpeechFeatures(values, features.rate_hz, features.extractor, features.duration_s)
