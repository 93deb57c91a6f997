"""One person, measured: enroll on the first part of a video, judge on the rest, with baselines, ceiling and controls.

The picture is the profile `fast`'s, a learned texture; what `benchmarks.pixels` measures is the default's.

    python -m benchmarks.person VIDEO --out out/person --budget 20m [--other-sound SPEECH]

Prints a Markdown table and writes `person.json`. With --steps instead of --budget every number but the times is the
same on every run on one machine. Interrupted, the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

import talking_head
from benchmarks.baselines import bare_texture, log_mel_regressor, mean_face, nearest_replay, warped_reference
from benchmarks.closed_loop import closed_loop_rows
from benchmarks.lips import HOLD_OUT, SEEDS, Rows, lips_row, mean_rows, silence_rows, wrong_sound
from benchmarks.liveliness import liveliness
from evaluation.loading import clip_of_motion
from evaluation.metrics.blinks import rate_per_min
from evaluation.metrics.head import pose_spread_deg
from evaluation.metrics.image import psnr_db, ssim
from evaluation.report import versions
from face_model import mp478
from face_model.morphable_model import Region
from face_model.tracks import MOTION_FPS, FaceMotion, FaceTrack
from facial_gan.config import FacialGanConfig
from facial_gan.synthesis import FacialGan
from facial_gan.train import learn as learn_motion
from foundation.files import write_json
from preprocessing.fitting import reprojection_error
from preprocessing.media import read_frames, read_sound
from preprocessing.speech import speech_encoder
from preprocessing.sync import estimate_offset
from preprocessing.tracking import track_landmarks
from render2video.person import PersonRenderer
from render2video.person_video import PersonVideo, load_person_video, prepare_person_video
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import sound_in_step
from talking_head.motion.model_registry import load_motion_model
from talking_head.motion.speaking import speak
from talking_head.motion.weights import general_weights
from talking_head.target.card import MOTION, Target
from talking_head.target.settings import EnrollSettings, duration_s
from training import Duration

PAPER_LOSSES = "paper"


def held_out_motion(track: FaceTrack, learn: int) -> tuple[FaceMotion, slice]:
    """The whole motion at 30 fps, and its held-out part."""
    motion = track.motion.resampled(MOTION_FPS)
    return motion, slice(round(learn / track.motion.fps * MOTION_FPS), len(motion))


def tracking_rows(video: Path, track: FaceTrack, folder: Path) -> Rows:
    """How well the face was found, and the sound's offset before and after its correction."""
    landmarks = track_landmarks(video, folder)
    after = estimate_offset(landmarks, sound_in_step(video, track))
    return {
        "frames tracked, %": 100 * float(track.valid.mean()),
        "reprojection error, median, % of interocular": 100 * float(np.median(reprojection_error(track))),
        "sound late, ms": 1000 * track.sound_offset_s,
        "sound late after correction, ms": 1000 * after.offset_s,
    }


def picture_rows(video: PersonVideo, renderer: PersonRenderer, learn: int) -> Rows:
    """Held-out frames from their own motion, at the crop's scale: ours, the bare texture, the warped reference frame.
    """
    indices = range(learn, len(video.track))
    painted = list(renderer.crops(video.track.motion[learn:]))
    painters: dict[str, Callable[[int], np.ndarray]] = {
        "ours": lambda i: painted[i - learn],
        "bare texture": lambda i: bare_texture(renderer, video, i),
        "warped reference": lambda i: warped_reference(video, learn, i),
    }
    rows: Rows = {}
    for name, paint in painters.items():
        scores: dict[str, list[float]] = {}
        for index in indices:
            truth, made = np.asarray(video.crops[index]), paint(index)
            for region, mask in regions(video, index).items():
                scores.setdefault(f"{region} PSNR, dB, {name}", []).append(psnr_db(made, truth, mask))
                scores.setdefault(f"{region} SSIM, {name}", []).append(ssim(made, truth, mask))
        rows |= {key: float(np.mean(values)) for key, values in scores.items()}
    drawn = [video.draw(i) for i in indices]
    rows["held-out frames with a hole in the face"] = float(sum(_has_hole(d.face) for d in drawn))
    return rows


def regions(video: PersonVideo, index: int) -> dict[str, np.ndarray | None]:
    """Masks: the drawn face, the lips' surroundings, the whole crop."""
    drawn = video.draw(index)
    mouth = around(drawn.region == Region.INNER_MOUTH, 0.075 * video.size_px)
    return {"face": drawn.face, "mouth": mouth, "whole": None}


def around(region: np.ndarray, width_px: float) -> np.ndarray:
    """A mask and its surroundings, a square brush's width in pixels."""
    reach = max(3, round(width_px)) | 1
    return cv2.dilate(region.astype(np.uint8), np.ones((reach, reach))) > 0


def _has_hole(face: np.ndarray) -> bool:
    outline, _ = cv2.findContours(face.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(face.shape, np.uint8), outline, -1, 1, cv2.FILLED)
    return len(outline) != 1 or int(filled.sum()) != int(face.sum())


def motion_rows(video: Path, track: FaceTrack, target: Target, learn: int, other: Path | None) -> Rows:
    """Held-out lips from sound: ours (mean over seeds), the log-mel regressor, the mean face, and ours on wrong sound.
    """
    motion, held = held_out_motion(track, learn)
    model = load_motion_model(target.folder / MOTION, "cpu")
    encoder = speech_encoder(model.speech_extractor)
    sound = sound_in_step(video, track)
    features = encoder(sound)
    made = [model.synthesize(features, seed=seed, frames=len(motion)) for seed in range(SEEDS)]
    rows = mean_rows([lips_row("ours", m[held], motion[held]) for m in made])
    heard = speech_encoder("log_mel")(sound)
    rows |= lips_row("log-mel regressor", log_mel_regressor(heard, motion, held.start)[held], motion[held])
    rows |= lips_row("nearest frame replayed", nearest_replay(heard, motion, held.start)[held], motion[held])
    rows |= lips_row("mean face", mean_face(motion, held.start)[held], motion[held])
    wrong = encoder(wrong_sound(sound, read_sound(other) if other else None))
    rows |= lips_row("ours, wrong sound", model.synthesize(wrong, frames=len(motion))[held], motion[held])
    head, true_head = clip_of_motion(made[0], "ours").head, clip_of_motion(motion, "truth").head
    rows["head spread, degrees, ours"] = pose_spread_deg(head)
    rows["head spread, degrees, truth"] = pose_spread_deg(true_head)
    rows["blinks a minute, ours"] = float(np.mean([rate_per_min(m.blink, MOTION_FPS) for m in made]))
    rows["blinks a minute, truth"] = rate_per_min(motion.blink, MOTION_FPS)
    return rows | silence_rows(model.synthesize, encoder, sound)


def paper_losses_rows(video: Path, track: FaceTrack, learn: int, out: Path, seed: int, steps: int | None) -> Rows:
    """The same held-out lips when the paper's loss weights stand in for ours, everything else equal."""
    motion, held = held_out_motion(track, learn)
    taught = track[:learn]
    example = motion_example(taught, sound_in_step(video, taught), FacialGan.default_speech)
    config = FacialGanConfig(losses=PAPER_LOSSES)
    start, duration = general_weights(FacialGan.id, FacialGan.default_speech), Duration(steps=steps) if steps else None
    run = out / "paper_losses"
    model = FacialGan.load(
        learn_motion([example], start, run, mode="person", duration=duration, seed=seed, config=config)
    )
    features = speech_encoder(model.speech_extractor)(sound_in_step(video, track))
    made = [model.synthesize(features, seed=seed, frames=len(motion)) for seed in range(SEEDS)]
    return mean_rows([lips_row("ours with the paper's losses", m[held], motion[held]) for m in made])


def measure(given: argparse.Namespace) -> tuple[Rows, list[str]]:
    """Everything, in the order of the table, and why scores of liveliness fall short."""
    video, out = given.video, given.out
    settings = EnrollSettings(
        profile="fast", size_px=given.size, budget_s=duration_s(given.budget, "--budget"), steps=given.steps,
        hold_out=HOLD_OUT, seed=given.seed,
    )
    started_s = time.monotonic()
    enrolled = talking_head.enroll(video, "person", given.consent, settings, home=out / "home", replace=True)
    rows: Rows = {} if enrolled.already_done else {"enrollment, wall, min": (time.monotonic() - started_s) / 60}
    track = talking_head.track(video, out / "track").track
    learn = round(len(track) * (1 - HOLD_OUT))
    rows |= tracking_rows(video, track, out / "track")
    prepare_person_video(read_frames(video, track.motion.fps), track, given.size, out / "track", mp478.load())
    person = load_person_video(out / "track", track, mp478.load())
    renderer = PersonRenderer.load(enrolled.target.folder, mp478.load())
    rows |= picture_rows(person, renderer, learn)
    rows |= motion_rows(video, track, enrolled.target, learn, given.other_sound)
    rows |= paper_losses_rows(video, track, learn, out, given.seed, given.steps)
    lively, reasons = liveliness(video, track, enrolled.target, learn, out)
    rows |= lively
    if given.other_sound:
        film = out / "film.mp4"
        spoken = talking_head.synthesize(given.other_sound, "person", film, home=out / "home", label=False, force=True)
        driving = speak(given.other_sound, enrolled.target, 0, "cpu")
        rows |= closed_loop_rows(film, driving, out / "cache")
        rows["synthesis, times real time"] = spoken.duration_s / spoken.seconds
    return rows, reasons


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/person"))
    parser.add_argument("--budget", default="20m")
    parser.add_argument("--steps", type=int, help="steps instead of the budget: the same digits on every run")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--other-sound", type=Path, help="somebody else's speech: the wrong sound, the closed loop's")
    parser.add_argument("--consent", default="measured on footage whose rights allow it")
    given = parser.parse_args()
    rows, reasons = measure(given)
    write_json(given.out / "person.json", {
        "rows": rows, "reasons": reasons, "video": given.video.name, "seed": given.seed, "command": " ".join(sys.argv),
        "machine": platform.platform(), "versions": versions(),
    })
    print("| measured | value |\n|---|---|")
    print("\n".join(f"| {name} | {value:.3g} |" for name, value in rows.items()))
    print("\n".join(["", *reasons]))
    print(json.dumps({"json": str(given.out / "person.json")}))


if __name__ == "__main__":
    main()
