"""What a general training of one's own is worth: a person enrolled from it, from the shipped weights, and from scratch.

    python -m benchmarks.general_training CLIPS --person VIDEO --out FOLDER [--seconds 8] [--epochs 300]

CLIPS: videos of other people, a sub-folder a speaker. VIDEO: of somebody who is not among them; its first `--seconds`
are learned from and the rest is judged, in motion alone (nothing is painted). Two general models are trained, with our
losses and with the paper's; each judges itself on the way (`report.html` in its folder).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import yaml

from face_model.tracks import FaceTrack
from facial_gan.config import FacialGanConfig
from facial_gan.synthesis import FacialGan
from facial_gan.train import learn
from motion_models.examples import MotionExample
from motion_models.judging import judged
from talking_head.datasets.gate import Gate
from talking_head.datasets.general_training import train
from talking_head.datasets.prepare import PrepareSettings, prepare
from talking_head.datasets.workers import Place
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import TRACK, sound_in_step, track
from talking_head.motion.weights import find_weights, general_weights

MEASURES = ("lip_gap", "lip_width", "lip_gap_amplitude", "lip_width_amplitude", "pose_spread", "blinks")


def general(losses: str, prepared: Path, out: Path, epochs: int) -> Path:
    """Train a general model; returns its best weights."""
    config = out / f"general_{losses}.yaml"
    model = {"losses": losses, "general": {"epochs": epochs, "batch_size": 16}}
    said = {"run": str(out / f"general_{losses}"), "validation": {"every_steps": 50}, "model": model}
    config.write_text(yaml.safe_dump(said))
    made = train(config, prepared)
    for what, measures in made.report.items():
        print(f"| general, {losses}, {what} | {row(measures)} |", flush=True)
    return find_weights(out / f"general_{losses}").path


def person(video: Path, folder: Path, seconds: float) -> tuple[MotionExample, MotionExample]:
    """What is learned from of a video, and what is judged on."""
    if not (folder / TRACK).is_file():
        track(video, folder)
    measured = FaceTrack.load(folder / TRACK)
    whole = motion_example(measured, sound_in_step(video, measured), FacialGan.default_speech, "person")
    parts = (slice(0, round(30 * seconds)), slice(round(30 * seconds), len(whole.motion)))
    return tuple(part_of(whole, part) for part in parts)  # type: ignore[return-value]


def part_of(whole: MotionExample, frames: slice) -> MotionExample:
    """Some frames of an example at 30 a second."""
    rate = whole.features.rate_hz
    rows = slice(round(frames.start / 30 * rate), round(frames.stop / 30 * rate))
    features = replace(
        whole.features, values=whole.features.values[rows], duration_s=(frames.stop - frames.start) / 30
    )
    return replace(whole, features=features, motion=whole.motion[frames], valid=whole.valid[frames], arkit=None)


def row(measures: dict[str, float]) -> str:
    return " | ".join(f"{measures.get(name, float('nan')):.2f}" for name in MEASURES)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--person", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--epochs", type=int, default=300)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    settings = PrepareSettings(gate=Gate(offset_confidence=0.0), shards=4)
    prepared = prepare(given.clips, given.out / "prepared", settings, Place(1)).manifest.parent
    taught, held = person(given.person, given.out / "person", given.seconds)
    print(f"| what | {' | '.join(MEASURES)} |\n|---{'|---' * len(MEASURES)}|")
    starts: dict[str, tuple[Path | None, str]] = {
        f"own general, {losses}": (general(losses, prepared, given.out, given.epochs), losses)
        for losses in ("ours", "paper")
    }
    starts |= {"shipped": (general_weights(FacialGan.id, FacialGan.default_speech), "ours"), "scratch": (None, "ours")}
    for name, (start, losses) in starts.items():
        run = given.out / f"person_{name.replace(', ', '_').replace(' ', '_')}"
        made = learn([replace(taught, speaker="")], start, run, mode="person", config=FacialGanConfig(losses=losses))
        print(f"| enrolled from {name} | {row(judged(FacialGan.load(made), [held]))} |", flush=True)


if __name__ == "__main__":
    main()
