"""The built-in target on speech of any kind: what a newcomer gets, tracked again and measured.

    python -m benchmarks.built_in SPEECH... --out out/built_in [--target astronaut]

For the demo's own speech and each file given: does the film show the motion that drove it, do the lips rest when two
seconds of silence are put into the sound, does loudness matter; and how soon a second run begins to paint. Prints a
Markdown table and writes `built_in.json`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

import talking_head
from benchmarks.closed_loop import closed_loop_rows
from benchmarks.lips import Rows, silence_rows
from evaluation.loading import clip_of_motion
from evaluation.mouth import lip_gap
from evaluation.report import versions
from face_model.tracks import Sound
from foundation.files import write_json
from foundation.progress import track
from foundation.shipped import shipped
from preprocessing.media import read_sound
from preprocessing.speech import speech_encoder
from talking_head.motion.model_registry import load_motion_model
from talking_head.motion.speaking import speak
from talking_head.synth.demo import SPEECH, TARGET
from talking_head.target.card import MOTION, Target, find_target
from talking_head.target.home import Home

GAINS_DB = (-20.0, -10.0, 10.0)
PAINTING = "Painting"


def gain_row(target: Target, sound: Sound) -> Rows:
    """The largest change of the lip-gap curve over gains from -20 to +10 dB, as a share of its deviation (RMS)."""
    model = load_motion_model(target.folder / MOTION)
    encode = speech_encoder(model.speech_extractor)

    def gap(gain_db: float) -> np.ndarray:
        louder = Sound((sound.samples * 10 ** (gain_db / 20)).astype(np.float32), sound.rate_hz)
        return lip_gap(clip_of_motion(model.synthesize(encode(louder)), "gain").head)

    usual = gap(0.0)
    change = [np.sqrt(np.square(gap(gain) - usual).mean()) / usual.std() for gain in GAINS_DB]
    return {"lip gap changed by gain, % of its deviation": 100 * float(max(change))}


def row(speech: Path, target: Target, out: Path) -> Rows:
    """All of one sound."""
    film = out / f"{speech.stem}.mp4"
    made = talking_head.synthesize(speech, target.id, film, label=False, force=True)
    rows = closed_loop_rows(film, speak(speech, target, 0, "cpu"), out / "cache")
    sound = read_sound(speech)
    model = load_motion_model(target.folder / MOTION)
    rows |= silence_rows(model.synthesize, speech_encoder(model.speech_extractor), sound)
    rows |= gain_row(target, sound)
    return rows | {"times real time": made.duration_s / made.seconds}


def start_s(out: Path) -> float:
    """Seconds from the start of `talking-head demo` to the first frame painted, the second time it runs."""
    command = [sys.executable, "-m", "talking_head", "demo", "--force", "-o", str(out / "second.mp4")]
    subprocess.run(command, check=True, capture_output=True)
    began_s = time.monotonic()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(PAINTING):
                taken_s = time.monotonic() - began_s
                process.kill()
                return taken_s
    raise RuntimeError("the demo painted nothing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, default=Path("out/built_in"))
    parser.add_argument("--target", default=TARGET)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    target = find_target(Home.find(None), given.target)
    demo = given.out / "demo.wav"
    own = read_sound(shipped(SPEECH))
    soundfile.write(demo, own.samples, own.rate_hz)
    rows = {path.name: row(path, target, given.out) for path in track([demo, *given.speech], "Speaking")}
    begins_s = start_s(given.out)
    write_json(given.out / "built_in.json", {
        "rows": rows, "second run paints after, s": begins_s, "command": " ".join(sys.argv), "versions": versions(),
    })
    print(f"| measured | {' | '.join(rows)} |\n|---|{'---|' * len(rows)}")
    for name in next(iter(rows.values())):
        print(f"| {name} | " + " | ".join(f"{of[name]:.3g}" for of in rows.values()) + " |")
    print(f"\nthe second run of the demo paints after {begins_s:.1f} s")
    print(json.dumps({"json": str(given.out / "built_in.json")}))


if __name__ == "__main__":
    main()
