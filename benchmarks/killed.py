"""Kill an enrollment at random moments and compare what comes of it with one that was left alone.

    python -m benchmarks.killed VIDEO --steps 120 --kills 5 --out out/killed

Both run `talking-head enroll` with the same seed in a home of their own. Prints, for each file of the target, whether
it is the same to the byte or by how much its tensors differ.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from foundation.files import read_tensors
from talking_head.target.card import APPEARANCE, MOTION, VIDEO


def command(given: argparse.Namespace, home: Path) -> list[str]:
    """The enrollment as a person would type it."""
    enroll = [sys.executable, "-m", "talking_head", "enroll", str(given.video), "--id", "person", "--home", str(home)]
    return [*enroll, "--consent", "measured on footage whose rights allow it", "--steps", str(given.steps)]


def run(words: list[str], log: Path) -> float:
    """Run to the end; returns seconds."""
    started_s = time.monotonic()
    with log.open("ab") as file:
        subprocess.run(words, check=True, stdout=file, stderr=file)
    return time.monotonic() - started_s


def run_killed(words: list[str], log: Path, whole_s: float, kills: int, seed: int) -> list[float]:
    """Kill at `kills` moments spread at random over a run's length, then let it finish; returns the moments in seconds.
    """
    dice, moments = random.Random(seed), []
    for _ in range(kills):
        with log.open("ab") as file:
            process = subprocess.Popen(words, stdout=file, stderr=file)
            moments.append(dice.uniform(0.05, 0.6) * whole_s)
            try:
                process.wait(moments[-1])
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
    run(words, log)
    return moments


def difference(first: Path, second: Path) -> str:
    """`same bytes`, `equal tensors`, or the largest difference of a tensor."""
    if first.read_bytes() == second.read_bytes():
        return "same bytes"
    (one, _), (other, _) = read_tensors(first), read_tensors(second)
    assert one.keys() == other.keys()
    largest = max(float(np.abs(one[k].astype(np.float64) - other[k]).max(initial=0.0)) for k in one)
    return "equal tensors" if largest == 0 else f"largest difference {largest:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/killed"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    left, killed = given.out / "left_alone", given.out / "killed"
    whole_s = run(command(given, left), given.out / "left_alone.log")
    moments = run_killed(command(given, killed), given.out / "killed.log", whole_s, given.kills, given.seed)
    print(f"left alone: {whole_s:.0f} s; killed after {', '.join(f'{m:.0f}' for m in moments)} s\n")
    print("| file | killed and resumed against left alone |\n|---|---|")
    for name in (MOTION, VIDEO, APPEARANCE):
        folders = (home / "targets" / "person" / name for home in (left, killed))
        print(f"| {name} | {difference(*folders)} |")


if __name__ == "__main__":
    main()
