"""Train FACIAL-GAN on many people and write `checkpoints/facial_gan/<speech>.safetensors`.

    python scripts/train_general.py --run RUN_FOLDER --speakers FILE.json

FILE.json: {"speaker": ["video", ...], ...}, paths relative to it. Videos are tracked once into the run folder; the same
call resumes. What enrolment starts from: a person with one photo speaks through these weights alone.
"""

from __future__ import annotations

import argparse
import logging
import shutil
from dataclasses import replace
from pathlib import Path

from face_model.tracks import FaceTrack
from facial_gan.config import FacialGanConfig, Schedule
from facial_gan.data import MotionExample
from facial_gan.synthesis import FacialGan
from facial_gan.train import train_general
from foundation.files import read_json
from talking_head.learning import motion_example
from talking_head.tracking import TRACK, sound_in_step, track

log = logging.getLogger(__name__)


def example_of(video: Path, speaker: str, folder: Path, speech: str) -> MotionExample:
    """One video as an example, tracked unless its track is there."""
    if not (folder / TRACK).is_file():
        track(video, folder)
    measured = FaceTrack.load(folder / TRACK)
    return motion_example(measured, sound_in_step(video, measured), speech, speaker)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder for tracks and the training run")
    parser.add_argument("--speakers", type=Path, required=True, help="JSON: speaker to list of videos")
    parser.add_argument("--speech", default=FacialGan.default_speech, help="speech encoder")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "checkpoints" / "facial_gan")
    asked = parser.parse_args()
    videos = {s: [asked.speakers.parent / v for v in files] for s, files in read_json(asked.speakers).items()}
    examples = [
        example_of(video, speaker, asked.run / video.stem, asked.speech)
        for speaker, files in videos.items() for video in files
    ]  # fmt: skip
    schedule = Schedule(epochs=0, batch_size=asked.batch, min_steps=asked.steps)
    config = replace(FacialGanConfig(), general=schedule)
    made = train_general(examples, config, asked.run / f"train_{asked.speech}", "cpu")
    asked.out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made, asked.out / f"{asked.speech}.safetensors")


if __name__ == "__main__":
    main()
