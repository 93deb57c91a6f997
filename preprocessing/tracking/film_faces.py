"""All faces of a film, shot by shot: done once for the same content, and resumable."""

from __future__ import annotations

import itertools
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foundation.errors import InputError
from foundation.files import read_tensors, sha256, write_tensors
from foundation.progress import Advance, progress
from preprocessing.media import MediaInfo, probe, read_frames
from preprocessing.tracking.landmarks import FaceTracker
from preprocessing.tracking.runs import Run, RunFinder
from preprocessing.tracking.shots import find_breaks
from preprocessing.tracking.tracker_registry import face_tracker

log = logging.getLogger(__name__)

REVISION = 1  # of what is kept
STRETCH_S = 20.0  # of a shot followed in one piece: work that a kill can cost


@dataclass(frozen=True)
class FilmFaces:
    """What was seen in a film. breaks: `[T]` bool, True at the first frame of each shot. runs: faces, each for as long
    as it was surely the same one, in order of their starts. tracker: name and version.
    """

    fps: float
    width_px: int
    height_px: int
    breaks: np.ndarray
    runs: list[Run]
    source: str = ""
    tracker: str = ""

    def __len__(self) -> int:
        return len(self.breaks)

    @property
    def shot(self) -> np.ndarray:
        """`[T]`, the number of each frame's shot, from 0."""
        return np.cumsum(self.breaks) - 1

    @property
    def stretches(self) -> list[tuple[int, int]]:
        """First frame, and the one after the last, of what was followed in one piece."""
        return stretches(self.breaks, self.fps)

    def save(self, path: Path) -> None:
        """Write as safetensors, whole or not at all."""
        facts = {name: getattr(self, name) for name in ("fps", "width_px", "height_px", "source", "tracker")}
        _save_runs(path, self.runs, {"breaks": self.breaks.astype(np.uint8)}, facts | {"kind": "FilmFaces"})

    @staticmethod
    def load(path: Path) -> FilmFaces:
        """Read what `save` wrote.

        Raises:
            InputError: not such a file.
        """
        runs, arrays, facts = _load_runs(path)
        if facts.pop("kind", None) != "FilmFaces":
            raise InputError(f"{path} holds something else", "faces of a film", "remove it")
        facts.pop("runs")
        return FilmFaces(breaks=arrays["breaks"].astype(bool), runs=runs, **facts)


def _save_runs(path: Path, runs: list[Run], arrays: dict[str, np.ndarray], facts: dict) -> None:
    for number, run in enumerate(runs):
        arrays = arrays | run.arrays(f"{number}.")
    write_tensors(path, arrays, facts | {"runs": len(runs)})


def _load_runs(path: Path) -> tuple[list[Run], dict[str, np.ndarray], dict]:
    arrays, facts = read_tensors(path)
    return [Run.from_arrays(arrays, f"{number}.") for number in range(facts["runs"])], arrays, facts


def film_faces(
    path: Path | str, cache_dir: Path | str | None = None, spawn: Callable[[], FaceTracker] = face_tracker
) -> FilmFaces:
    """Shots and faces of a film at its own rate. Progress is shown; killed and called again, it goes on where it was
    and gives the same numbers.

    Args:
        path: any film. cache_dir: where results are kept, by content; None keeps nothing. spawn: makes a tracker that
            gives the Face Landmarker's points.

    Raises:
        InputError: not a video, or the landmark model is missing.
    """
    path, info = Path(path), probe(path)
    if not info.has_video:
        raise InputError(f"{path} has no pictures", "a video")
    with RunFinder(spawn) as finder:
        goal = None
        if cache_dir is not None:
            name = f"{sha256(path)[:24]}-faces-{finder.label.replace(' ', '-')}-{REVISION}.safetensors"
            goal = Path(cache_dir) / name
        if goal is not None and goal.is_file():
            try:
                return FilmFaces.load(goal)
            except (InputError, KeyError, TypeError):
                log.warning("%s is damaged; the film is looked at anew", goal)
        parts = goal.with_suffix(".parts") if goal is not None else None
        breaks = _breaks(path, info, parts)
        runs = _runs(path, info, breaks, finder, parts)
        faces = FilmFaces(info.fps, info.width_px, info.height_px, breaks, runs, path.name, finder.label)
    if goal is not None and parts is not None:
        faces.save(goal)
        shutil.rmtree(parts, ignore_errors=True)
    return faces


def _breaks(path: Path, info: MediaInfo, parts: Path | None) -> np.ndarray:
    kept = parts / "breaks.safetensors" if parts is not None else None
    if kept is not None and kept.is_file():
        return read_tensors(kept)[0]["breaks"].astype(bool)
    total = max(1.0, info.duration_s * info.fps)
    with progress(f"Looking for cuts in {path.name}", total) as advance:
        breaks = find_breaks(_counted(read_frames(path, info.fps), advance, 0, total))
    if kept is not None:
        write_tensors(kept, {"breaks": breaks.astype(np.uint8)})
    return breaks


def _counted(frames: Iterator[np.ndarray], advance: Advance, start: int, total: float) -> Iterator[np.ndarray]:
    for done, frame in enumerate(frames, start=start + 1):
        yield frame
        advance(min(done, total))


def stretches(breaks: np.ndarray, fps: float) -> list[tuple[int, int]]:
    """First frame and the one after the last of each shot `breaks` `[T]`, long ones in pieces of `STRETCH_S`."""
    longest = max(1, round(STRETCH_S * fps))
    borders = [*np.flatnonzero(breaks).tolist(), len(breaks)]
    return [
        (first, min(first + longest, end))
        for start, end in zip(borders, borders[1:], strict=False) for first in range(start, end, longest)
    ]


def _runs(
    path: Path, info: MediaInfo, breaks: np.ndarray, finder: RunFinder, parts: Path | None
) -> list[Run]:
    frames, runs = read_frames(path, info.fps), list[Run]()
    total = float(len(breaks))
    with progress(f"Following the faces in {path.name}", total) as advance:
        for start, end in stretches(breaks, info.fps):
            part = parts / f"{start:08d}.safetensors" if parts is not None else None
            if part is not None and part.is_file():
                next(itertools.islice(frames, end - start, end - start), None)  # skip its frames
                found = _load_runs(part)[0]
            else:
                piece = itertools.islice(frames, end - start)
                found = finder.follow(_counted(piece, advance, start, total), start, info.fps)
                if part is not None:
                    _save_runs(part, found, {"end": np.array(end)}, {})
            runs += found
    return sorted(runs, key=lambda run: run.start)
