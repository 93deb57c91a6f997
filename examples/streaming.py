"""A person who speaks while the sound is still being made.

    python -m examples.streaming SPEECH.wav --target astronaut --out FOLDER

The sound is pushed in pieces of 20 ms, as a call or a speech synthesiser gives it; frames are written as pictures, with
the sound that belongs to each. Replace the two lines that do so by whatever shows frames and plays sound.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import soundfile

import talking_head

PIECE_S = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    samples, rate_hz = soundfile.read(given.speech, dtype="float32", always_2d=True)
    pieces = np.array_split(samples.mean(axis=1), max(1, round(len(samples) / rate_hz / PIECE_S)))

    with talking_head.open(given.target, rate_hz=rate_hz) as speaker:

        def show(frame: talking_head.TimedFrame, sound: np.ndarray) -> None:
            name = given.out / f"{frame.time_s:07.3f}"
            cv2.imwrite(f"{name}.jpg", cv2.cvtColor(frame.picture, cv2.COLOR_RGB2BGR))
            soundfile.write(f"{name}.wav", sound, rate_hz)

        for piece in pieces:
            for frame, sound in speaker.hear(piece):
                show(frame, sound)
        for frame, sound in speaker.finish():
            show(frame, sound)
    print(f"{len(list(given.out.glob('*.jpg')))} frames in {given.out}")


if __name__ == "__main__":
    main()
