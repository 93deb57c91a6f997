"""General training: many people's videos in, one motion model out, as a configuration says."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import configs
from foundation.config import configure, known_keys, load_yaml
from foundation.errors import InputError
from foundation.progress import track as with_progress
from motion_models.examples import MotionExample
from motion_models.judging import judged
from motion_models.learning import BEST_FILE, Held, mode_of
from preprocessing.speech import speech_encoder
from talking_head.datasets.naming import VIDEO_SUFFIXES, speaker_of
from talking_head.datasets.shards import is_prepared, load_examples
from talking_head.enrollment.learning import motion_example
from talking_head.enrollment.tracking import sound_in_step, track
from talking_head.formats.recording import is_recording, recording_example, sound_beside
from talking_head.motion.model_registry import load_motion_model, motion_entry
from talking_head.motion.weights import fitting_weights, heard_through
from talking_head.target.card import DEFAULT_MODEL
from talking_head.target.settings import EnrollSettings, device_name
from training.distributed import joined, rank, size

log = logging.getLogger(__name__)


@dataclass
class Judging:
    """How a training on prepared data judges itself on the part `val`.

    every_steps: between judgements; 0 for none on the way. patience: judgements in a row without a better one after
    which it ends; 0 for never. clips: of a part, spread evenly over it, that are judged on.
    """

    every_steps: int = 200
    patience: int = 0
    clips: int = 16


@dataclass
class GeneralTraining:
    """What `talking-head train` is told.

    videos: folder of videos, each of one person: those of a sub-folder are of the same speaker, and so are those whose
    names differ in numbers at their end (`datasets.naming.speaker_of`; a Live Link Face CSV with its sound beside it
    counts as one); or prepared data, of which the training part is learned from. split: of prepared data, by
    `speaker` or by `clip`. run: folder for tracks, checkpoints and the model. motion: name of the motion model. mode:
    `general`, people in general, or `person`, the one whom all clips show. speech: name of the speech encoder; empty
    for the one that the model is made for. start: weights to go on from, a file or a run's folder; `from` in a file.
    seed: of all that is random. validation: of prepared data. A further key `model` holds the model's own settings.
    """

    videos: str = ""
    split: str = "speaker"
    run: str = "runs/general"
    motion: str = DEFAULT_MODEL
    speech: str = ""
    start: str = ""
    mode: str = "general"
    seed: int = 0
    validation: Judging = field(default_factory=Judging)
    device: str = EnrollSettings.device


@dataclass(frozen=True)
class TrainResult:
    """The model's file, and how many of the videos it was learned from. best: the file of the best judgement on the
    way, None without any. report: measures by part (`val`, `test`), and page: the same with curves.
    """

    weights: Path
    clips: int
    speakers: int
    best: Path | None = None
    report: dict[str, dict[str, float]] = field(default_factory=dict)
    page: Path | None = None


def train(config: Path | str, data: Path | str | None = None, start: Path | str | None = None) -> TrainResult:
    """Train a general motion model; the same call resumes. In processes that torchrun started, they train together.

    Args:
        config: a YAML file over `GeneralTraining`, or the name of one that ships. Its paths are relative to where the
            command runs.
        data: instead of the configuration's `videos`. start: instead of its `from`.

    Raises:
        InputError: no such configuration, an unknown key, no usable video, weights to start from that do not fit, or
            what training raises.
    """
    path = configs.find(str(config)) or Path(config)
    said = load_yaml(path)
    said |= {"start": said.pop("from")} if "from" in said else {}
    of_model = said.pop("model", None) or {}
    if not isinstance(of_model, dict):
        raise InputError(f"{path}: model is a {type(of_model).__name__}", "a mapping of the model's settings")
    _refuse_misplaced(said, path)
    given = configure(GeneralTraining, said, str(path))
    run, entry = Path(given.run), motion_entry(given.motion)
    given = replace(given, videos=str(data or given.videos), start=str(start or given.start))
    begun = fitting_weights(given.start, [given.motion], given.speech or None) if given.start else None
    speech = heard_through(given.motion, given.speech or None, begun)
    speech_encoder(speech)  # what it lacks is told now, and not clip by clip
    mode = mode_of(given.mode)
    settings: Any = configure(entry.config, of_model, f"{path}, model")
    run_motion, begun_at = run / "motion", None if begun is None else begun.path
    with joined(device_name(given.device)) as device:
        examples, parts = _examples(given, speech, path)
        weights = entry.learn(
            examples, begun_at, run_motion, mode=mode, seed=given.seed, device=device, config=settings,
            held=_held(given, parts),
        )
        first = rank() == 0
    made = TrainResult(weights, len(examples), len({example.speaker for example in examples}))
    return _reported(made, run, parts) if first and parts else made


def _refuse_misplaced(said: dict[str, Any], path: Path) -> None:
    """Refuse settings of the motion model that stand where those of the training do."""
    own, name = known_keys(GeneralTraining), str(said.get("motion", DEFAULT_MODEL))
    of_model = known_keys(motion_entry(name).config)
    for key in said:
        if key not in own and key in of_model:
            raise InputError(f"key '{key}' in {path}", "it under `model`", f"write  model: {{{key}: ...}}")


def _examples(
    given: GeneralTraining, speech: str, config: Path
) -> tuple[list[MotionExample], dict[str, list[MotionExample]]]:
    """What is learned from, and what is judged on by part: nothing for videos that were not prepared."""
    if not is_prepared(Path(given.videos)):
        return _tracked(given, speech, config), {}
    examples, parts = _prepared(given, speech), {}
    for part in ("val", "test"):
        try:
            clips = _prepared(given, speech, part)
        except InputError as error:
            log.warning("nothing to judge on in part '%s': %s", part, error)
            continue
        chosen = np.linspace(0, len(clips) - 1, min(len(clips), max(1, given.validation.clips)))
        parts[part] = [clips[int(index)] for index in chosen.round()]
    return examples, parts


def _held(given: GeneralTraining, parts: dict[str, list[MotionExample]]) -> Held | None:
    if given.validation.every_steps < 1 or "val" not in parts:
        return None
    return Held(parts["val"], given.validation.every_steps, given.validation.patience)


def _reported(made: TrainResult, run: Path, parts: dict[str, list[MotionExample]]) -> TrainResult:
    """Judge the finished model, the best one where one was kept, and write the run's report."""
    from talking_head.datasets.training_report import write_training_report

    best = made.weights.with_name(BEST_FILE)
    files = {"last": made.weights} | ({"best": best} if best.is_file() else {})
    models = {name: load_motion_model(path) for name, path in files.items()}
    report = {
        f"{part}, {name}": judged(model, clips) for part, clips in parts.items() for name, model in models.items()
    }
    speakers = {part: sorted({clip.speaker for clip in clips}) for part, clips in parts.items()}
    page = write_training_report(run, made.weights.parent, report, speakers)
    return replace(made, best=best if best.is_file() else None, report=report, page=page)


def _prepared(given: GeneralTraining, speech: str, part: str = "train") -> list[MotionExample]:
    return load_examples(Path(given.videos), part, given.split, speech_encoder(speech).name)


def _tracked(given: GeneralTraining, speech: str, config: Path) -> list[MotionExample]:
    """Examples of a folder of videos, tracked here and now."""
    if size() > 1:
        remedy = "make it with `talking-head data prepare`"
        raise InputError(f"videos in '{given.videos}' for {size()} processes", "prepared data", remedy)
    root = Path(given.videos)
    recordings = {p for p in root.rglob("*.csv") if is_recording(p)}
    recorded = {p.with_suffix("") for p in recordings}  # the app's own film is only their sound
    films = {p for p in root.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES and p.with_suffix("") not in recorded}
    videos = sorted(films | recordings)
    if not given.videos or not videos:
        raise InputError(f"no videos in '{given.videos}'", "a folder of videos", f"set `videos` in {config}")
    examples: list[MotionExample] = []
    refusals: list[InputError] = []
    for video in with_progress(videos, "Preparing clips"):
        try:
            examples.append(_example(video, root, Path(given.run), speech))
        except InputError as error:  # one bad clip never stops the rest
            log.warning("%s is left out: %s", video.name, error)
            refusals.append(error)
    if not examples:
        raise InputError(f"none of {len(videos)} videos can be used ({refusals[0]})", "videos of one person speaking")
    return examples


def _example(video: Path, root: Path, run: Path, speech: str) -> MotionExample:
    inside = video.relative_to(root)
    speaker = speaker_of(inside.as_posix())
    sound = sound_beside(video) if video.suffix == ".csv" else None
    if sound is not None:
        return recording_example(video, sound, speech, speaker)
    folder = run / "tracks" / inside.with_suffix("")
    measured = track(video, folder, cache=folder).track
    return motion_example(measured, sound_in_step(video, measured), speech, speaker)
