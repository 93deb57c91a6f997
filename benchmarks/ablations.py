"""What each part is worth: FACIAL-GAN and the render-to-video network with one part taken away, on one person's video.

    python -m benchmarks.ablations VIDEO --out out/ablations [--motion-steps 600] [--video-steps 400]

Every variant learns the first 85% from scratch, as long and from the same seed as the whole one, and is judged on the
rest. Prints two Markdown tables and writes `ablations.json`. Interrupted, the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import talking_head
from benchmarks.lips import HOLD_OUT, SEEDS, Rows, lips_row, mean_rows, silence_rows
from benchmarks.person import around, held_out_motion, regions
from evaluation.loading import clip_of_motion
from evaluation.metrics.head import pose_spread_deg
from evaluation.metrics.image import psnr_db, ssim
from evaluation.report import versions
from face_model import mp478
from face_model.morphable_model import Region
from face_model.tracks import FaceTrack, Sound
from facial_gan.config import Architecture, FacialGanConfig
from facial_gan.losses import PRESETS
from facial_gan.synthesis import FacialGan
from facial_gan.train import learn as learn_motion
from foundation.files import write_json
from preprocessing.media import read_frames
from preprocessing.speech import speech_encoder
from render2video.fast.config import FastConfig
from render2video.person import train_person
from render2video.person_video import PersonVideo, load_person_video, prepare_person_video
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import sound_in_step
from training import Duration

WHOLE = "whole"


def motion_variants() -> dict[str, tuple[str, FacialGanConfig]]:
    """Speech encoder and configuration by name. The paper's claims: section 3.2 and 3.3, table 3."""
    speech, ours = FacialGan.default_speech, FacialGanConfig()
    no_judge = replace(PRESETS[ours.losses], adversarial=0.0)
    return {
        WHOLE: (speech, ours),
        "without context branch": (speech, replace(ours, architecture=Architecture(use_context=False))),
        "without initial state": (speech, replace(ours, architecture=Architecture(use_initial=False))),
        "without discriminator": (speech, replace(ours, losses="custom", custom_losses=no_judge)),
        "the paper's losses": (speech, replace(ours, losses="paper")),
        "the published code's losses": (speech, replace(ours, losses="published")),
        "phonetic features alone": ("phonetic", ours),
        "log-mel features alone": ("log_mel", ours),
    }


def video_variants() -> dict[str, FastConfig]:
    """Configurations of the render-to-video network by name."""
    ours = FastConfig()
    return {
        WHOLE: ours,
        "without eye-attention map": replace(ours, use_eye_attention=False),
        "without texture": replace(ours, use_texture=False),
    }


def motion_row(
    track: FaceTrack, sound: Sound, learn: int, variant: tuple[str, FacialGanConfig], run: Path, given: Any
) -> Rows:
    """Held-out lips, rest in silence, and the head's spread, of one variant."""
    speech, config = variant
    taught_s = learn / track.motion.fps
    heard = Sound(sound.samples[: round(taught_s * sound.rate_hz)], sound.rate_hz)
    example = motion_example(track[:learn], heard, speech)
    duration = Duration(steps=given.motion_steps)
    made = learn_motion([example], None, run, mode="person", duration=duration, seed=given.seed, config=config)
    model, encode = FacialGan.load(made), speech_encoder(speech)
    motion, held = held_out_motion(track, learn)
    features = encode(sound)
    said = [model.synthesize(features, seed=seed, frames=len(motion)) for seed in range(SEEDS)]
    rows = mean_rows([lips_row("held out", one[held], motion[held]) for one in said])
    rows |= silence_rows(model.synthesize, encode, sound)
    rows["head spread over the truth's"] = pose_spread_deg(clip_of_motion(said[0], "made").head) / pose_spread_deg(
        clip_of_motion(motion, "truth").head
    )
    return rows


def video_row(person: PersonVideo, learn: int, config: FastConfig, run: Path, given: Any) -> Rows:
    """Held-out pictures from their own motion, of one variant."""
    renderer, _ = train_person(person[:learn], config, run, Duration(steps=given.video_steps), given.seed)
    scores: dict[str, list[float]] = {}
    for index, picture in enumerate(renderer.crops(person.track.motion[learn:]), start=learn):
        truth = np.asarray(person.crops[index])
        for region, mask in (regions(person, index) | {"eyes": eyes(person, index)}).items():
            scores.setdefault(f"{region} PSNR, dB", []).append(psnr_db(picture, truth, mask))
            scores.setdefault(f"{region} SSIM", []).append(ssim(picture, truth, mask))
    return {name: float(np.mean(values)) for name, values in scores.items()}


def eyes(person: PersonVideo, index: int) -> np.ndarray:
    """Mask of the eyes and their surroundings."""
    return around(np.isin(person.draw(index).region, (Region.RIGHT_EYE, Region.LEFT_EYE)), 0.04 * person.size_px)


def grid(variants: dict[str, Any], run: Callable[[str, Any], Rows], out: Path) -> dict[str, Rows]:
    """The rows of each variant; one that was measured before is not measured again."""
    found: dict[str, Rows] = {}
    for name, variant in variants.items():
        kept = out / (name.replace(" ", "_").replace("'", "") + ".json")
        if not kept.is_file():
            write_json(kept, run(name, variant))
        found[name] = json.loads(kept.read_text())
    return found


def table(rows: dict[str, Rows]) -> str:
    """In Markdown: one line a variant."""
    names = list(rows[WHOLE])
    head = f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}"
    lines = [f"| {key} | " + " | ".join(f"{row[name]:.3g}" for name in names) + " |" for key, row in rows.items()]
    return "\n".join([head, *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/ablations"))
    parser.add_argument("--motion-steps", type=int, default=FacialGanConfig().from_scratch.min_steps)
    parser.add_argument("--video-steps", type=int, default=400)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    out: Path = given.out
    track = talking_head.track(given.video, out / "track").track
    learn = round(len(track) * (1 - HOLD_OUT))
    sound = sound_in_step(given.video, track)
    runs = out / f"steps_{given.motion_steps}_{given.video_steps}_size_{given.size}_seed_{given.seed}"
    motions = grid(
        motion_variants(),
        lambda name, v: motion_row(track, sound, learn, v, runs / "motion" / name.replace(" ", "_"), given),
        runs / "motion",
    )
    prepare_person_video(read_frames(given.video, track.motion.fps), track, given.size, out / "track", mp478.load())
    person = load_person_video(out / "track", track, mp478.load())
    videos = grid(
        video_variants(),
        lambda name, config: video_row(person, learn, config, runs / "video" / name.replace(" ", "_"), given),
        runs / "video",
    )
    write_json(out / "ablations.json", {
        "motion": motions, "video": videos, "command": " ".join(sys.argv), "seed": given.seed,
        "machine": platform.platform(), "versions": versions(),
    })
    print(table(motions), table(videos), json.dumps({"json": str(out / "ablations.json")}), sep="\n\n")


if __name__ == "__main__":
    main()
