"""How long after its sound a frame is painted, when sound is pushed at the speed at which it is spoken.

    python -m benchmarks.streaming SPEECH --target astronaut [--home out/person/home] [--seconds 10] [--look-ahead 0.1]

Sound comes in pieces of 20 ms, each at its time; whoever paints too long gets the next ones late. A frame's delay is
the time from the instant that it shows being heard until it is painted. Prints a Markdown row; the first second, in
which all is loaded and compiled, does not count.

`--cores N` is for a machine that is busy with other things: the clock stands still but for the sound's time and the
processor time that this process uses, divided by N, as if N cores were its own and always shared the work.
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


class WallClock:
    """The time that passes."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    def now_s(self) -> float:
        return time.monotonic() - self._started_s

    def wait_until(self, moment_s: float) -> None:
        time.sleep(max(0.0, moment_s - self.now_s()))


class ProcessorClock:
    """The time that would pass on so many cores of one's own."""

    def __init__(self, cores: int) -> None:
        self._cores, self._slept_s, self._before_s = cores, 0.0, time.process_time()

    def now_s(self) -> float:
        return self._slept_s + (time.process_time() - self._before_s) / self._cores

    def wait_until(self, moment_s: float) -> None:
        self._slept_s += max(0.0, moment_s - self.now_s())


def delays_s(
    speaker: talking_head.Speaker, samples: np.ndarray, clock: WallClock | ProcessorClock
) -> tuple[np.ndarray, np.ndarray]:
    """For each frame, how long after its instant it was painted, and how much later than its instant the last of the
    sound that it needed was heard.
    """
    painted, needed = [], []
    for start in range(0, len(samples) - PIECE + 1, PIECE):
        heard_s = (start + PIECE) / SPEECH_RATE_HZ
        clock.wait_until(heard_s)
        for frame, _ in speaker.hear(samples[start : start + PIECE]):
            if frame.time_s >= BEGIN_S:
                painted.append(clock.now_s() - frame.time_s)
                needed.append(heard_s - frame.time_s)
    return np.array(painted), np.array(needed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--look-ahead", type=float, default=0.1)
    parser.add_argument("--cores", type=int, help="count processor time instead, on so many cores")
    given = parser.parse_args()
    samples = read_sound(given.speech).samples[: round(given.seconds * SPEECH_RATE_HZ)]
    with talking_head.open(given.target, look_ahead_s=given.look_ahead, home=given.home) as speaker:
        for _ in zip(range(4), speaker.hear(samples[:SPEECH_RATE_HZ]), strict=False):  # compiles what needs it
            pass
    before = os.getloadavg()[0]
    with talking_head.open(given.target, look_ahead_s=given.look_ahead, home=given.home) as speaker:
        clock = ProcessorClock(given.cores) if given.cores else WallClock()
        painted, needed = delays_s(speaker, samples, clock)
        size = f"{speaker.width_px}x{speaker.height_px}, {speaker.fps:g} fps"
    late = np.percentile(painted, (50, 99))
    print(
        f"| {given.target}, {size} | {1000 * needed.mean():.0f} | {1000 * late[0]:.0f} | {1000 * late[1]:.0f} "
        f"| {len(painted)} | {before:.1f} |"
    )


if __name__ == "__main__":
    main()
