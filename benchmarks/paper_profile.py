"""The paper's picture road on one video: with the perceptual term, without it, and the `fast` profile beside them.

    python -m benchmarks.paper_profile VIDEO --track FILE --out FOLDER [--size 512] [--width 64] [--window 9]
        [--steps N | --seconds 180] [--vgg vgg19.pth] [--device cuda] [--json FILE]

FILE: the `track.safetensors` that `talking-head track VIDEO` wrote, wherever that ran: a machine that is lent for its
graphics card needs no tracker, and the crops are cut there. The first 85% are learned from, the rest is painted from
its own motion. Without VGG19 weights random ones show that the term's path works, and nothing else. Prints what each
came to; `sheet.png` has held-out frames: filmed, what the network is shown, and each one's painting.


Whole, on a graphics card, in under 8 minutes: `--device cuda --seconds 180`. Small, on a CPU, in some: `--size 128
--width 24 --steps 150`. Tiny, to see that all of it runs: `--size 64 --width 4 --steps 2`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from face_model import mp478
from face_model.tracks import FaceTrack
from foundation.files import write_json
from preprocessing.media import read_frames
from render2video.fast.config import FastConfig
from render2video.losses.perceptual import Vgg19Features
from render2video.paper.config import PaperConfig, PaperProfileConfig
from render2video.person import PersonRenderer, train_person
from render2video.person_video import PersonVideo, load_person_video, prepare_person_video
from talking_head.enrollment.learning import face_psnr_db
from training import Duration
from training.loop import METRICS
from training.validation import judgements

HOLD_OUT, SHOWN, CURVE, PAPER_EPOCHS = 0.15, 4, 12, 50
RECONSTRUCTION = {"paper": "reconstruction", "fast": "l1"}  # what each profile calls its absolute error


@dataclass(frozen=True)
class Learned:
    """A profile that was trained. curve: step and reconstruction error."""

    renderer: PersonRenderer
    steps: int
    seconds: float
    curve: list[tuple[int, float]]
    memory_gib: float
    held_out_db: float

    def numbers(self, frames: int) -> dict[str, Any]:
        """For JSON. frames: of an epoch at batch 1."""
        each_s = self.seconds / max(self.steps, 1)
        return {
            "steps": self.steps, "ms_a_step": round(1000 * each_s, 1), "curve": self.curve,
            "memory_gib": round(self.memory_gib, 2), "held_out_face_psnr_db": round(self.held_out_db, 2),
            "hours_of_50_epochs": round(PAPER_EPOCHS * frames * each_s / 3600, 2),
        }


def learn(video: PersonVideo, taught: int, profile: str, config: Any, run: Path, given: argparse.Namespace) -> Learned:
    """Train a profile, and paint what it did not learn from."""
    if given.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    duration = Duration(budget_s=given.seconds) if given.steps is None else Duration(steps=given.steps)
    renderer, done = train_person(video[:taught], config, run, duration, 0, given.device, profile)
    memory = torch.cuda.max_memory_allocated() / 2**30 if given.device == "cuda" else float("nan")
    error = RECONSTRUCTION[profile]
    lines = [line for line in judgements(run / METRICS) if error in line]
    chosen = np.unique(np.linspace(0, len(lines) - 1, min(CURVE, len(lines))).astype(int)) if lines else []
    curve = [(int(lines[k]["step"]), round(lines[k][error], 4)) for k in chosen]
    return Learned(renderer, done.steps, done.elapsed_s, curve, memory, face_psnr_db(renderer, video[taught:]))


def sheet(video: PersonVideo, taught: int, learned: dict[str, Learned]) -> np.ndarray:
    """Held-out frames, one a column: filmed, as the network is shown them, and painted by each."""
    held = video[taught:]
    columns = []
    for index in np.linspace(0, len(held.track) - 1, SHOWN).astype(int):
        lit = (255 * np.clip(held.draw(index).lit, 0, 1)).astype(np.uint8)
        motion = held.track.motion[: index + 1]  # painted from the start on: each frame sees its own one before
        painted = [list(one.renderer.crops(motion))[-1] for one in learned.values()]
        columns.append(np.concatenate([held.crops[index], lit, *painted]))
    return np.concatenate(columns, axis=1)


def main(words: list[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--track", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--window", type=int, default=9)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--vgg", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(words)
    given.out.mkdir(parents=True, exist_ok=True)
    model, measured, started_s = mp478.load(), FaceTrack.load(given.track), time.monotonic()
    prepare_person_video(read_frames(given.video), measured, given.size, given.out, model)
    video, taught = load_person_video(given.out, measured, model), round(len(measured) * (1 - HOLD_OUT))
    weights, kind = given.vgg, "VGG19"
    if weights is None:
        torch.manual_seed(0)
        weights, kind = given.out / "random_vgg19.pth", "random VGG19"
        torch.save(Vgg19Features().state_dict(), weights)
    networks = PaperConfig(window=given.window, width=given.width, discriminator_width=given.width)
    paper = PaperProfileConfig(networks=networks)
    ways: dict[str, tuple[str, Any]] = {
        "paper, no perceptual term": ("paper", paper),
        f"paper, {kind}": ("paper", replace(paper, vgg_path=str(weights))), "fast": ("fast", FastConfig()),
    }  # fmt: skip
    device = torch.cuda.get_device_name() if given.device == "cuda" else "cpu"
    print(f"{device}; {given.size} px, width {given.width}; crops cut in {time.monotonic() - started_s:.0f} s")
    print("| | steps | ms a step | reconstruction | face of held-out frames, dB | GiB | hours of 50 epochs |")
    print("|---|---|---|---|---|---|---|")
    learned: dict[str, Learned] = {}
    for name, (profile, config) in ways.items():
        one = learned[name] = learn(video, taught, profile, config, given.out / name.replace(", ", "_"), given)
        told, fall = one.numbers(taught), " to ".join(f"{value:.3f}" for _, value in (one.curve[:1] + one.curve[-1:]))
        print(
            f"| {name} | {one.steps} | {told['ms_a_step']:.0f} | {fall} | {one.held_out_db:.1f} | {one.memory_gib:.1f} "
            f"| {told['hours_of_50_epochs']:.1f} |", flush=True,
        )
    cv2.imwrite(str(given.out / "sheet.png"), sheet(video, taught, learned)[..., ::-1])
    if given.json:
        found = {name: one.numbers(taught) for name, one in learned.items()}
        write_json(given.json, {"device": device, "size_px": given.size, "width": given.width, "ways": found})


if __name__ == "__main__":
    main()
