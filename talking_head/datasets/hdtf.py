"""HDTF's clips, cut from the videos that a user has downloaded, into a folder that `prepare` takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foundation.errors import InputError
from foundation.files import read_json, write_json
from foundation.progress import progress
from preprocessing.datasets.cutting import Cut, cut_clips
from preprocessing.datasets.hdtf import HdtfClip, read_lists
from talking_head.datasets.naming import VIDEO_SUFFIXES
from talking_head.datasets.workers import Failure, Place, usable_cores

SIZE_PX = 512  # as published
NOTES = ".cuts"


@dataclass(frozen=True)
class HdtfCuts:
    """made: clips written now. present: those that were there. skipped: a line about each that is not there."""

    folder: Path
    made: int
    present: int
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class _VideoJob:
    video: str
    cuts: list[Cut]


def cut_hdtf(
    lists: Path | str, videos: Path | str, output: Path | str, size_px: int = SIZE_PX, place: Place | None = None
) -> HdtfCuts:
    """Cut and crop HDTF's clips as its lists say; what is there already is not cut again.

    A clip goes to `SPEAKER/VIDEO_INDEX.mp4`. Videos are found by name, by subset and name, or by YouTube id, with any
    suffix, in any sub-folder.

    Args:
        lists: the folder `HDTF_dataset`.
        videos: a folder of downloaded videos; what it lacks is skipped.
        size_px: of the square that a crop is scaled to.

    Raises:
        InputError: no lists, no folder of videos, or a size that H.264 cannot hold.
    """
    if size_px < 32 or size_px % 2:
        raise InputError(f"clips of {size_px} px", "an even number from 32")
    found, output, videos = read_lists(lists), Path(output), Path(videos)
    if not videos.is_dir():
        raise InputError(f"{videos} is no folder", "a folder of downloaded videos")
    skipped = [f"{line}: the lists are incomplete" for line in found.skipped]
    jobs, present, wanted = _jobs(found.clips, _files(videos), output, size_px, skipped)
    made = 0
    with progress("Cutting videos", len(jobs)) as advance:
        for done, (number, told) in enumerate((place or Place(usable_cores())).run(_cut_video, jobs), start=1):
            problems = {c.goal.stem: told.reason for c in jobs[number].cuts} if isinstance(told, Failure) else told
            for cut in jobs[number].cuts:
                if cut.goal.stem in problems:
                    skipped.append(f"{cut.goal.stem}: {problems[cut.goal.stem]}")
                    continue
                write_json(output / NOTES / f"{cut.goal.stem}.json", wanted[cut.goal])
                made += 1
            advance(done)
    return HdtfCuts(output, made, present, tuple(skipped))


def _files(videos: Path) -> dict[str, Path]:
    """Stem to video, whatever the folder in between."""
    found = sorted(path for path in videos.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    return {path.stem: path for path in reversed(found)}


def _jobs(
    clips: Iterable[HdtfClip], files: dict[str, Path], output: Path, size_px: int, skipped: list[str]
) -> tuple[list[_VideoJob], int, dict[Path, dict[str, Any]]]:
    """What is left to cut, by video; how many clips are there; and what to note of each when it is done."""
    by_video: dict[Path, list[Cut]] = {}
    wanted: dict[Path, dict[str, Any]] = {}
    present = 0
    for clip in clips:
        video = next((files[stem] for stem in clip.file_stems if stem in files), None)
        if video is None:
            skipped.append(f"{clip.name}: no video {clip.video} ({clip.address or 'no address'})")
            continue
        goal = output / clip.speaker / f"{clip.name}.mp4"
        cut = Cut(goal, clip.start_s, clip.end_s, clip.crop_px, clip.height_px, size_px)
        state = video.stat()
        origin = {"video": video.name, "bytes": state.st_size, "changed_ns": state.st_mtime_ns}
        wanted[goal] = origin | {k: v for k, v in asdict(cut).items() if k != "goal"} | {"crop_px": list(cut.crop_px)}
        if goal.is_file() and _noted(output / NOTES / f"{clip.name}.json") == wanted[goal]:
            present += 1
        else:
            by_video.setdefault(video, []).append(cut)
    return [_VideoJob(str(video), cuts) for video, cuts in by_video.items()], present, wanted


def _noted(path: Path) -> Any:
    try:
        return read_json(path)
    except InputError:
        return None


def _cut_video(job: _VideoJob) -> dict[str, str]:
    """Clip to what was wrong with it, for those that were not cut."""
    try:
        return {cut.goal.stem: str(error) for cut, error in cut_clips(job.video, job.cuts) if error is not None}
    except InputError as error:
        return {cut.goal.stem: str(error) for cut in job.cuts}
