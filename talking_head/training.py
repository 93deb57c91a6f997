"""General training: many people's videos in, one motion model out, as a configuration says."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import configs
from facial_gan.data import MotionExample
from facial_gan.registry import motion_model
from foundation.config import configure, load_yaml
from foundation.errors import InputError
from foundation.progress import track as with_progress
from talking_head.learning import motion_example
from talking_head.settings import EnrolSettings, device_name
from talking_head.target import DEFAULT_MODEL
from talking_head.tracking import sound_in_step, track

log = logging.getLogger(__name__)

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".m4v")


@dataclass
class GeneralTraining:
    """What `talking-head train` is told.

    videos: folder of videos, each of one person; those of a sub-folder are of the same speaker. run: folder for tracks,
    checkpoints and the model. motion: name of the motion model. speech: name of the speech encoder; empty for the one
    that the model is made for. A further key `model` holds the model's own settings (its `config_type`).
    """

    videos: str = ""
    run: str = "runs/general"
    motion: str = DEFAULT_MODEL
    speech: str = ""
    device: str = EnrolSettings.device


@dataclass(frozen=True)
class Trained:
    """The model's file, and how many of the videos it was learned from."""

    weights: Path
    clips: int
    speakers: int


def train(config: Path | str) -> Trained:
    """Train a general motion model; the same call resumes.

    Args:
        config: a YAML file over `GeneralTraining`, or the name of one that ships. Its paths are relative to where the
            command runs.

    Raises:
        InputError: no such configuration, an unknown key, no usable video, or what training raises.
    """
    path = configs.find(str(config)) or Path(config)
    said = load_yaml(path)
    of_model = said.pop("model", None) or {}
    given = configure(GeneralTraining, said, str(path))
    run, kind = Path(given.run), motion_model(given.motion)
    speech = given.speech or kind.default_speech
    settings: Any = configure(kind.config_type, of_model, f"{path}, model")
    videos = sorted(p for p in Path(given.videos).rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
    if not given.videos or not videos:
        raise InputError(f"no videos in '{given.videos}'", "a folder of videos", f"set `videos` in {path}")
    examples: list[MotionExample] = []
    refusals: list[InputError] = []
    for video in with_progress(videos, "Preparing clips"):
        try:
            examples.append(_example(video, Path(given.videos), run, speech))
        except InputError as error:  # one bad clip never stops the rest
            log.warning("%s is left out: %s", video.name, error)
            refusals.append(error)
    if not examples:
        raise InputError(f"none of {len(videos)} videos can be used ({refusals[0]})", "videos of one person speaking")
    weights = kind.learn(examples, None, run / "motion", device=device_name(given.device), config=settings)
    return Trained(weights, len(examples), len({example.speaker for example in examples}))


def _example(video: Path, root: Path, run: Path, speech: str) -> MotionExample:
    inside = video.relative_to(root)
    measured = track(video, run / "tracks" / inside.with_suffix("")).track
    speaker = inside.parts[0] if len(inside.parts) > 1 else inside.stem
    return motion_example(measured, sound_in_step(video, measured), speech, speaker)
