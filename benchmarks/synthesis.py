"""Synthesis of every length: frames, seams, speed, memory.

    python -m benchmarks.synthesis --home out/person/home --target person --speech jfk.wav --out out/synthesis

Each length runs in a process of its own, so that peak memory is its own. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from face_model.tracks import SPEECH_RATE_HZ
from facial_gan.data import WINDOW_FRAMES
from facial_gan.windows import OVERLAP_FRAMES
from preprocessing.media import probe, read_sound
from preprocessing.speech import encode_file, speech_encoder
from talking_head.motion.model_registry import load_motion_model
from talking_head.target.card import MOTION, Target, find_target
from talking_head.target.home import Home

MOTION_LENGTHS_S = (0.3, 4.0, 11.0, 300.0)
FILM_LENGTHS_S = (60.0, 600.0)


def speech_of(source: Path, seconds: float, folder: Path) -> Path:
    """The source's speech, repeated or cut to a length."""
    path = folder / f"speech_{seconds:g}s.wav"
    samples = np.resize(read_sound(source).samples, round(seconds * SPEECH_RATE_HZ))
    soundfile.write(path, samples, SPEECH_RATE_HZ)
    return path


def motion_row(speech: Path, target: Target) -> dict[str, float]:
    """Frames made and wanted; speed where windows join, over the speed everywhere (99th percentiles); stillness."""
    model = load_motion_model(target.folder / MOTION, "cpu")
    features = encode_file(speech_encoder(model.speech_extractor), speech)
    motion = model.synthesize(features, seed=0)
    flat = motion.pack()
    rate = np.abs(np.diff(flat, axis=0)) / flat.std(0).clip(1e-6) if len(flat) > 1 else np.zeros((1, 71))
    hop = WINDOW_FRAMES - OVERLAP_FRAMES
    joins = [k for s in range(hop, len(flat), hop) for k in (s - 1, s, s + OVERLAP_FRAMES - 1, s + OVERLAP_FRAMES)]
    at_joins = rate[[k for k in joins if k < len(rate)]]
    everywhere = np.percentile(rate, 99, axis=0).clip(1e-6)
    ratio = float(np.mean(np.percentile(at_joins, 99, axis=0) / everywhere)) if len(at_joins) else float("nan")
    return {
        "frames": len(motion), "frames wanted": features.frame_count(motion.fps),
        "99th percentile of speed at joins / everywhere": ratio,
        "frames that are all zero": int((flat == 0).all(axis=1).sum()),
    }


def film_row(speech: Path, given: argparse.Namespace) -> dict[str, float]:
    """Speed and peak memory of a whole film, made in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.synthesis", "--child", str(speech)]
    command += ["--home", str(given.home), "--target", given.target, "--out", str(given.out)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(told.splitlines()[-1]))


def child(given: argparse.Namespace) -> None:
    """Make one film and print what it took as JSON."""
    import talking_head

    film = given.out / f"{given.child.stem}.mp4"
    made = talking_head.synthesize(given.child, given.target, film, home=given.home, force=True)
    info = probe(film)
    print(json.dumps({
        "frames": made.frames, "film, s": info.duration_s, "times real time": made.duration_s / made.seconds,
        "peak memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--speech", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/synthesis"))
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.child:
        child(given)
        return
    target = find_target(Home.find(given.home), given.target)
    rows = {f"motion, {s:g} s": motion_row(speech_of(given.speech, s, given.out), target) for s in MOTION_LENGTHS_S}
    rows |= {"film, the speech as it is": film_row(given.speech, given)}
    rows |= {f"film, {s:g} s": film_row(speech_of(given.speech, s, given.out), given) for s in FILM_LENGTHS_S}
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{key}: {value:.4g}" for key, value in row.items()) + " |")


if __name__ == "__main__":
    main()
