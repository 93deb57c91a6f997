"""What it costs to read media in a process of its own (`TALKING_HEAD_CONFINE=1`).

    python -m benchmarks.confined VIDEO... [--rounds 3]

Times by the clock, the best of the rounds, of both ways in turn: the first call, which starts the process that forks;
what a file is; its pictures; its sound. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

from foundation.limits import CONFINE
from preprocessing.media import probe, read_frames, read_sound


def best_s(call: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        started_s = time.perf_counter()
        call()
        took.append(time.perf_counter() - started_s)
    return min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    os.environ[CONFINE] = "1"
    print(f"the first call: {best_s(lambda: probe(given.videos[0]), 1):.2f} s\n")
    print("| video | what | here, ms | in a process of its own, ms | more, ms |\n|---|---|---|---|---|")
    for video in given.videos:
        info = probe(video)
        frames, seconds = max(1, round(info.fps * info.duration_s)), max(1.0, info.duration_s)
        calls: dict[str, tuple[Callable[[], object], float]] = {
            "what it is": (lambda video=video: probe(video), 1.0),  # type: ignore[misc]
            "a frame": (lambda video=video: sum(1 for _ in read_frames(video)), frames),  # type: ignore[misc]
            "a second of sound": (lambda video=video: read_sound(video), seconds),  # type: ignore[misc]
        }
        for name, (call, count) in calls.items():
            took = []
            for on in "01":
                os.environ[CONFINE] = on
                took.append(best_s(call, given.rounds) / count * 1e3)
            size = f"{info.width_px} x {info.height_px}, {info.duration_s:.0f} s"
            print(f"| {size} | {name} | {took[0]:.2f} | {took[1]:.2f} | "
                  f"{took[1] - took[0]:.2f} |")  # fmt: skip


if __name__ == "__main__":
    main()
