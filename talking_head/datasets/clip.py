"""One clip from video to example, in stages that are not done twice. This is what runs on every core and machine."""

from __future__ import annotations

import contextlib
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from face_model.tracks import FaceMotion, FaceTrack, SpeechFeatures
from foundation.errors import InputError
from foundation.files import read_json, read_tensors, sha256, write_json, write_tensors
from motion_models.examples import MotionExample
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.stages import Work, digest
from talking_head.enrollment.tracking import REPORT, TRACK, sound_in_step, track

SOURCE, LOG = "source.json", "log.txt"
STAGES = ("track", "example")


@dataclass(frozen=True)
class ClipJob:
    """What a worker is told. name: of the clip, its path in the data set. folder: of its own, for what is made.

    speech: the speech encoders' names as they were asked for, to their own names, which tell their weights. decisive:
    settings and versions that each stage's result depends on, by stage.
    """

    name: str
    video: str
    speaker: str
    folder: str
    speech: dict[str, str]
    decisive: dict[str, dict[str, str]]


@dataclass(frozen=True)
class ClipRecord:
    """What became of a clip, JSON-able.

    sha256: of the video. refusal: why it cannot be used at all, empty when it can. quality: numbers of the report.
    keys: of its examples by encoder (as asked for); one changes when the example does. seconds: what each stage that
    was run took.
    """

    name: str
    speaker: str
    sha256: str = ""
    refusal: str = ""
    quality: dict[str, Any] = field(default_factory=dict)
    frames: int = 0
    keys: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def prepare_clip(job: ClipJob) -> ClipRecord:
    """Do what is not done yet of a clip. What is said on the way goes to the clip's log.

    Raises:
        FileNotFoundError: this machine does not see the folder of the data set.
    """
    folder = Path(job.folder)
    if not folder.parent.exists():
        raise FileNotFoundError(f"this machine does not see {folder.parent}: put it on a disk that all machines share")
    folder.mkdir(exist_ok=True)
    content = ""
    with (folder / LOG).open("w", encoding="utf-8") as log, contextlib.redirect_stderr(log):
        try:
            content = _content(Path(job.video), folder)
            return _prepare(job, folder, content)
        except InputError as error:
            return ClipRecord(job.name, job.speaker, content, refusal=str(error))


def _content(video: Path, folder: Path) -> str:
    """The video's digest, read again only when its size or date changed."""
    if not video.is_file():
        raise InputError(f"{video} is gone", "the video")
    state = video.stat()
    seen = {"bytes": state.st_size, "changed_ns": state.st_mtime_ns}
    with contextlib.suppress(InputError, KeyError, AttributeError):
        known = read_json(folder / SOURCE)
        if {key: known[key] for key in seen} == seen:
            return str(known["sha256"])
    found = sha256(video)
    write_json(folder / SOURCE, seen | {"sha256": found})
    return found


def place_of(speech: str) -> str:
    """A name for files of an encoder: its own where that is plain, else with a digest of path and options."""
    plain = re.fullmatch(r"[a-z0-9_]+", speech)
    return speech if plain else f"{re.split('[:?]', speech)[0]}-{digest(speech)[:8]}"


def example_file(speech: str) -> str:
    """Name of the file of a clip's example through an encoder."""
    return f"example-{place_of(speech)}.safetensors"


def _prepare(job: ClipJob, folder: Path, content: str) -> ClipRecord:
    video, work = Path(job.video), Work(folder)
    seconds: dict[str, float] = defaultdict(float)

    def timed(stage: str, make: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        def run() -> dict[str, Any]:
            started_s = time.monotonic()
            notes = make()
            seconds[stage] += time.monotonic() - started_s
            return notes

        return run

    def measure() -> dict[str, Any]:
        made = track(video, folder, cache=folder)
        return {"quality": {k: v for k, v in asdict(made.quality).items() if k != "verdicts"}}

    def encode(speech: str) -> dict[str, Any]:
        measured = FaceTrack.load(folder / TRACK)
        made = motion_example(measured, sound_in_step(video, measured), speech, job.speaker)
        write_tensors(folder / example_file(speech), example_arrays(made), example_notes(made))
        return {"frames": len(made.motion)}

    inputs = {"video": content, **job.decisive["track"]}
    quality = work.stage("track", inputs, [TRACK, REPORT], timed("track", measure))["quality"]
    keys, frames, tracked = dict[str, str](), 0, digest(inputs)
    for speech, name in job.speech.items():
        inputs = {"track": tracked, "speaker": job.speaker, "speech": name, **job.decisive["example"]}
        file, make = example_file(speech), timed("example", partial(encode, speech))
        frames = work.stage(file.removesuffix(".safetensors"), inputs, [file], make)["frames"]
        keys[speech] = digest(inputs)
    taken = {stage: round(value, 3) for stage, value in seconds.items()}
    return ClipRecord(job.name, job.speaker, content, quality=quality, frames=frames, keys=keys, seconds=taken)


def example_arrays(example: MotionExample) -> dict[str, np.ndarray]:
    """An example's arrays, as files keep them."""
    arrays = {"features": example.features.values, "motion": example.motion.pack()}
    arrays |= {"silence": example.silence} if example.silence is not None else {}
    arrays |= {"arkit": example.arkit} if example.arkit is not None else {}
    return {k: np.asarray(v, np.float32) for k, v in arrays.items()} | {"valid": example.valid.astype(np.uint8)}


def example_notes(example: MotionExample) -> dict[str, Any]:
    """The rest of an example, JSON-able."""
    return {
        "speaker": example.speaker, "fps": example.motion.fps, "face_model": example.motion.face_model,
        "rate_hz": example.features.rate_hz, "extractor": example.features.extractor,
        "duration_s": example.features.duration_s, "lips_closed": example.features.lips_closed,
        "silent": example.features.silent,
    }


def example_from(arrays: dict[str, np.ndarray], notes: dict[str, Any]) -> MotionExample:
    """The inverse of `example_arrays` and `example_notes`."""
    features = SpeechFeatures(
        arrays["features"], notes["rate_hz"], notes["extractor"], notes["duration_s"], notes["lips_closed"],
        notes["silent"],
    )
    motion = FaceMotion.unpack(arrays["motion"], notes["fps"], notes["face_model"])
    valid = arrays["valid"].astype(bool)
    return MotionExample(features, motion, valid, notes["speaker"], arrays.get("silence"), arrays.get("arkit"))


def load_example(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and notes of a clip's example."""
    return read_tensors(path)
