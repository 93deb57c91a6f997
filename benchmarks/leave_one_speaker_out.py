"""Lips of a speaker that a motion model never saw: general training with one speaker left out, on real footage.

    python -m benchmarks.leave_one_speaker_out SPEAKERS.json --out FOLDER [--corpus CORPUS --minutes 6 --steps 120]

       [--seeds 3]

SPEAKERS.json as for `scripts/train_general.py`. A speaker with 10 s of footage or more is a fold; the others share
folds of at most six, so each is judged by networks that saw neither the face nor a word. In one run, on the same folds
and steps: FACIAL-GAN from `log_mel` (the baseline without a pretrained encoder), from its default encoder, from that
with the synthetic corpus where --corpus gives it, and the co-articulation model alone on what `phonetic` hears. Then
the two from the default encoder with little footage: three people of one fold are all that is taught, and everybody
outside of that fold is judged. Correlation of the opening between the lips with the tracked one, the mean over a
speaker's clips, then over speakers, then over seeds of the training (`log_mel` has the first only). Interrupted, the
same call goes on.
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
from facial_gan.synthesis import FacialGan
from facial_gan.train import learn
from foundation.files import read_json
from motion_models.examples import MotionExample
from motion_models.lips import lip_gap_mm
from motion_models.people import person_statistics
from preprocessing.speech import speech_encoder
from scripts.synthetic_motion.corpus import PHONETIC, articulate_heard, learn_articulation
from scripts.train_general import examples_of, with_synthetic
from training import Duration

LONG_S, GROUP, SEED, FEW, BATCH = 10.0, 6, 0, 3, 16
OURS = FacialGan.default_speech
Scores = dict[str, tuple[float, float]]
"""Speaker -> (correlation, deviation as a share of the truth's)."""
ByEncoder = dict[str, list[MotionExample]]
Runs = dict[str, list[Scores]]
"""Way of training -> scores, one a seed."""


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


def learned(taught: list[MotionExample], seed: int, steps: int, folder: Path) -> Path:
    """A general training's model file."""
    base = FacialGanConfig()
    config = replace(base, general=replace(base.general, batch_size=BATCH))
    run, duration = folder / str(seed), Duration(steps)
    return learn(taught, None, run, mode="general", duration=duration, seed=seed, config=config)


def compare_training(
    name: str, taught: ByEncoder, held: list[MotionExample], options: argparse.Namespace, folder: Path,
    seeds: Sequence[int],
) -> Runs:
    """From the default encoder, with the synthetic corpus and without."""
    own = taught[OURS]
    found: Runs = {name: [judged(learned(own, s, options.steps, folder / "people"), held) for s in seeds]}
    if options.corpus is not None:
        more = with_synthetic(own, taught[PHONETIC], options.corpus, options.minutes, speech_encoder(OURS))
        goal = folder / "people_and_synthetic"
        found[f"{name} + synthetic motion"] = [judged(learned(more, s, options.steps, goal), held) for s in seeds]
    return found


def run_fold(
    left_out: list[str], by_encoder: ByEncoder, options: argparse.Namespace, folder: Path
) -> Runs:
    """Every way of training, with these speakers left out."""
    taught, held = (
        {name: [e for e in examples if (e.speaker in left_out) == out] for name, examples in by_encoder.items()}
        for out in (False, True)
    )
    seeds = range(options.seeds)
    result: Runs = {"co-articulation on heard visemes": [coarticulation_alone(taught[PHONETIC], held[PHONETIC])]}
    result["log_mel"] = [judged(learned(taught["log_mel"], 0, options.steps, folder / "log_mel"), held["log_mel"])]
    return result | compare_training(OURS, taught, held[OURS], options, folder, seeds)


def run_little(group: list[str], by_encoder: ByEncoder, options: argparse.Namespace, folder: Path) -> Runs:
    """Three people of a fold taught, others with each seed; everybody outside of the fold judged."""
    result: Runs = {}
    held = [e for e in by_encoder[OURS] if e.speaker not in group]
    for seed in range(options.seeds):
        names = [group[(seed + step * len(group) // FEW) % len(group)] for step in range(FEW)]
        taught = {name: [e for e in heard if e.speaker in names] for name, heard in by_encoder.items()}
        found = compare_training(f"{OURS}, {FEW} people taught", taught, held, options, folder, [seed])
        for name, scores in found.items():
            result.setdefault(name, []).extend(scores)
    return result


def merged(parts: Sequence[Runs]) -> Runs:
    """Folds of the same rows as one: seed by seed; who was judged in several gets the mean."""
    whole: Runs = {}
    for name in {name: None for part in parts for name in part}:
        columns = zip(*(part[name] for part in parts if name in part), strict=True)
        whole[name] = [
            {s: tuple(np.mean([p[s] for p in pieces if s in p], axis=0)) for piece in pieces for s in piece}
            for pieces in columns
        ]
    return whole


def show(total: Runs, speakers: list[str], title: str) -> None:
    """One row a way of training: mean over speakers with its deviation over seeds, worst speaker, everybody."""
    table = Table(title=title)
    table.add_column("trained on the others")
    for name in ("mean", "over seeds", "worst", "amplitude", *speakers):
        table.add_column(name, justify="right")
    for name, runs in total.items():
        values = np.array([[scores[speaker] for speaker in speakers] for scores in runs])
        means, everybody = values[..., 0].mean(axis=1), values[..., 0].mean(axis=0)
        spread = f"±{means.std(ddof=1):.3f}" if len(means) > 1 else ""
        numbers = (everybody.min(), values[..., 1].mean(), *everybody)
        table.add_row(name, f"{means.mean():.3f}", spread, *(f"{value:.2f}" for value in numbers))
    Console(width=220).print(table)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speakers", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, help="what scripts.phonetic.make_corpus wrote")
    parser.add_argument("--minutes", type=float, default=6.0, help="of synthetic motion")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    videos = {s: [options.speakers.parent / v for v in files] for s, files in read_json(options.speakers).items()}
    by_encoder = {name: examples_of(videos, options.out / "tracks", name) for name in ("log_mel", PHONETIC, OURS)}
    groups = folds(by_encoder[OURS])
    total = merged([
        run_fold(left_out, by_encoder, options, options.out / f"fold_{number}")
        for number, left_out in enumerate(groups)
    ])
    little = merged([
        run_little(group, by_encoder, options, options.out / f"little_{number}")
        for number, group in enumerate(groups) if len(group) >= FEW
    ])
    speakers = [speaker for group in groups for speaker in group]
    size = f"{len(groups)} folds, {options.steps} steps, {options.seeds} seeds"
    show(total | little, speakers, f"lip-gap correlation, speakers never seen ({size})")


if __name__ == "__main__":
    main()
