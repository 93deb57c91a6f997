"""Evaluate a video: every default metric, THEval's scores, the worst moments; a folder of pairs; several systems side
by side.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.clips import Pair
from evaluation.in_step import Found, found, in_step
from evaluation.loading import load_clip, load_driving
from evaluation.metrics import theval
from evaluation.metrics.head import rotation_error_deg
from evaluation.metrics.lips import Phone
from evaluation.moments import Moment, worst_moments
from evaluation.network_registry import METRICS, Metric
from foundation.errors import InputError
from foundation.progress import track

VIDEO_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v"}


@dataclass(frozen=True)
class Score:
    """One measured metric. value: the clip's. truth: the reference's own, when that is the goal. closeness: 0-1 to the
    goal, where there is one.
    """

    name: str
    title: str
    unit: str
    better: str
    value: float
    truth: float
    closeness: float
    follows: bool


@dataclass(frozen=True)
class Evaluation:
    """What was measured on one clip. theval: raw measures of the clip and the reference, and scores. reasons: why a
    score is low, by measure. sounds: how late the sound of the clip and of its reference is, by their names.
    """

    generated: str
    reference: str | None
    driving: str | None
    frames: int
    fps: float
    duration_s: float
    faces_found: float
    follows: bool
    scores: tuple[Score, ...]
    theval: Mapping[str, Mapping[str, float]]
    reasons: Mapping[str, str]
    moments: tuple[Moment, ...]
    sounds: Mapping[str, Found]
    versions: Mapping[str, str]

    def value(self, name: str) -> float:
        """A metric's value by name; NaN when it was not measured."""
        return next((score.value for score in self.scores if score.name == name), float("nan"))

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; what is not measurable is null."""
        return _plain(asdict(self))


def evaluate(
    generated: Path | str,
    reference: Path | str | None = None,
    driving: Path | str | None = None,
    phones: Sequence[Phone] = (),
    cache: Path | None = None,
    follows: bool | None = None,
    fix_sync: bool = True,
) -> Evaluation:
    """Measure one video. See `evaluate_pair` for one that is already loaded (and for the HTML page).

    Args:
        generated: the video to judge.
        reference: the real video of the same speech.
        driving: what the video was told to show: a saved FaceMotion or FaceTrack, or a video.
        phones: which phone sounds when, for bilabial closure.
        cache: folder of cached tracks; None for the user's cache folder.
        follows: whether the head was told to follow the reference's; where it was free, metrics that compare picture
            with picture mean nothing and are left out. None: judged by whether it does.
        fix_sync: see `load_pair`.

    Raises:
        InputError: a file that is not a video, or shows no face.
    """
    return evaluate_pair(load_pair(generated, reference, driving, phones, cache, fix_sync), follows)


def load_pair(
    generated: Path | str,
    reference: Path | str | None = None,
    driving: Path | str | None = None,
    phones: Sequence[Phone] = (),
    cache: Path | None = None,
    fix_sync: bool = True,
) -> Pair:
    """The clips of a comparison, tracked (or read from the cache), all at the generated video's frame rate.

    Args:
        fix_sync: whether sounds that are surely late or early are put in step first (`in_step`).
    """
    clip = load_clip(generated, cache=cache)
    truth = load_clip(reference, fps=clip.fps, cache=cache) if reference is not None else None
    told = load_driving(driving, fps=clip.fps, cache=cache) if driving is not None else None
    pair = Pair(clip, truth, told, phones)
    return in_step(pair) if fix_sync else pair


def evaluate_pair(pair: Pair, follows: bool | None = None) -> Evaluation:
    """Measure clips that are already loaded."""
    clip, truth = pair.clip, pair.reference
    follows = head_follows(pair) if follows is None else follows
    raw = {"generated": clip.theval}
    if truth is not None:
        raw |= {"reference": truth.theval, "scores": theval.scores(clip.theval, truth.theval)}
    return Evaluation(
        generated=clip.name,
        reference=truth.name if truth is not None else None,
        driving=pair.driving.name if pair.driving is not None else None,
        frames=len(clip),
        fps=clip.fps,
        duration_s=clip.duration_s,
        faces_found=float(clip.valid.mean()),
        follows=follows,
        scores=tuple(score(metric, pair) for metric in default_metrics(pair, follows)),
        theval=raw,
        reasons=theval.reasons(clip.theval, truth.theval) if truth is not None else {},
        moments=tuple(worst_moments(pair)),
        sounds=_sounds(pair),
        versions=versions(),
    )


def _sounds(pair: Pair) -> dict[str, Found]:
    """What is known of the clips' sounds; a clip that `in_step` moved knows how it was filmed."""
    named = {pair.clip.name: pair.clip}
    if pair.reference is not None and pair.reference is not pair.clip:
        own = pair.reference.name
        named[own if own not in named else f"{own}, the real one"] = pair.reference
    told = {name: found(clip, clip.as_filmed is not None) for name, clip in named.items()}
    return {name: sound for name, sound in told.items() if sound is not None}


def head_follows(pair: Pair) -> bool:
    """Whether the head does as the reference's: within 3 degrees and a fifth of the interocular distance, in the
    median.
    """
    if pair.reference is None:
        return False
    own, truth = pair.clip.head, pair.reference.head
    count = min(len(own), len(truth))
    place = float(np.median(np.linalg.norm(own.position[:count] - truth.position[:count], axis=-1)))
    return rotation_error_deg(own, truth) < 3.0 and place < 0.2


def default_metrics(pair: Pair, follows: bool) -> list[Metric]:
    """The metrics of the default report that a pair brings the needs of."""
    return [m for m in METRICS.values() if m.default and m.possible(pair) and (follows or not m.follows)]


def score(metric: Metric, pair: Pair) -> Score:
    """Measure one metric, and how close it is to its goal."""
    value = metric.measure(pair)
    real = pair.reference
    mute = real is not None and real.sound is None and "sound" in metric.needs
    truth = metric.truth(real) if metric.truth is not None and real is not None and not mute else float("nan")
    goal = {"truth": truth, "one": 1.0}.get(metric.better, float("nan"))
    return Score(
        metric.name,
        metric.title,
        metric.unit,
        metric.better,
        value,
        truth,
        theval.closeness(value, goal),
        metric.follows,
    )


def load_systems(
    systems: Mapping[str, Path | str] | Sequence[Path | str], reference: Path | str, cache: Path | None = None,
    fix_sync: bool = True,
) -> dict[str, Pair]:
    """The clips of several systems and of the reference against itself (`truth`, the ceiling, last), by name.

    Raises:
        InputError: no system, or a file that is not a video or shows no face.
    """
    named = dict(systems) if isinstance(systems, Mapping) else by_name(systems)
    if not named:
        raise InputError("no video to compare", "at least one", "name the videos of the systems")
    pairs = {name: load_pair(path, reference, cache=cache, fix_sync=fix_sync) for name, path in named.items()}
    return pairs | {"truth": load_pair(reference, reference, cache=cache, fix_sync=fix_sync)}


def compare(
    systems: Mapping[str, Path | str] | Sequence[Path | str],
    reference: Path | str,
    cache: Path | None = None,
    follows: bool | None = None,
    fix_sync: bool = True,
) -> dict[str, Evaluation]:
    """Several systems against one reference, and the reference against itself (`truth`, the ceiling), by name.

    For the page with pictures, keep what `load_systems` gives and evaluate its pairs.

    Raises:
        InputError: no system, or a file that is not a video or shows no face.
    """
    pairs = load_systems(systems, reference, cache, fix_sync)
    return {name: evaluate_pair(pair, follows) for name, pair in track(pairs.items(), "measuring", len(pairs))}


def by_name(paths: Iterable[Path | str]) -> dict[str, Path]:
    """Videos by file name, by folder and file name where two are alike."""
    files = [Path(path) for path in paths]
    stems = [file.stem for file in files]
    return {(f.stem if stems.count(f.stem) == 1 else f"{f.parent.name}/{f.stem}"): f for f in files}


def paired(generated: Path | str, reference: Path | str) -> list[tuple[Path, Path]]:
    """Videos of two folders that have the same name (without suffix).

    Raises:
        InputError: a folder that is none, or not one pair.
    """
    folders = [Path(generated), Path(reference)]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder", "a folder of videos", "give two folders, or two videos")
    found = [{p.stem: p for p in sorted(f.iterdir()) if p.suffix.lower() in VIDEO_SUFFIXES} for f in folders]
    pairs = [(path, found[1][stem]) for stem, path in found[0].items() if stem in found[1]]
    if not pairs:
        raise InputError(
            f"no video of {folders[0]} has its like in {folders[1]}",
            "videos of the same name in both folders",
            "name a generated video as its reference",
        )
    return pairs


def evaluate_folder(
    generated: Path | str, reference: Path | str, cache: Path | None = None, follows: bool | None = None,
    fix_sync: bool = True,
) -> dict[str, Evaluation]:
    """Every pair of two folders by name. `average` sums it up."""
    pairs = paired(generated, reference)
    return {
        own.stem: evaluate(own, truth, cache=cache, follows=follows, fix_sync=fix_sync)
        for own, truth in track(pairs, "evaluating pairs")
    }


def average(evaluations: Mapping[str, Evaluation]) -> dict[str, float]:
    """Mean of each metric over clips, NaN left out; keys are the metrics' names."""
    names = dict.fromkeys(score.name for e in evaluations.values() for score in e.scores)
    values = {name: np.array([e.value(name) for e in evaluations.values()]) for name in names}
    return {name: float(np.nanmean(v)) if np.isfinite(v).any() else float("nan") for name, v in values.items()}


def versions() -> dict[str, str]:
    """What the numbers depend on: machine and packages."""
    told = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for package in ("numpy", "opencv-contrib-python", "mediapipe", "av", "scipy"):
        try:
            told[package] = version(package)
        except PackageNotFoundError:
            continue
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
