"""A folder of clips to prepared data: a manifest, shards to train from, and a folder for each clip."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import configs
from foundation.config import configure, load_yaml
from foundation.errors import InputError
from foundation.files import read_json, write_json
from foundation.progress import progress
from talking_head import __version__
from talking_head.datasets.clip import ClipJob, ClipRecord, place_of, prepare_clip
from talking_head.datasets.gate import Gate
from talking_head.datasets.naming import PARTS, find_clips, speaker_of, split_by_clip, split_by_speaker
from talking_head.datasets.shards import KIND, MANIFEST, SHARDS, VERSION, is_prepared, pack, shard_of
from talking_head.datasets.workers import Failure, Place, usable_cores
from talking_head.motion.model_registry import motion_model
from talking_head.target.card import DEFAULT_MODEL

log = logging.getLogger(__name__)

CLIPS, LOCK = "clips", ".lock"
EXAMPLE_FORM = "2"  # of an example's file; another one is made anew


@dataclass(frozen=True)
class PrepareSettings:
    """How to prepare. speech: names of speech encoders; empty for the one that the default motion model is made for.
    Those that a folder was prepared with before are kept beside them. shards: files that the examples are spread over.
    """

    speech: tuple[str, ...] = ()
    gate: Gate = field(default_factory=Gate)
    shards: int = 16


def read_prepare_settings(config: Path | str) -> PrepareSettings:
    """The settings that a YAML file says, over the defaults.

    Args:
        config: the file, or the name of one that ships (`prepare/hdtf`).

    Raises:
        InputError: no such file, an unknown key (the nearest is named), or a value of the wrong kind.
    """
    path = configs.find(str(config)) or Path(config)
    said = load_yaml(path)
    settings = configure(PrepareSettings, said, str(path))
    return replace(settings, speech=tuple(settings.speech))


@dataclass(frozen=True)
class PreparedData:
    """What came of it. used: clips in the shards. left_out: clip to why the gate or its content keeps it out.

    failed: clip to what went wrong with its work (tried again by the next call). frames: at 30 a second, of the used.
    parts: of each split, part to clips. stages_s: spent on each stage, summed over processes, in this call.
    """

    manifest: Path
    used: int
    speakers: int
    frames: int
    left_out: dict[str, str]
    failed: dict[str, str]
    parts: dict[str, dict[str, int]]
    stages_s: dict[str, float]


def prepare(
    folder: Path | str, output: Path | str, settings: PrepareSettings | None = None, place: Place | None = None
) -> PreparedData:
    """Measure, judge, split and pack the clips of a folder; the same call resumes after any kill.

    A setting that changes re-does only what depends on it: the gate and the number of shards nothing of a clip, the
    speech encoder its features, a changed video that clip.

    Args:
        folder: of videos; a sub-folder is a speaker (see `naming.speaker_of`).
        output: for what is made.
        place: where to work; the default is a process for each core.

    Raises:
        InputError: no video, another call works there, an unknown speech encoder, no model to track with, or not one
            clip can be used.
    """
    settings, place = settings or PrepareSettings(), place or Place(usable_cores())
    settings = replace(settings, speech=settings.speech or (motion_model(DEFAULT_MODEL).default_speech,))
    folder, output = Path(folder).resolve(), Path(output).resolve()
    names = find_clips(folder, but=output)
    if settings.shards < 1:
        raise InputError(f"{settings.shards} shards", "at least 1")
    decisive, speech = _decisive(), _encoders(settings, output)
    (output / CLIPS).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(output / LOCK, timeout=0):
            records, failed = _run(folder, output, names, speech, decisive, place)
            return _finish(output, records, failed, settings, decisive, speech)
    except Timeout as error:
        raise InputError(f"{output} is being written by another call", "one at a time", "wait for it") from error


def _encoders(settings: PrepareSettings, output: Path) -> dict[str, str]:
    """Speech encoders, as they are asked for and were before, to their own names."""
    from preprocessing.speech import speech_encoder

    names = {speech: speech_encoder(speech).name for speech in settings.speech}
    manifest = read_json(output / MANIFEST) if is_prepared(output) else {}
    earlier = [manifest["settings"]["speech"]] if manifest.get("version") == 1 else []  # it knew one encoder
    for speech in [speech for speech in manifest.get("encoders", earlier) if speech not in names]:
        try:
            names[speech] = speech_encoder(speech).name
        except InputError as error:  # it may be another machine
            log.warning("what was prepared with %s is left out: %s", speech, error)
    return names


def _decisive() -> dict[str, dict[str, str]]:
    """What each stage's result depends on besides the video. Also finds out now whether the tracker is there."""
    from preprocessing.tracking import face_tracker

    tracker = face_tracker()
    try:
        seen = f"{tracker.name} {tracker.version}"
    finally:
        tracker.close()
    own = {"talking-head": __version__}
    return {"track": {"tracker": seen, **own}, "example": {"form": EXAMPLE_FORM, **own}}


def _run(
    folder: Path, output: Path, names: list[str], speech: dict[str, str], decisive: dict[str, dict[str, str]],
    place: Place,
) -> tuple[list[ClipRecord], dict[str, str]]:
    """A record of each clip that could be worked on, and why the others could not."""
    jobs = []
    for name in names:
        own = output / CLIPS / name
        own.parent.mkdir(parents=True, exist_ok=True)
        jobs.append(ClipJob(name, str(folder / name), speaker_of(name), str(own), speech, decisive))
    records: list[ClipRecord] = []
    failed: dict[str, str] = {}
    with progress("Preparing clips", len(jobs)) as advance:
        for number, result in place.run(prepare_clip, jobs):
            if isinstance(result, Failure):
                failed[jobs[number].name] = result.reason
                log.warning("%s failed: %s", jobs[number].name, result.reason)
            else:
                records.append(result)
            advance(len(records) + len(failed))
    return sorted(records, key=lambda record: record.name), failed


def _finish(
    output: Path, records: list[ClipRecord], failed: dict[str, str], settings: PrepareSettings,
    decisive: dict[str, dict[str, str]], speech: dict[str, str],
) -> PreparedData:
    """Judge, split, pack, and write the manifest last."""
    reasons = {r.name: r.refusal or "; ".join(settings.gate.complaints(r.quality)) for r in records}
    used = [record for record in records if not reasons[record.name]]
    # All names are split, also those left out, so that a gate that changes moves no clip from train to test.
    names = sorted([*reasons, *failed])
    splits = {"clip": split_by_clip(names), "speaker": split_by_speaker({name: speaker_of(name) for name in names})}
    clips = {
        record.name: {
            "speaker": record.speaker, "sha256": record.sha256, "used": not reasons[record.name],
            "why_not": reasons[record.name], "quality": record.quality, "frames": record.frames, "keys": record.keys,
            "split": {kind: split[record.name] for kind, split in splits.items()},
            "shard": shard_of(record.name, settings.shards),
        }
        for record in records
    }
    encoders = {
        name: {
            "extractor": extractor,
            "shards": pack(output / SHARDS / place_of(name), output / CLIPS, used, name, settings.shards),
        }
        for name, extractor in speech.items()
    }
    _sweep(output / SHARDS, {place_of(name) for name in speech})
    manifest = output / MANIFEST
    content = {
        "kind": KIND, "version": VERSION, "settings": asdict(settings), "versions": decisive, "clips": clips,
        "failed": failed, "encoders": encoders,
    }
    write_json(manifest, content)
    left_out = {name: reason for name, reason in reasons.items() if reason}
    if not used:
        first = next(iter({**left_out, **failed}.items()))
        raise InputError(
            f"none of {len(names)} clips can be used ({first[0]}: {first[1]})", "clips of one person speaking",
            f"see {manifest} for each",
        )
    return PreparedData(
        manifest, len(used), len({record.speaker for record in used}), sum(record.frames for record in used),
        left_out, failed, {kind: _counts(used, split) for kind, split in splits.items()}, _seconds(records),
    )


def _sweep(shards: Path, kept: set[str]) -> None:
    """Remove what no encoder of the manifest owns: the shards of an earlier version, and of encoders left out."""
    for path in shards.iterdir():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()


def _counts(used: list[ClipRecord], split: Mapping[str, str]) -> dict[str, int]:
    counts = Counter(split[record.name] for record in used)
    return {part: counts[part] for part in PARTS}


def _seconds(records: list[ClipRecord]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for record in records:
        total.update(record.seconds)
    return {stage: round(seconds, 1) for stage, seconds in total.items()}


def describe(prepared: PreparedData) -> dict[str, Any]:
    """The result for programs."""
    return asdict(prepared) | {"manifest": str(prepared.manifest)}
