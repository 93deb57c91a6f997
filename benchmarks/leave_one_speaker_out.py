"""Lips of a speaker that a motion model never saw: general training with one speaker left out, on real footage.

    python -m benchmarks.leave_one_speaker_out SPEAKERS.json --out FOLDER [--corpus CORPUS --minutes 3 --steps 300]

SPEAKERS.json as for `scripts/train_general.py`. A speaker with 10 s of footage or more is a fold; the others share
folds of at most six, so each is judged by networks that saw neither the face nor a word. In one run, on the same folds
and steps: FACIAL-GAN from `log_mel` (the baseline without a pretrained encoder), from `phonetic`, from `phonetic` with
the synthetic corpus where --corpus gives it, and the co-articulation model alone on what the encoder hears.
Correlation of the opening between the lips with the tracked one, the mean over a speaker's clips, then over speakers.
Interrupted, the same call goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from face_model import mp478
from facial_gan.config import FacialGanConfig
from facial_gan.data import MotionExample
from facial_gan.lips import lip_gap_mm
from facial_gan.synthesis import FacialGan
from facial_gan.train import person_statistics, train_general
from foundation.files import read_json
from preprocessing.speech import speech_encoder
from scripts.synthetic_motion.corpus import articulate_heard, learn_articulation
from scripts.train_general import examples_of, with_synthetic

LONG_S, GROUP, SEED = 10.0, 6, 0
ENCODERS = ("log_mel", "phonetic")
Scores = dict[str, tuple[float, float]]
"""Speaker -> (correlation, deviation as a share of the truth's)."""


def folds(examples: Sequence[MotionExample]) -> list[list[str]]:
    """Speakers that are left out together."""
    length_s: dict[str, float] = {}
    for example in examples:
        length_s[example.speaker] = length_s.get(example.speaker, 0.0) + example.motion.duration_s
    alone = [[speaker] for speaker, seconds in length_s.items() if seconds >= LONG_S]
    rest = sorted(speaker for speaker, seconds in length_s.items() if seconds < LONG_S)
    count = -(-len(rest) // GROUP)
    return alone + [rest[index::count] for index in range(count)]


def compare(made: np.ndarray, example: MotionExample) -> tuple[float, float]:
    """Correlation and amplitude of lip openings of expressions `[T, 64]` against the tracked ones."""
    model, seen = mp478.load(), example.valid.astype(bool)
    ours, truth = lip_gap_mm(model, made)[seen], lip_gap_mm(model, example.motion.expression)[seen]
    return float(np.corrcoef(ours, truth)[0, 1]), float(ours.std() / truth.std())


def of_speakers(examples: Sequence[MotionExample], expressions: Sequence[np.ndarray]) -> Scores:
    """The mean over each speaker's clips."""
    found: dict[str, list[tuple[float, float]]] = {}
    for example, made in zip(examples, expressions, strict=True):
        found.setdefault(example.speaker, []).append(compare(made, example))
    return {
        speaker: (float(np.mean([c for c, _ in pairs])), float(np.mean([a for _, a in pairs])))
        for speaker, pairs in found.items()
    }


def judged(model: Path, held: Sequence[MotionExample]) -> Scores:
    """A trained model on clips of speakers that it never saw."""
    gan = FacialGan.load(model)
    made = [gan.synthesize(e.features, seed=SEED, frames=len(e.motion)).expression for e in held]
    return of_speakers(held, made)


def coarticulation_alone(taught: Sequence[MotionExample], held: Sequence[MotionExample]) -> Scores:
    """The written-down model on what the encoder hears; rest and targets of the people who were taught."""
    learned = learn_articulation(taught)
    rest = np.mean([person_statistics([e]).rest for e in taught], axis=0)
    made = [articulate_heard(e.features, len(e.motion), learned, rest) for e in held]
    return of_speakers(held, made)


def run_fold(
    left_out: list[str], by_encoder: dict[str, list[MotionExample]], options: argparse.Namespace, folder: Path
) -> dict[str, Scores]:
    """Every way of training, with these speakers left out."""
    heard = by_encoder["phonetic"]
    taught_heard = [e for e in heard if e.speaker not in left_out]
    result = {
        "co-articulation on heard visemes": coarticulation_alone(
            taught_heard, [e for e in heard if e.speaker in left_out]
        )
    }
    base = FacialGanConfig()
    config = replace(base, general=replace(base.general, epochs=0, min_steps=options.steps, batch_size=16))
    for name, examples in by_encoder.items():
        taught = [e for e in examples if e.speaker not in left_out]
        held = [e for e in examples if e.speaker in left_out]
        made = train_general(taught, config, folder / name, "cpu")
        result[name] = judged(made, held)
        if options.corpus is not None and name == "phonetic":
            more = with_synthetic(taught, taught_heard, options.corpus, options.minutes, speech_encoder(name))
            made = train_general(more, config, folder / f"{name}_synthetic", "cpu")
            result[f"{name} + synthetic motion"] = judged(made, held)
    return result


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speakers", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, help="what scripts.phonetic.make_corpus wrote")
    parser.add_argument("--minutes", type=float, default=3.0, help="of synthetic motion")
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    videos = {s: [options.speakers.parent / v for v in files] for s, files in read_json(options.speakers).items()}
    by_encoder = {name: examples_of(videos, options.out / "tracks", name) for name in ENCODERS}
    groups = folds(by_encoder["phonetic"])
    total: dict[str, Scores] = {}
    for number, left_out in enumerate(groups):
        for name, scores in run_fold(left_out, by_encoder, options, options.out / f"fold_{number}").items():
            total.setdefault(name, {}).update(scores)
    speakers = [speaker for group in groups for speaker in group]
    table = Table(title=f"lip-gap correlation, speakers never seen ({len(groups)} folds, {options.steps} steps)")
    table.add_column("trained on the others")
    for name in ("mean", "worst", "amplitude", *speakers):
        table.add_column(name, justify="right")
    for name, scores in total.items():
        found = [scores[speaker] for speaker in speakers]
        means = (np.mean([c for c, _ in found]), min(c for c, _ in found), np.mean([a for _, a in found]))
        table.add_row(name, *(f"{value:.2f}" for value in (*means, *(c for c, _ in found))))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
