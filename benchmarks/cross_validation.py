"""A person's lips from sound, by speech encoder: each fifth of a video said by motion that learned the other four.

    python -m benchmarks.cross_validation VIDEO --out out/cross_validation [--speech NAME ...] [--seeds 2] [--steps N]

Enrollment as it is, from the shipped general weights of each encoder, and the log-mel regressor beside it. Three
seconds held out carry about +-0.05 of correlation; this judges the whole video. Prints a Markdown table, means over
parts and seeds, and writes `cross_validation.json`. Interrupted, the same command goes on where it was. """

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import talking_head
from benchmarks.baselines import log_mel_regressor
from benchmarks.lips import SEEDS, Rows, lips_row, mean_rows
from face_model.tracks import MOTION_FPS, FaceMotion, FaceTrack, SpeechFeatures
from facial_gan.synthesis import FacialGan
from facial_gan.train import learn
from foundation.files import write_json
from motion_models.examples import MotionExample
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import sound_in_step
from talking_head.motion.weights import general_weights
from training import Duration

PARTS = 5
ENCODERS = ("phonetic_mel", "phonetic", "log_mel")
OURS, BASELINE = "ours", "log-mel regressor"


def part(example: MotionExample, first_s: int, last_s: int) -> MotionExample:
    """An example from one whole second to another, which features and motion both have a row for."""
    frames = slice(round(first_s * MOTION_FPS), round(last_s * MOTION_FPS))
    rate_hz = example.features.rate_hz
    rows = example.features.values[round(first_s * rate_hz) : round(last_s * rate_hz)]
    features = replace(example.features, values=rows, duration_s=float(last_s - first_s))
    return replace(example, features=features, motion=example.motion[frames], valid=example.valid[frames], arkit=None)


def bounds_s(example: MotionExample) -> list[tuple[int, int]]:
    """Where the parts begin and end, in whole seconds; what is left of the last second is not judged."""
    cuts = np.linspace(0, int(example.motion.duration_s), PARTS + 1).astype(int)
    return [(int(a), int(b)) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]


def ours(example: MotionExample, speech: str, seed: int, given: argparse.Namespace) -> list[Rows]:
    """Each part said by motion that learned the others, mean over what is random in saying it."""
    scored, cuts = [], bounds_s(example)
    for number, (first_s, last_s) in enumerate(cuts):
        around = [part(example, a, b) for a, b in ((cuts[0][0], first_s), (last_s, cuts[-1][1])) if b > a]
        run = given.out / f"{speech}_{seed}_{number}"
        duration = Duration(steps=given.steps) if given.steps else None
        start = general_weights(FacialGan.id, speech)
        model = FacialGan.load(learn(around, start, run, mode="person", duration=duration, seed=seed))
        held = slice(round(first_s * MOTION_FPS), round(last_s * MOTION_FPS))
        said = [model.synthesize(example.features, seed=s, frames=len(example.motion)) for s in range(SEEDS)]
        scored.append(mean_rows([lips_row(OURS, motion[held], example.motion[held]) for motion in said]))
    return scored


def baseline(example: MotionExample, seed: int) -> list[Rows]:
    """The regressor, which learns the beginning of a clip: the clip is turned until the judged part is its end."""
    scored, cuts = [], bounds_s(example)
    length_s = cuts[-1][1]
    whole = part(example, 0, length_s)
    for first_s, last_s in cuts:
        features, motion = turned(whole.features, whole.motion, length_s - last_s)
        learn = round((length_s - (last_s - first_s)) * MOTION_FPS)
        made = log_mel_regressor(features, motion, learn, seed)
        scored.append(lips_row(BASELINE, made[learn:], motion[learn:]))
    return scored


def turned(features: SpeechFeatures, motion: FaceMotion, by_s: int) -> tuple[SpeechFeatures, FaceMotion]:
    """A clip with its last seconds moved to its front."""
    rows = np.roll(features.values, round(by_s * features.rate_hz), axis=0)
    frames = np.roll(motion.pack(), round(by_s * MOTION_FPS), axis=0)
    return replace(features, values=rows), FaceMotion.unpack(frames, motion.fps, motion.face_model)


def measure(video: Path, track: FaceTrack, given: argparse.Namespace) -> dict[str, Rows]:
    """Every encoder's mean over parts and seeds."""
    sound = sound_in_step(video, track)
    heard = motion_example(track, sound, "log_mel")
    found = {BASELINE: mean_rows([rows for seed in range(given.seeds) for rows in baseline(heard, seed)])}
    for speech in given.speech:
        example = motion_example(track, sound, speech)
        found[speech] = mean_rows([rows for seed in range(given.seeds) for rows in ours(example, speech, seed, given)])
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/cross_validation"))
    parser.add_argument("--speech", nargs="+", default=list(ENCODERS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, help="of fine-tuning; what enrollment takes when left out")
    given = parser.parse_args()
    torch.set_num_threads(1)
    track = talking_head.track(given.video, given.out / "track").track
    found = measure(given.video, track, given)
    write_json(given.out / "cross_validation.json", {"rows": found, "command": " ".join(sys.argv)})
    names = [name.partition(",")[0] for name in found[BASELINE]]
    print("| heard through | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for heard, rows in found.items():
        print(f"| {heard} | " + " | ".join(f"{value:.2f}" for value in rows.values()) + " |")


if __name__ == "__main__":
    main()
