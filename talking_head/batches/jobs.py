"""A list of films to make, a line each: `JOBS.csv` with a header, or `JOBS.jsonl`."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePath
from typing import Any

from foundation.errors import InputError

SUFFIXES = (".csv", ".jsonl")
FILES = ("audio", "driving", "emotions", "weights")  # columns that name files, beside the list or anywhere
WHOLE, TRUTHS = ("seed", "height"), {"": None, "true": True, "1": True, "yes": True, "false": False, "0": False,
                                     "no": False}  # fmt: skip
PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Job:
    """One film. line: in the list, from 1. audio: a file; or text: what to say, or a file of it. target: an id. output:
    the film, inside the folder of all. The others are the options of `synth` and `say`.
    """

    line: int
    target: str
    output: str
    audio: str | None = None
    text: str | None = None
    voice: str | None = None
    driving: str | None = None
    motion: str | None = None
    weights: str | None = None
    emotion: str | None = None
    emotions: str | None = None
    style: str | None = None
    head: str | None = None
    seed: int = 0
    aspect: str | None = None
    height: int | None = None
    background: str | None = None
    label: bool = True

    def key(self) -> str:
        """Changes whenever the film would: with what is wanted, and with the sound's file."""
        wanted = {name: value for name, value in asdict(self).items() if name != "line"}
        for name in FILES:
            if wanted[name] is not None and Path(wanted[name]).is_file():
                facts = Path(wanted[name]).stat()
                wanted[f"{name}'s"] = facts.st_size, facts.st_mtime_ns
        return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:24]


COLUMNS = tuple(field.name for field in fields(Job) if field.name != "line")


def read_jobs(path: Path) -> list[Job]:
    """The jobs of a list, in order.

    Raises:
        InputError: no such list, a column that there is not, a job without sound, text or target, two of one output, or
            one outside of the folder.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}", f"a list that ends in {' or '.join(SUFFIXES)}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read", "a list of jobs in UTF-8", "see docs/batch.md") from error
    rows = _csv_rows(text, path) if path.suffix.lower() == ".csv" else _json_rows(text, path)
    jobs = [_job(row, line, path) for line, row in rows]
    if not jobs:
        raise InputError(f"{path} without a job", "a line for each film")
    seen: dict[str, int] = {}
    for job in jobs:
        if job.output.lower() in seen:
            given = f"{path}, lines {seen[job.output.lower()]} and {job.line}: output '{job.output}' twice"
            raise InputError(given, "another name for each film", "fill the column output")
        seen[job.output.lower()] = job.line
    return jobs


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
    _check_columns(set(reader.fieldnames or ()), f"{path}, line 1")
    for row in reader:
        if None in row:
            raise InputError(f"{path}, line {reader.line_num}: more fields than columns", "as many", "quote commas")
        yield reader.line_num, {name: value for name, value in row.items() if value not in (None, "")}


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, words in enumerate(text.splitlines(), start=1):
        if not words.strip():
            continue
        try:
            row = json.loads(words)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}, line {line}: no JSON ({error.msg})", "one object a line") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {line}: no object", 'such as {"audio": "a.wav", "target": "ana"}')
        _check_columns(set(row), f"{path}, line {line}")
        yield line, {name: value for name, value in row.items() if value not in (None, "")}


def _check_columns(names: set[str], where: str) -> None:
    if unknown := names - set(COLUMNS):
        raise InputError(f"{where}: column '{min(unknown)}'", f"of {', '.join(COLUMNS)}")


def _job(row: dict[str, Any], line: int, path: Path) -> Job:
    where = f"{path}, line {line}"
    if ("audio" in row) == ("text" in row):
        raise InputError(f"{where}: {'both' if 'audio' in row else 'neither'} audio and text", "one of them")
    if "target" not in row:
        raise InputError(f"{where}: no target", "who speaks, in the column target")
    values: dict[str, Any] = {name: str(value) for name, value in row.items()}
    for name in FILES:
        if name in values:
            values[name] = str(path.parent / values[name])  # an absolute one stays as it is
    if "text" in values and (path.parent / values["text"]).is_file():
        values["text"] = str(path.parent / values["text"])
    for name in WHOLE:
        if name in values and not values[name].isdigit():
            raise InputError(f"{where}: {name} '{values[name]}'", "a whole number")
        if name in values:
            values[name] = int(values[name])
    if "label" in values:
        said = TRUTHS.get(values["label"].lower())
        if said is None:
            raise InputError(f"{where}: label '{values['label']}'", "true or false")
        values["label"] = said
    values["output"] = _output(values, line, where)
    return Job(line=line, **values)


def _output(values: dict[str, Any], line: int, where: str) -> str:
    """The film's place in the folder: as told, or named after sound or line, and target."""
    suffix = ".webm" if values.get("background") == "transparent" else ".mp4"
    said = Path(values["audio"]).stem if "audio" in values else f"line{line}"
    output = values.get("output") or PLAIN.sub("_", f"{said}_{values['target']}") + suffix
    place = PurePath(output)
    if place.is_absolute() or ".." in place.parts:
        raise InputError(f"{where}: output '{output}'", "a name inside of the folder", "leave out .. and /")
    return str(place if place.suffix else f"{place}{suffix}")
