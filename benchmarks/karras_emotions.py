"""What Karras 2017 owes to its slowness term: emotion vectors with and without it, for `benchmarks.motion_models`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.lips import Rows
from evaluation.curves import correlation
from evaluation.loading import clip_of_motion
from evaluation.mouth import lip_gap
from face_model import mp478
from face_model.tracks import FaceTrack, Sound
from foundation.errors import InputError
from motion_models.karras2017 import Karras2017
from motion_models.karras2017.config import KarrasConfig
from motion_models.karras2017.mining import held, mine
from motion_models.karras2017.train import learn
from preprocessing.speech import speech_encoder
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import sound_in_step
from training import Duration

SPREAD = 12  # learned vectors, evenly over the footage, that pairs are taken from


def two_vectors(model: Karras2017, vectors: Sequence[np.ndarray], sounds: Sequence[Sound]) -> Rows:
    """The same sounds with two emotions: how alike the lips move, how unlike the faces are. Of several pairs: means."""
    encoder = speech_encoder(model.speech_extractor)
    features = [encoder(sound) for sound in sounds]
    made = [[held(model, vector).synthesize(one) for one in features] for vector in vectors]
    gaps = [[lip_gap(clip_of_motion(m, "motion").head) for m in row] for row in made]
    basis = mp478.load().expression_mm.flatten(1).numpy()
    alike, apart_mm = [], []
    for first in range(len(vectors)):
        for second in range(first):
            alike += [correlation(a, b) for a, b in zip(gaps[first], gaps[second], strict=True)]
            offsets = (
                (a.expression - b.expression).mean(0) @ basis for a, b in zip(made[first], made[second], strict=True)
            )
            apart_mm += [float(np.sqrt(np.square(o).sum() / (len(o) / 3))) for o in offsets]
    return {"lip-gap correlation": float(np.mean(alike)), "faces apart, mm": float(np.mean(apart_mm))}


def emotion_rows(model: Karras2017, sounds: Sequence[Sound]) -> Rows:
    """Of one trained model."""
    rows = {
        "frame difference / deviation of the vectors": model.parts.emotions.slowness(),
        "times slower than white noise": float(np.sqrt(2) / model.parts.emotions.slowness()),
    }
    try:
        mined = [candidate.vector for candidate in mine(model, mp478.load(), 2)]
    except InputError:
        mined = []
    rows["vectors mined, of 2"] = float(len(mined))
    if len(mined) == 2:
        rows |= {f"two mined vectors, {name}": value for name, value in two_vectors(model, mined, sounds).items()}
    database = model.parts.emotions.database
    learned = database[np.linspace(0, len(database) - 1, SPREAD).astype(int)]
    rows |= {f"any two learned vectors, {name}": v for name, v in two_vectors(model, learned, sounds).items()}
    return rows


def ablation_rows(given: argparse.Namespace, taught: FaceTrack, sounds: Sequence[Sound]) -> dict[str, Rows]:
    """With and without the term, trained alike."""
    example = motion_example(taught, sound_in_step(given.video, taught), Karras2017.default_speech)
    duration = None if given.steps is None else Duration(steps=given.steps)
    runs: dict[str, tuple[Path, KarrasConfig]] = {
        "with": (given.out / Karras2017.id / "run", KarrasConfig()),
        "without": (given.out / "karras2017_fast" / "run", KarrasConfig(regularise=False)),
    }
    rows = {}
    for name, (run, config) in runs.items():
        made = learn([example], None, run, mode="person", duration=duration, seed=given.seed, config=config)
        rows[name] = emotion_rows(Karras2017.load(made), sounds)
    return rows
