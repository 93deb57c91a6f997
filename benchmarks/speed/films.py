"""Whole films, sound to mp4: how fast, from cold and warm, beside other programs, and against length.

    python -m benchmarks.speed.films SPEECH --target ana [--home HOME] [--size 256x256 ...] [--seconds 60]
        [--parts whole busy two length heard] [--models facial_gan ...] [--minutes 1 10 60] [--name N]

Each film is made by a process of its own. Wall time depends on what else the machine does, so processor time stands
beside it, and what it would give on two idle cores: the sound's length over half of it. Ratios are of runs beside each
other. `length` makes motion only, of 1, 10 and 60 minutes; `heard` likewise, while the sound is being heard. Writes
`benchmarks/results/films_NAME.json`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.result_files import RESULTS, Measure, command_line, part_table, write_results
from benchmarks.speed.clock import reference_ms
from benchmarks.speed.sizes import at_sizes, speed_parser
from benchmarks.synthesis import speech_of
from face_model.tracks import MOTION_FPS, FaceMotion
from foundation.parallel import QUIET_THREADS
from motion_models.look_ahead import LookAhead
from preprocessing.media import stream_sound
from preprocessing.speech import WindowedEncoder, heard
from talking_head.target.card import Target, find_target
from talking_head.target.home import Home

MINUTES = 1, 10, 60
MODELS = ["facial_gan", "arkit", "karras2017", "emote"]
LENGTH, HEARD = "motion against length", "motion while heard against length"
CORES = 2
REFERENCE = "(a fixed piece of work, processor ms)"


def burn() -> None:
    """Keep a core busy."""
    while True:
        sum(range(10_000))


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many other processes that never rest."""
    others = [multiprocessing.get_context("spawn").Process(target=burn, daemon=True) for _ in range(count)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.terminate()
            other.join()


def begun(speech: Path, target: Target, folder: Path, *words: str) -> subprocess.Popen[str]:
    """A process that makes a film, or with `--model` only motion."""
    command = [sys.executable, "-m", "benchmarks.speed.films", str(speech), "--target", target.id, "--child"]
    kept = target.folder.parent  # of a person that ships it is no home, which films are signed in
    home = kept.parent if kept.name == "targets" else folder / "home"
    command += ["--home", str(home), "--out", str(folder), "--began", str(time.time()), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=QUIET_THREADS | os.environ)


def ended(process: subprocess.Popen[str]) -> dict[str, float]:
    """What it told."""
    told = process.communicate()[0]
    assert process.returncode == 0, "the film was not made"
    return dict(json.loads(told.splitlines()[-1]))


def child(given: argparse.Namespace) -> None:
    """Make the film, twice where it is to be warm, and print what it took."""
    if given.models:
        print(json.dumps(motion_alone(given)))
        return
    import talking_head
    from preprocessing.media import VideoWriter
    from talking_head.target.loaded import keeping

    written_s: list[float] = []
    write = VideoWriter.write

    def noted(writer: VideoWriter, *words: object, **named: object) -> None:
        write(writer, *words, **named)  # type: ignore[arg-type]
        written_s.append(time.time())

    VideoWriter.write = noted  # type: ignore[method-assign]
    found: dict[str, float] = {}
    with keeping():
        for kind in ("cold", "warm"):
            written_s.clear()
            begun_s, spent_s = time.monotonic(), time.process_time()
            film = Path(given.out) / f"{os.getpid()}.mp4"
            made = talking_head.synthesize(given.speech, given.target, film, home=given.home, force=True)
            wall_s, processor_s = time.monotonic() - begun_s, time.process_time() - spent_s
            if kind == "cold":
                found["first frame, s from the start of the process"] = written_s[0] - given.began
            found |= {
                f"{kind}: times real time": made.duration_s / wall_s,
                f"{kind}: times real time on {CORES} idle cores": made.duration_s / (processor_s / CORES),
                f"{kind}: processor ms a frame": 1000 * processor_s / made.frames,
                f"{kind}: cores used": processor_s / wall_s,
            }
    print(json.dumps(found | {"peak memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def motion_alone(given: argparse.Namespace) -> dict[str, float]:
    """Processor time and memory of a sound's motion."""
    from talking_head.motion.speaking import Directions, speak

    target = find_target(Home.find(given.home), given.target)
    spent_s = time.process_time()
    if given.heard:
        frames = sum(len(piece) for piece in motion_while_heard(given.speech, target, given.models[0]))
        minutes = frames / MOTION_FPS / 60
    else:
        minutes = speak(given.speech, target, 0, "cpu", Directions(given.models[0])).duration_s / 60
    return {
        "processor s a minute": (time.process_time() - spent_s) / minutes,
        "peak memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def motion_while_heard(speech: Path, target: Target, name: str) -> Iterator[FaceMotion]:
    """What one motion model makes of a sound that is heard in pieces of a second."""
    from talking_head.motion.speaking import encoder_for, person_model

    model, look_ahead = person_model(target, name, "cpu"), LookAhead()
    encoder = encoder_for(model.speech_extractor, target)
    assert isinstance(encoder, WindowedEncoder), "an encoder that hears near sound only"
    return model.bounded_stream(heard(encoder, stream_sound(speech, chunk_s=1.0), look_ahead.ends()), look_ahead)


def whole(speech: Path, target: Target, folder: Path, system: str) -> list[Measure]:
    part = "a whole film"
    before_ms = reference_ms()
    found = ended(begun(speech, target, folder))
    found[REFERENCE] = (before_ms + reference_ms()) / 2
    return [Measure(part, name, system, value) for name, value in found.items()]


def beside(speech: Path, target: Target, folder: Path, system: str) -> list[Measure]:
    """Wall time beside busy processes over that without, one after the other."""
    speeds = []
    for count in (0, 1, 2):
        with busy(count):
            speeds.append(ended(begun(speech, target, folder))["warm: times real time"])
    part = "beside busy processes, times slower"
    return [Measure(part, f"{count}", system, speeds[0] / speed) for count, speed in enumerate(speeds[1:], start=1)]


def together(speech: Path, target: Target, folder: Path, system: str) -> list[Measure]:
    """Two films at once over one after the other, from the start of the processes."""
    begun_s = time.monotonic()
    for _ in range(2):
        ended(begun(speech, target, folder))
    apart_s = time.monotonic() - begun_s
    begun_s = time.monotonic()
    for film in [begun(speech, target, folder) for _ in range(2)]:
        ended(film)
    value = apart_s / (time.monotonic() - begun_s)
    return [Measure("two films at once", "throughput over one after the other", system, value)]


def lengths(
    part: str, source: Path, target: Target, folder: Path, models: list[str], minutes: list[int]
) -> Iterator[list[Measure]]:
    more = ["--heard"] if part == HEARD else []
    for model in models:
        for length in minutes:
            speech = speech_of(source, 60.0 * length, folder)
            found = ended(begun(speech, target, folder, "--models", model, *more))
            yield [Measure(part, f"{length} min: {k}", model, v) for k, v in found.items()]
            speech.unlink()


def main() -> None:
    parser = speed_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--parts", nargs="+", default=["whole", "busy", "two", "length"])
    parser.add_argument("--models", nargs="+", default=[])
    parser.add_argument("--minutes", type=int, nargs="+", default=list(MINUTES))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--heard", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given)
        return
    target, measured = find_target(Home.find(given.home), given.target), list[Measure]()

    def told(found: list[Measure]) -> None:
        measured.extend(found)
        print("\n".join(f"{m.part} | {m.name} | {m.system} | {m.value:.4g}" for m in found), flush=True)
        path = RESULTS / f"films_{given.name or target.id}.json"
        write_results(path, command_line("benchmarks.speed.films"), given.speech.name, measured)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speech = speech_of(given.speech, given.seconds, folder)
        for each in at_sizes(target, given.size, folder):
            system = f"{each.card.width_px}x{each.card.height_px}"
            if "whole" in given.parts:
                told(whole(speech, each, folder, system))
            if "busy" in given.parts:
                told(beside(speech, each, folder, system))
            if "two" in given.parts:
                told(together(speech, each, folder, system))
        for word, part in (("length", LENGTH), ("heard", HEARD)):
            if word in given.parts:
                for found in lengths(part, given.speech, target, folder, given.models or MODELS, given.minutes):
                    told(found)
    print("\n\n".join(part_table(measured, part, {}, "") for part in dict.fromkeys(m.part for m in measured)))


if __name__ == "__main__":
    main()
