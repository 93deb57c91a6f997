"""Many films, one after another or side by side; the same command goes on where it was and tries again what failed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.places import choosing, chosen, writable
from talking_head.batches.jobs import Job, read_jobs
from talking_head.datasets.workers import Failure, Place

OUTCOMES = "outcomes.jsonl"


@dataclass(frozen=True)
class Order:
    """What a worker gets: a job, the folder of the films, and what every film shares."""

    job: Job
    folder: str
    home: str | None
    device: str
    certificate: str | None
    key: str | None


@dataclass(frozen=True)
class Made:
    """One film: its place in the folder, its length, and how long making it took."""

    output: str
    duration_s: float
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Batch:
    """How a run went. made, failed: by output. present: films that were there already."""

    folder: Path
    made: dict[str, Made]
    failed: dict[str, str]
    present: int
    seconds: float


def batch(
    jobs: Path | str, folder: Path | str, place: Place[Order, Made] | None = None, *, device: str = "auto",
    certificate: Path | str | None = None, key: Path | str | None = None, home: Path | str | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> Batch:
    """Make the films of a list that are not there yet.

    Args:
        jobs: the list, see `talking_head.batches.jobs`.
        folder: for the films; `outcomes.jsonl` in it keeps a line for each film made or failed.
        place: where the work is done. Each worker loads a target and its motion models once.
        told: gets one line a job, as each ends.

    Raises:
        InputError: a list that cannot be read, a folder that cannot be written, no worker, no Ray cluster.
    """
    started_s = time.monotonic()
    with choosing(home):
        wanted, goal = read_jobs(Path(jobs)), Path(folder)
        goal.mkdir(parents=True, exist_ok=True)
        writable(goal.absolute(), "-o")
        done = _done(goal / OUTCOMES)
        left = [job for job in wanted if not (done.get(job.output) == job.key() and (goal / job.output).is_file())]
        if len(left) < len(wanted):
            told(f"{len(wanted) - len(left)} of {len(wanted)} films are there already")
        where = chosen().home
        orders = [
            Order(job, str(goal), _plain(where), device, _plain(certificate), _plain(key)) for job in left
        ]
        made: dict[str, Made] = {}
        failed: dict[str, str] = {}
        for number, result in (place or Place()).run(make, orders) if orders else ():
            job = left[number]
            if isinstance(result, Failure):
                failed[job.output] = result.reason
            else:
                made[job.output] = result
            _note(goal / OUTCOMES, job, result)
            told(_line(job, result))
    return Batch(goal, made, failed, len(wanted) - len(left), time.monotonic() - started_s)


def make(order: Order) -> Made:
    """One film, in a worker, which keeps what it has loaded for the next one.

    Raises:
        InputError: what `synthesize` and `say` raise.
    """
    from talking_head.motion.directions import Directions
    from talking_head.synth.film import synthesize
    from talking_head.synth.framing import Framing
    from talking_head.target.loaded import keeping

    job, goal = order.job, Path(order.folder) / order.job.output
    goal.parent.mkdir(parents=True, exist_ok=True)
    files = {name: None if (given := getattr(job, name)) is None else Path(given) for name in ("emotions", "weights")}
    directions = Directions(job.motion, job.emotion, files["emotions"], job.style, job.head, files["weights"])
    options: dict[str, Any] = {
        "directions": directions, "seed": job.seed, "label": job.label, "device": order.device, "force": True,
        "certificate": order.certificate, "key": order.key, "framing": Framing(job.aspect, job.height, job.background),
    }
    with choosing(order.home), keeping():
        if job.text is None:
            assert job.audio is not None, "a job with neither sound nor text"
            film = synthesize(Path(job.audio), job.target, goal, driving=job.driving, **options)
        else:
            from talking_head.voices.film import say
            from talking_head.voices.speaking import text_of

            if job.driving is not None:
                raise InputError("driving beside text", "one or the other", "say the text into a sound first")
            film = say(text_of(job.text), job.target, goal, voice=job.voice, **options)
    return Made(job.output, film.duration_s, film.seconds, film.note)


def _plain(path: Path | str | None) -> str | None:
    return None if path is None else str(path)


def _done(outcomes: Path) -> dict[str, str]:
    """The job that each film was last made for, by output; a line that a killed run left half is none."""
    found: dict[str, str] = {}
    for row in _rows(outcomes):
        if row.get("outcome") == "made":
            found[row["output"]] = row["key"]
        else:
            found.pop(row["output"], None)
    return found


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(json.JSONDecodeError):
            row = json.loads(line)
            if isinstance(row, dict) and {"output", "key"} <= set(row):
                yield row


def _note(path: Path, job: Job, result: Made | Failure) -> None:
    failed = isinstance(result, Failure)
    row = {"output": job.output, "outcome": "failed" if failed else "made", "key": job.key(), "line": job.line}
    row |= {"at": datetime.now(UTC).isoformat(timespec="seconds"), **asdict(result)}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, sort_keys=True) + "\n")


def _line(job: Job, result: Made | Failure) -> str:
    if isinstance(result, Failure):
        return f"failed: {job.output} (line {job.line}): {result.reason}"
    speed = result.duration_s / max(result.seconds, 1e-3)
    note = f"; {result.note}" if result.note else ""
    return f"made: {job.output}: {result.duration_s:.1f} s in {result.seconds:.1f} s, {speed:.2g} times real time{note}"
