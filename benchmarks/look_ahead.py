"""What lips lose when a motion knows little of the future.

    python -m benchmarks.look_ahead VIDEO --home out/person/home --target person [--seeds 3] [--motion NAME]

VIDEO: of the target, which did not learn its last 15% (`benchmarks.person` enrolls so). Lip gap and width are judged
there; closure on the whole sound: of the moments where the encoder is sure of p, b or m, how many the lips meet in.
"Like unlimited": the correlation over the whole sound with the motion that knows all of it. --motion: another motion
model than the target's FACIAL-GAN.
Prints a Markdown table: look-ahead of the motion and of the encoder alike, then what is unlimited.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import talking_head
from benchmarks.lips import HOLD_OUT, Rows, lips_row, mean_rows
from evaluation.loading import clip_of_motion
from evaluation.mouth import lip_gap
from face_model.tracks import MOTION_FPS, FaceMotion, Sound, SpeechFeatures
from motion_models.examples import frame_rows
from motion_models.interface import MotionModel
from motion_models.look_ahead import LookAhead
from preprocessing.speech import WindowedEncoder, heard
from talking_head.enrollment.tracking import sound_in_step
from talking_head.motion.speaking import encoder_for, person_model
from talking_head.target.card import find_target
from talking_head.target.home import Home

LOOK_AHEADS_S = (0.0, 0.033, 0.066, 0.1, 0.16, 0.26)
SURE, NEAR_FRAMES, MET_SHARE = 0.6, 2, 0.1  # of p, b, m; around such a moment; of the 95th percentile of the gap


def bounded(model: MotionModel, encoder: WindowedEncoder, sound: Sound, look_ahead: LookAhead, seed: int) -> FaceMotion:
    """The motion of a sound that is heard as it comes."""
    speech = heard(encoder, [sound.samples], look_ahead.ends())
    pieces = [piece.pack() for piece in model.bounded_stream(speech, look_ahead, seed=seed)]
    return FaceMotion.unpack(np.concatenate(pieces), MOTION_FPS, model.face_model)


def met_share(motion: FaceMotion, features: SpeechFeatures) -> float:
    """How many of the moments where lips are surely heard to close have lips that meet, 0-1."""
    if features.lips_closed is None:
        return float("nan")  # an encoder that does not hear lips close
    closed = frame_rows(features, len(motion))[:, features.lips_closed]
    gap = lip_gap(clip_of_motion(motion, "made").head)
    middle = closed[1:-1]
    moments = 1 + np.flatnonzero((middle >= SURE) & (middle >= closed[:-2]) & (middle > closed[2:]))
    lowest = [gap[max(0, m - NEAR_FRAMES) : m + NEAR_FRAMES + 1].min() for m in moments]
    limit = np.quantile(gap, 0.01) + MET_SHARE * (np.quantile(gap, 0.95) - np.quantile(gap, 0.01))
    return float(np.mean(np.array(lowest) <= limit))


def trembling(motion: FaceMotion) -> float:
    """How much faster the lip gap's speed changes than the gap itself: higher is less even."""
    gap = lip_gap(clip_of_motion(motion, "made").head)
    return float(np.std(np.diff(gap, 2)) / np.std(gap))


def rows_of(
    motion: FaceMotion, truth: FaceMotion, whole: FaceMotion, held: slice, features: SpeechFeatures
) -> Rows:
    """The table's columns."""
    row = lips_row("", motion[held], truth[held])
    gap, width, *_ = lips_row("", motion, whole).values()
    row |= {"closure": met_share(motion, features), "unevenness": trembling(motion)}
    return row | {"gap like unlimited": gap, "width like unlimited": width}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--motion")
    given = parser.parse_args()
    person = find_target(Home.find(given.home), given.target)
    model = person_model(person, given.motion, "cpu")
    encoder = encoder_for(model.speech_extractor, person)
    assert isinstance(encoder, WindowedEncoder), "an encoder that hears near sound only"
    with tempfile.TemporaryDirectory() as folder:
        track = talking_head.track(given.video, Path(folder) / "track").track
    sound = sound_in_step(given.video, track)
    truth, features = track.motion.resampled(MOTION_FPS), encoder(sound)
    held = slice(round(len(truth) * (1 - HOLD_OUT)), len(truth))
    seeds = range(given.seeds)
    whole = [model.synthesize(features, seed=seed, frames=len(truth)) for seed in seeds]
    rows = {
        f"{1000 * s:.0f} ms": mean_rows([
            rows_of(made[: len(truth)], truth, whole[seed], held, features)
            for seed in seeds if (made := bounded(model, encoder, sound, LookAhead(s), seed))
        ])
        for s in LOOK_AHEADS_S
    }
    rows["unlimited"] = mean_rows([rows_of(made, truth, made, held, features) for made in whole])
    names = [name.rstrip(", ") for name in rows["unlimited"]]
    print(f"| look-ahead | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in row.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
