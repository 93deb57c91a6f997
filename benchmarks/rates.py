"""What each stage of general training costs here, and what that comes to for the paper's 450 clips.

    python -m benchmarks.rates [--data FOLDER] [--seconds 4] [--steps 3]

Rates are processor seconds, so that other work on the machine counts little; hours on more cores divide them evenly,
which is an extrapolation, as is everything about graphics cards.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from face_model.tracks import FaceTrack
from facial_gan.building import build_discriminator, build_generator, published
from facial_gan.config import Architecture, Augmentation, Schedule
from facial_gan.data import WindowSet
from facial_gan.losses import loss_weights
from facial_gan.train import FacialGanTraining
from motion_models.examples import MotionExample, frame_rows
from motion_models.people import person_statistics
from motion_models.statistics import measure_features
from preprocessing.datasets.cutting import Cut, cut_clips
from preprocessing.fitting import fit_clip
from preprocessing.media import read_frames, read_sound
from preprocessing.report import inspect_clip
from preprocessing.report_page import write_report
from preprocessing.sync import estimate_offset
from preprocessing.tracking import track_landmarks
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import sound_in_step

SOURCE = "clips/sentence_07_continues_and_we_re_learning_more_about.mp4"  # 1280 x 720, as HDTF's videos are
FRAMES, CLIPS = 535_400, 450  # FACIAL, section 4.1
TRAIN_SHARE, WINDOW_STEP, EPOCHS, BATCH, WINDOW = 0.5, 5, 50, 64, 128
CARDS, CARD_FLOPS = 8, 5e12  # what small networks of float32 may reach on one card; assumed, not measured


@dataclass(frozen=True)
class Rate:
    """cpu_s: processor seconds a unit (a frame at 30 a second, or a training step)."""

    stage: str
    cpu_s: float
    wall_s: float
    units: float


def measured(call: Callable[[], object], count: int) -> tuple[float, float]:
    """(processor, wall) seconds a unit."""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    call()
    return (time.process_time() - cpu_s) / count, (time.perf_counter() - wall_s) / count


def preparation(source: Path, folder: Path, seconds: float) -> tuple[list[Rate], MotionExample]:
    """Each step from a published video to an example, over a clip of 512 px."""
    clip = folder / "clip.mp4"
    cut = Cut(clip, 0.0, seconds, (340, 20, 600, 600), 720, 512)
    rates, made = {}, {}
    rates["cut and crop (hdtf)"] = measured(lambda: [error for _, error in cut_clips(source, [cut])], 1)
    # What is loaded or compiled once is not part of a rate.
    track_landmarks(clip)
    fit_clip(track_landmarks(clip)[:8], None)
    rates["landmarks"] = measured(lambda: made.update(seen=track_landmarks(clip)), 1)
    seen = made["seen"]

    def sync() -> None:
        made["sync"] = estimate_offset(seen, read_sound(clip))

    rates["sound offset"] = measured(sync, 1)
    rates["fit"] = measured(lambda: made.update(fit=fit_clip(seen, read_frames(clip, seen.fps))), 1)
    rates["report"] = measured(
        lambda: write_report(inspect_clip(clip, seen, made["sync"]), folder / "report.html"), 1
    )
    fitted: FaceTrack = made["fit"]
    for speech in ("log_mel", "phonetic"):
        motion_example(fitted, sound_in_step(clip, fitted), speech)
        name = f"features, {speech}"
        rates[name] = measured(
            lambda speech=speech: made.update({speech: motion_example(fitted, sound_in_step(clip, fitted), speech)}), 1
        )
    frames = round(len(seen) / seen.fps * 30)
    found = [Rate(name, cpu_s / frames, wall_s / frames, FRAMES) for name, (cpu_s, wall_s) in rates.items()]
    return found, made["log_mel"]


def training(example: MotionExample, architecture: Architecture, name: str, steps: int) -> tuple[list[Rate], float]:
    """A step of general training at batch 64, what of it is drawing the batch, and its floating-point operations."""
    rows = frame_rows(example.features, len(example.motion))
    windows = WindowSet(
        [example], {example.speaker: person_statistics([example])}, measure_features(rows, example.silence),
        Augmentation(), WINDOW_STEP,
    )  # fmt: skip
    nets = build_generator(architecture, rows.shape[1]), build_discriminator(architecture)
    made = FacialGanTraining(*nets, windows, loss_weights("ours"), None, Schedule(batch_size=BATCH), 0)
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter:
        made.training_step(0, 0.0, np.random.default_rng(0))

    def run() -> None:
        for step in range(steps):
            made.training_step(step, 0.0, np.random.default_rng(step))

    def draw() -> None:
        for step in range(steps):
            windows.batch(step, BATCH, 0, np.random.default_rng(step))

    total = FRAMES * TRAIN_SHARE / WINDOW_STEP / BATCH * EPOCHS
    return [
        Rate(f"training step, {name}", *measured(run, steps), total),
        Rate(f"  of it drawing the batch, {name}", *measured(draw, steps), total),
    ], counter.get_total_flops()


def show(rates: list[Rate]) -> None:
    """The table."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    where = f"measured on {cores} cores with one thread, torch {torch.__version__}"
    print(f"{where}; hours for {CLIPS} clips, {FRAMES} frames")
    print(f"{'stage':40s}{'cpu ms/unit':>12s}{'wall ms':>10s}{'units':>10s}{'2 cores h':>11s}{'64 cores h':>11s}")
    for rate in rates:
        hours = rate.cpu_s * rate.units / 3600
        print(
            f"{rate.stage:40s}{1000 * rate.cpu_s:12.2f}{1000 * rate.wall_s:10.2f}{rate.units:10.0f}"
            f"{hours / 2:11.2f}{hours / 64:11.2f}"
        )


def main() -> None:
    """Print the rates, and the hours."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("TALKING_HEAD_DATA", "../shared/data")))
    parser.add_argument("--seconds", type=float, default=4.0, help="of the clip to prepare")
    parser.add_argument("--steps", type=int, default=3, help="of training to time")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        rates, example = preparation(asked.data / SOURCE, Path(folder), asked.seconds)
    lines = []
    for name, architecture in (("compact", Architecture()), ("published", published())):
        found, operations = training(example, architecture, name, asked.steps)
        rates += found
        on_cards = operations * found[0].units / (CARDS * CARD_FLOPS) / 3600
        drawing = found[1].cpu_s * found[1].units / 3600
        lines.append(
            f"{CARDS} cards, {name}: {operations / 1e9:.0f} GFLOP a step, {on_cards:.2f} h at an assumed "
            f"{CARD_FLOPS / 1e12:g} TFLOP/s a card; each process draws the whole batch: at least {drawing:.1f} h"
        )
    show(rates)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
