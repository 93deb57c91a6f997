"""What a general training of one's own is worth: people enrolled from it, from the shipped weights, and from scratch.

    python -m benchmarks.general_training CLIPS --person VIDEO:SECONDS [--person ...] --out FOLDER [--epochs 4000]
        [--patience 6] [--steps N] [--json FILE]

CLIPS: videos of other people, a sub-folder a speaker. VIDEO: of somebody who is not among them; so many seconds of it
are learned from and the rest is judged, in motion alone (nothing is painted); where less than half of it is learned
from, that is its beginning, else its beginning and, once more, its end. Two general models are trained, with our losses
and with the paper's; each judges itself on the part `val` on the way (`report.html` in its folder), ends after
`--patience` judgements without a better one, and its best weights are taken. An enrollment lasts as its recipe says
(300 steps, from scratch 600), or `--steps`. Interrupted, the same call goes on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from face_model.tracks import MOTION_FPS, FaceTrack
from facial_gan.config import FacialGanConfig
from facial_gan.synthesis import FacialGan
from facial_gan.train import learn
from foundation.files import write_json
from motion_models.examples import MotionExample
from motion_models.judging import judged
from talking_head.datasets.gate import Gate
from talking_head.datasets.general_training import train
from talking_head.datasets.prepare import PrepareSettings, prepare
from talking_head.datasets.workers import Place
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import TRACK, sound_in_step, track
from talking_head.motion.weights import find_weights, general_weights
from training import Duration
from training.loop import METRICS
from training.validation import judgements

MEASURES = ("lip_gap", "lip_width", "lip_gap_amplitude", "lip_width_amplitude", "closures", "pose_spread", "blinks")
EVERY_STEPS, BATCH = 50, 16
LOSSES = ("ours", "paper")
Measures = dict[str, float]


@dataclass(frozen=True)
class Part:
    """What is learned from of somebody's video, and what is judged on. name: of the video, and of the part."""

    name: str
    taught: MotionExample
    held: MotionExample


def general(losses: str, prepared: Path, out: Path, epochs: int, patience: int) -> tuple[Path, dict[str, Measures]]:
    """Train a general model; returns its best weights, and how it is judged by part, with its length."""
    config, run = out / f"general_{losses}.yaml", out / f"general_{losses}"
    model = {"losses": losses, "general": {"epochs": epochs, "batch_size": BATCH}}
    validation = {"every_steps": EVERY_STEPS, "patience": patience}
    config.write_text(yaml.safe_dump({"run": str(run), "validation": validation, "model": model}))
    started_s = time.monotonic()
    made = train(config, prepared)
    steps = max(line["step"] for line in judgements(run / "motion" / METRICS))
    length = {"length": {"steps": steps, "minutes": (time.monotonic() - started_s) / 60}}
    return find_weights(run).path, made.report | length


def parts_of(video: Path, folder: Path, seconds: float) -> list[Part]:
    """See the module."""
    if not (folder / TRACK).is_file():
        track(video, folder)
    measured = FaceTrack.load(folder / TRACK)
    whole = motion_example(measured, sound_in_step(video, measured), FacialGan.default_speech, "person")
    frames, taught = len(whole.motion), round(MOTION_FPS * seconds)
    parts = [Part(f"{video.stem}_beginning", part_of(whole, 0, taught), part_of(whole, taught, frames))]
    if 2 * taught > frames:
        left = frames - taught
        parts.append(Part(f"{video.stem}_end", part_of(whole, left, frames), part_of(whole, 0, left)))
    return parts


def part_of(whole: MotionExample, first: int, last: int) -> MotionExample:
    """Some frames of an example."""
    rate = whole.features.rate_hz
    rows = slice(round(first / MOTION_FPS * rate), round(last / MOTION_FPS * rate))
    features = replace(whole.features, values=whole.features.values[rows], duration_s=(last - first) / MOTION_FPS)
    return replace(
        whole, features=features, motion=whole.motion[first:last], valid=whole.valid[first:last], arkit=None
    )


def mean(rows: Sequence[Mapping[str, float]]) -> Measures:
    """Of each measure, over the rows that know it."""
    known = {name: [row[name] for row in rows if np.isfinite(row.get(name, np.nan))] for name in MEASURES}
    return {name: float(np.mean(values)) if values else float("nan") for name, values in known.items()}


def show(name: str, measures: Mapping[str, float]) -> None:
    numbers = " | ".join(f"{measures.get(measure, float('nan')):.2f}" for measure in MEASURES)
    print(f"| {name} | {numbers} |", flush=True)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--person", required=True, action="append", metavar="VIDEO:SECONDS")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=4000)
    parser.add_argument("--patience", type=int, default=6)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    settings = PrepareSettings(gate=Gate(offset_confidence=0.0), shards=4)
    prepared = prepare(given.clips, given.out / "prepared", settings, Place(1)).manifest.parent
    people = [(Path(video), float(seconds)) for video, seconds in (one.rsplit(":", 1) for one in given.person)]
    parts = [part for video, seconds in people for part in parts_of(video, given.out / video.stem, seconds)]
    found: dict[str, dict[str, Measures]] = {}
    shipped = general_weights(FacialGan.id, FacialGan.default_speech)
    starts: dict[str, tuple[Path | None, str]] = {"shipped": (shipped, "ours"), "scratch": (None, "ours")}

    print(f"| what | {' | '.join(MEASURES)} |\n|---{'|---' * len(MEASURES)}|")
    for losses in LOSSES:
        weights, report = general(losses, prepared, given.out, given.epochs, given.patience)
        starts[f"own general, {losses}"] = weights, losses
        found[f"general, {losses}"] = report
        for what, measures in report.items():
            show(f"general, {losses}, {what}", measures)
    for name, (start, losses) in starts.items():
        rows: dict[str, dict[str, Measures]] = {"as it is": {}, "enrolled": {}}
        for part in parts:
            run = given.out / f"{part.name}_from_{name.replace(', ', '_').replace(' ', '_')}"
            config, taught = FacialGanConfig(losses=losses), [replace(part.taught, speaker="")]
            lasting = None if given.steps is None else Duration(given.steps)
            made = learn(taught, start, run, mode="person", duration=lasting, config=config)
            rows["enrolled"][part.name] = judged(FacialGan.load(made), [part.held])
            if start is not None:
                rows["as it is"][part.name] = judged(FacialGan.load(start), [part.held])
        for how, measured in rows.items():
            for who, measures in measured.items():
                show(f"{name}, {how}: {who}", measures)
            if measured:
                found[f"{name}, {how}"] = measured | {"mean": mean(list(measured.values()))}
                show(f"**{name}, {how}**", found[f"{name}, {how}"]["mean"])
        if given.json:
            write_json(given.json, found)


if __name__ == "__main__":
    main()
