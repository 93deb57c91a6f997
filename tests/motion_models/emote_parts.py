"""Small networks, a face that speaks in closed forms, and a head of FLAME's layout made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from face_model import mp478
from face_model.tracks import FaceMotion, SpeechFeatures
from motion_models.emote.config import EmoteConfig, PriorSize, Recipe, Sizes, SpeakerSize, Steps
from motion_models.examples import MotionExample, frame_rows

FEATURES = 6


def sizes() -> Sizes:
    return Sizes(PriorSize(16, 8, 2, 16), SpeakerSize(16, 8, 2, 16, dropout=0.0), lip_reader=16)


def config(steps: int = 3, takes: int = 2) -> EmoteConfig:
    return EmoteConfig(
        sizes=sizes(), recipe=Recipe(takes=takes), steps=Steps(steps, steps, steps, steps, steps, steps), batch_size=4
    )


def speech(seconds: float, seed: int = 0) -> SpeechFeatures:
    """Smooth random features at 50 Hz."""
    noise = np.random.default_rng(seed).standard_normal((max(1, round(50 * seconds)), FEATURES))
    smooth = np.stack([np.convolve(column, np.hanning(15), mode="same") for column in noise.T], axis=1)
    return SpeechFeatures((smooth / 3).astype(np.float32), 50.0, "toy", seconds)


def example(seconds: float = 4.0, seed: int = 0, speaker: str = "", expressions: int = 64) -> MotionExample:
    """The first expressions follow the features, the others rest; the head stands still."""
    features = speech(seconds, seed)
    rows = frame_rows(features, features.frame_count(30.0))
    mix = np.random.default_rng(9).standard_normal((FEATURES, expressions)) * (np.arange(expressions) < 8)
    count = len(rows)
    motion = FaceMotion(
        30.0, (rows @ mix).astype(np.float32), np.full((count, 3), 0.1, np.float32),
        np.tile(np.float32([1, 2, -900]), (count, 1)), np.zeros(count, np.float32),
    )  # fmt: skip
    return MotionExample(features, motion, np.ones(count, bool), speaker, np.full(FEATURES, -1.0, np.float32))


def flame_example(expressions: int, **given: object) -> MotionExample:
    made = example(expressions=expressions, **given)  # type: ignore[arg-type]
    return replace(made, motion=replace(made.motion, face_model="flame"))


def write_flame(path: Path, expressions: int = 12) -> Path:
    """A `.npz` of FLAME's layout whose head is the mean of `mp478`: its first expressions, and a jaw below the lips."""
    model = mp478.load()
    points_m = model.mean_mm.numpy().astype(np.float64) / 1000
    directions = np.zeros((len(points_m), 3, 300 + expressions))
    directions[..., 300:] = model.expression_mm.numpy()[:expressions].transpose(1, 2, 0) / 1000
    weights = np.zeros((len(points_m), 5))
    below = 1 / (1 + np.exp((points_m[:, 1] - points_m[[13, 14], 1].mean()) / 0.002))
    weights[:, 2], weights[:, 1] = below, 1 - below
    regressor = np.zeros((5, len(points_m)))
    regressor[:, 2] = 1.0  # all joints at the nose's base but the jaw's, between the ears
    regressor[2] = 0.0
    regressor[2, [127, 356]] = 0.5
    np.savez(
        path, v_template=points_m, shapedirs=directions, posedirs=np.zeros((len(points_m), 3, 36)),
        J_regressor=regressor, weights=weights, f=model.triangles.numpy().astype(np.uint32),
        kintree_table=np.array([[2**32 - 1, 0, 1, 1, 1], range(5)], np.uint32),
    )  # fmt: skip
    return path
