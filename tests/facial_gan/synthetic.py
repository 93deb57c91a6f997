"""A person made of closed forms, small networks, and features of nothing in particular."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from face_model.tracks import FaceMotion, SpeechFeatures
from facial_gan.building import build_discriminator, build_generator
from facial_gan.config import Architecture, FacialGanConfig, Schedule
from facial_gan.synthesis import FacialGan
from facial_gan.train import learn
from motion_models.examples import MotionExample, frame_rows
from motion_models.liveliness import BlinkHabit
from motion_models.statistics import measure_features, measure_statistics

FEATURES = 6


def small() -> Architecture:
    return Architecture(
        local_widths=[8, 8, 8, 8],
        picture_widths=[4, 4, 8, 8],
        unet_widths=[8, 8],
        join_widths=[8],
        discriminator_width=4,
    )


def speech(seconds: float, seed: int = 0) -> SpeechFeatures:
    """Smooth random features at 50 Hz."""
    noise = np.random.default_rng(seed).standard_normal((max(1, round(50 * seconds)), FEATURES))
    smooth = (
        np.stack([np.convolve(column, np.hanning(9), mode="same") for column in noise.T], axis=1)
        if seconds > 0.2
        else noise
    )
    return SpeechFeatures(smooth.astype(np.float32), 50.0, "toy", seconds)


def motion_of(features: SpeechFeatures) -> FaceMotion:
    """Expression follows the features; the head sways; the lids close every 4 s."""
    rows = frame_rows(features, features.frame_count(30.0))
    time_s = np.arange(len(rows)) / 30
    mix = np.random.default_rng(9).standard_normal((FEATURES, 64)) / FEATURES
    sway = np.stack([np.sin(time_s * rate) for rate in (1.1, 0.7, 0.4, 0.9, 0.5, 0.3)], axis=1)
    blink = 5.0 * np.exp(-(((time_s % 4.0) - 2.0) ** 2) / (2 * 0.06**2))
    return FaceMotion(
        30.0, (rows @ mix).astype(np.float32), (0.1 * sway[:, :3]).astype(np.float32),
        (5.0 * sway[:, 3:] + [0, 0, -1000]).astype(np.float32), blink.astype(np.float32), "toy_face",
    )  # fmt: skip


def example(seconds: float = 8.0, seed: int = 0, speaker: str = "") -> MotionExample:
    features = speech(seconds, seed)
    motion = motion_of(features)
    return MotionExample(features, motion, np.ones(len(motion), bool), speaker, np.full(FEATURES, -1.0, np.float32))


def config(steps: int = 8) -> FacialGanConfig:
    schedule = Schedule(epochs=0, batch_size=4, min_steps=steps)
    return FacialGanConfig(architecture=small(), general=schedule, fine_tune=schedule, from_scratch=schedule)


def general(examples: Sequence[MotionExample], run: Path, given: FacialGanConfig | None = None, **more: Any) -> Path:
    """Weights of people in general."""
    return learn(examples, more.pop("start", None), run, mode="general", config=given or config(), **more)


def person(
    shown: MotionExample | list[MotionExample], start: Path | None, run: Path, given: FacialGanConfig | None = None
) -> Path:
    """One person, learned."""
    clips = shown if isinstance(shown, list) else [shown]
    return learn(clips, start, run, mode="person", config=given or config())


def model(seed: int = 0) -> FacialGan:
    """Untrained, with batch-norm statistics of real inputs, so that its motion has a natural size."""
    import torch

    torch.manual_seed(seed)
    shown = example(20.0)
    motion = shown.motion.pack()
    generator = build_generator(small(), FEATURES)
    features = measure_features(frame_rows(shown.features, len(motion)), shown.silence)
    windows = torch.from_numpy(shown.features.windows())[: 4 * 128].reshape(4, 128, 16, FEATURES)
    with torch.no_grad():
        for _ in range(30):
            generator.train()(windows, torch.zeros(4, 71))
    return FacialGan(
        generator, measure_statistics(motion, 30.0), features, BlinkHabit(), small(), "toy", "toy_face",
        build_discriminator(small()), np.full(6, 0.5, np.float32),
    )  # fmt: skip
