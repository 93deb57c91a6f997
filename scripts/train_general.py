"""Train a motion model on many people and write `checkpoints/<motion model>/<speech>.safetensors`.

    python scripts/train_general.py --run RUN_FOLDER --speakers FILE.json [--motion arkit --steps 1500]

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
from facial_gan.config import FacialGanConfig
from facial_gan.data import MotionExample
from facial_gan.registry import motion_model
from facial_gan.synthesis import FacialGan
from foundation.files import read_json
from talking_head.learning import motion_example
from talking_head.tracking import TRACK, sound_in_step, track
from training import Duration

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
    parser.add_argument("--motion", default=FacialGan.id, help="motion model")
    parser.add_argument("--speech", help="speech encoder; otherwise the one that the model is made for")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=16, help="of FACIAL-GAN; the others have their own")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "checkpoints")
    asked = parser.parse_args()
    model = motion_model(asked.motion)
    speech = asked.speech or model.default_speech
    videos = {s: [asked.speakers.parent / v for v in files] for s, files in read_json(asked.speakers).items()}
    examples = [
        example_of(video, speaker, asked.run / video.stem, speech)
        for speaker, files in videos.items() for video in files
    ]  # fmt: skip
    config = model.config_type()
    if isinstance(config, FacialGanConfig):
        config.general = replace(config.general, batch_size=asked.batch)
    run = asked.run / f"train_{asked.motion}_{speech}"
    made = model.learn(examples, None, run, duration=Duration(asked.steps), config=config)
    goal = asked.out / asked.motion
    goal.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made, goal / f"{speech}.safetensors")


if __name__ == "__main__":
    main()
