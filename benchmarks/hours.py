"""Hours of work: whether memory and open files stay as they are.

    python -m benchmarks.hours sound SPEECH [--hours 10] [--format livelink] [--result FILE.json]
    python -m benchmarks.hours jobs SPEECH [--jobs 1000] [--result FILE.json]
    python -m benchmarks.hours live SPEECH --target ID [--minutes 30] [--result FILE.json]

sound: an export of the built-in person's motion for so many hours of speech, said again and again. jobs: so many films
of the built-in person asked of a studio, one after another. live: a client that speaks to a person and takes what
comes, in real time. Looked at every second: resident memory and open files of the processes at work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.live_latency import RATE_HZ, marked, measured, talk
from benchmarks.live_studio import studio
from benchmarks.result_files import Measure, command_line, part_table, read_results, write_results
from preprocessing.media import read_sound
from talking_head.client import Studio

EVERY_S = 1.0
SHORT_S, SMALL_PX = 0.3, 96  # of speech and height, in a job
QUARTERS = 4


@dataclass
class Watched:
    """All processes that this one has begun, and they. seen: (memory in MB, open files) each time."""

    seen: list[tuple[float, int]] = field(default_factory=list)

    def look(self) -> None:
        """Once; a process that has just ended counts for nothing."""
        memory_mb, files = 0.0, 0
        for process in begun_by(os.getpid()):
            with suppress(OSError):
                pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
                memory_mb += pages * os.sysconf("SC_PAGE_SIZE") / 1e6
                files += len(os.listdir(f"/proc/{process}/fd"))
        if memory_mb:
            self.seen.append((memory_mb, files))

    def measures(self, what: str) -> list[Measure]:
        """The mean of each quarter of the time, and the most. The first has what is loaded and warmed."""
        rows = []
        for kind, column in (("memory, MB", 0), ("open files", 1)):
            values = np.array([one[column] for one in self.seen], float)
            parts = [part.mean() for part in np.array_split(values, QUARTERS)]
            rows += [Measure(kind, what, f"quarter {k}", float(part)) for k, part in enumerate(parts, 1)]
            rows.append(Measure(kind, what, "largest", float(values.max())))
        return rows


def begun_by(process: int) -> Iterator[int]:
    """All that a process began, and they; on Linux."""
    with suppress(OSError):
        for task in os.listdir(f"/proc/{process}/task"):
            told = Path(f"/proc/{process}/task/{task}/children").read_text(encoding="ascii")
            for child in map(int, told.split()):
                yield child
                yield from begun_by(child)


@contextmanager
def watched() -> Iterator[Watched]:
    """Look every second until the block ends."""
    found, ended = Watched(), threading.Event()

    def look() -> None:
        while not ended.wait(EVERY_S):
            found.look()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        ended.set()
        looking.join()


def write_wav(path: Path, samples: np.ndarray, seconds: float) -> Path:
    """Speech `[N]` float32, again and again, for so long."""
    once = np.asarray(np.round(32767 * np.clip(samples, -1, 1)), "<i2").tobytes()
    left = 2 * round(seconds * RATE_HZ)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        while left > 0:
            file.writeframesraw(once[:left])
            left -= len(once)
    return path


def sound(given: argparse.Namespace, folder: Path) -> tuple[str, list[Measure]]:
    said = write_wav(folder / "said.wav", read_sound(given.speech).samples, 3600 * given.hours)
    goal = folder / {"npz": "out.npz", "livelink": "out.csv", "gltf": "out.glb"}[given.format]
    words = ["export", str(said), "--target", "astronaut", "--format", given.format, "-o", str(goal)]
    with watched() as seen:
        subprocess.run([sys.executable, "-m", "talking_head", *words], check=True)
    what = f"{given.hours:g} h of sound, {given.format}"
    return what, seen.measures(what)


def jobs(given: argparse.Namespace, folder: Path) -> tuple[str, list[Measure]]:
    said = write_wav(folder / "said.wav", read_sound(given.speech).samples[RATE_HZ:], SHORT_S)
    with studio("astronaut") as (address, _, _), watched() as seen:
        client = Studio(f"http://{address}")
        for number in range(given.jobs):
            goal = client.synthesize(said, "astronaut", folder / f"{number}.mp4", height=SMALL_PX)
            assert goal.stat().st_size
            goal.unlink()
    what = f"{given.jobs} films of a studio"
    return what, seen.measures(what)


def live(given: argparse.Namespace, folder: Path) -> tuple[str, list[Measure]]:
    speech = read_sound(given.speech).samples
    with studio(given.target) as (address, _, card), watched() as seen:
        url = f"ws://{address}/v1/live?target={given.target}&codec=h264&seed=1&paced=1"
        came, begun, first_s = asyncio.run(talk(url, marked(speech, 60 * given.minutes)))
    figures = measured(came, begun, first_s, card["fps"])
    what = f"{given.minutes:g} min live, {card['width_px']} x {card['height_px']}"
    kept = ("clock_drift_ppm", "marks_wander_ms", "frames_missing_share", "marks")
    return what, [*seen.measures(what), *(Measure("live", what, name, float(figures[name])) for name in kept)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("sound", "jobs", "live"))
    parser.add_argument("speech", type=Path)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--format", default="livelink", choices=("npz", "livelink", "gltf"))
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--target", default="astronaut")
    parser.add_argument("--result", type=Path)
    given = parser.parse_args()
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        name, rows = {"sound": sound, "jobs": jobs, "live": live}[given.what](given, Path(folder))
    rows.append(Measure("time", name, "minutes", (time.monotonic() - started_s) / 60))
    print("\n\n".join(part_table(rows, part, {}, "") for part in dict.fromkeys(row.part for row in rows)))
    if given.result is not None:
        earlier = read_results(given.result)[1] if given.result.exists() else []
        kept = [row for row in earlier if row.name != name]
        write_results(given.result, command_line("benchmarks.hours"), "speech that was given", [*kept, *rows])


if __name__ == "__main__":
    main()
