"""How long after its sound a frame is painted, when sound is pushed at the speed at which it is spoken.

    python -m benchmarks.streaming SPEECH --target astronaut [--home out/person/home] [--seconds 10] [--look-ahead 0.1]

Sound comes in pieces of 20 ms, each at its time; whoever paints too long gets the next ones late. A frame's delay is
the time from the instant that it shows being heard until it is painted. Prints a Markdown row; the first second, in
which all is loaded and compiled, does not count.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

import talking_head
from face_model.tracks import SPEECH_RATE_HZ
from preprocessing.media import read_sound

PIECE = round(0.02 * SPEECH_RATE_HZ)
BEGIN_S = 1.0


def delays_s(speaker: talking_head.Speaker, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each frame, how long after its instant it was painted, and how much later than its instant the last of the
    sound that it needed was heard.
    """
    painted, needed = [], []
    started_s = time.monotonic()
    for start in range(0, len(samples) - PIECE + 1, PIECE):
        heard_s = (start + PIECE) / SPEECH_RATE_HZ
        time.sleep(max(0.0, started_s + heard_s - time.monotonic()))
        for frame, _ in speaker.hear(samples[start : start + PIECE]):
            if frame.time_s >= BEGIN_S:
                painted.append(time.monotonic() - started_s - frame.time_s)
                needed.append(heard_s - frame.time_s)
    return np.array(painted), np.array(needed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--look-ahead", type=float, default=0.1)
    given = parser.parse_args()
    samples = read_sound(given.speech).samples[: round(given.seconds * SPEECH_RATE_HZ)]
    with talking_head.open(given.target, look_ahead_s=given.look_ahead, home=given.home) as speaker:
        for _ in zip(range(4), speaker.hear(samples[:SPEECH_RATE_HZ]), strict=False):  # compiles what needs it
            pass
    before = os.getloadavg()[0]
    with talking_head.open(given.target, look_ahead_s=given.look_ahead, home=given.home) as speaker:
        painted, needed = delays_s(speaker, samples)
        size = f"{speaker.width_px}x{speaker.height_px}, {speaker.fps:g} fps"
    late = np.percentile(painted, (50, 99))
    print(
        f"| {given.target}, {size} | {1000 * needed.mean():.0f} | {1000 * late[0]:.0f} | {1000 * late[1]:.0f} "
        f"| {len(painted)} | {before:.1f} |"
    )


if __name__ == "__main__":
    main()
