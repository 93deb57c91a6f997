"""The lists of HDTF (Zhang et al., CVPR 2021, https://github.com/MRzzm/HDTF), in its folder `HDTF_dataset`.

For each subset (RD, WDA, WRA), lines of words: `<s>_video_url.txt` (video, address), `<s>_annotion_time.txt` (video,
from-to of each clip), `<s>_crop_wh.txt` (clip, x, width, y, height in pixels), `<s>_resolution.txt` (video, the height
that those pixels mean). Clip k of a video is called `<video>_<k>`. Some clips have no crop and one video no times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from foundation.errors import InputError

TIMES = ("annotion_time", "annotation_time")  # as published, and as a tidy person renames it
NUMBERED_SPEAKERS = "RD"  # Radio1, Radio2, ... are broadcasts; elsewhere a number counts the videos of one person


@dataclass(frozen=True)
class HdtfClip:
    """One clip. crop_px: x, y, width, height in pictures of `height_px`; address: where the video was published."""

    subset: str
    video: str
    index: int
    start_s: float
    end_s: float
    crop_px: tuple[int, int, int, int]
    height_px: int
    address: str = ""

    @property
    def name(self) -> str:
        return f"{self.video}_{self.index}"

    @property
    def speaker(self) -> str:
        """Who speaks, as far as the video's name tells."""
        return self.video if self.subset == NUMBERED_SPEAKERS else re.sub(r"\d+$", "", self.video) or self.video

    @property
    def file_stems(self) -> tuple[str, ...]:
        """What the video's file may be called: its name, with the subset before it, or its id at YouTube."""
        ids = parse_qs(urlparse(self.address).query).get("v", [])
        return (self.video, f"{self.subset}_{self.video}", *ids)


@dataclass(frozen=True)
class HdtfLists:
    """clips: complete entries, in the lists' order. skipped: a line about each of the others."""

    clips: tuple[HdtfClip, ...]
    skipped: tuple[str, ...]


def read_lists(folder: Path | str) -> HdtfLists:
    """All subsets in a folder of lists.

    Raises:
        InputError: there is no list of times, or one without the list of crops beside it.
    """
    folder = Path(folder)
    found = sorted((path, kind) for kind in TIMES for path in folder.glob(f"*_{kind}.txt"))
    if not found:
        received = f"no *_{TIMES[0]}.txt in {folder}"
        raise InputError(received, "the folder HDTF_dataset", "get it from https://github.com/MRzzm/HDTF")
    clips: list[HdtfClip] = []
    skipped: list[str] = []
    for path, kind in found:
        subset = path.name.removesuffix(f"_{kind}.txt")
        if not (folder / f"{subset}_crop_wh.txt").is_file():
            raise InputError(f"{path} without {subset}_crop_wh.txt", "both", "complete the folder")
        _read_subset(folder, subset, _rows(path), clips, skipped)
    return HdtfLists(tuple(clips), tuple(skipped))


def _rows(path: Path) -> dict[str, list[str]]:
    """First word (without .mp4) to the others; an absent list is empty."""
    if not path.is_file():
        return {}
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text", "a list of HDTF_dataset", "download it again") from error
    return {words[0].removesuffix(".mp4"): words[1:] for words in rows if words}


def _read_subset(
    folder: Path, subset: str, times: dict[str, list[str]], clips: list[HdtfClip], skipped: list[str]
) -> None:
    crops, heights, addresses = (
        _rows(folder / f"{subset}_{kind}.txt") for kind in ("crop_wh", "resolution", "video_url")
    )
    skipped += [f"{subset} {video}: no times" for video in addresses if video not in times]
    for video, spans in times.items():
        for index, span in enumerate(spans):
            name = f"{video}_{index}"
            try:
                start_s, end_s = _span_s(span)
                x, width, y, height = _integers(crops.get(name, []), 4, "no crop")
                (height_px,) = _integers(heights.get(video, []), 1, "no resolution")
            except ValueError as error:
                skipped.append(f"{subset} {name}: {error}")
                continue
            address = (addresses.get(video) or [""])[0]
            clips.append(HdtfClip(subset, video, index, start_s, end_s, (x, y, width, height), height_px, address))


def _integers(words: list[str], count: int, otherwise: str) -> list[int]:
    if len(words) != count or not all(word.isdecimal() for word in words):
        raise ValueError(f"{otherwise} ({' '.join(words)})" if words else otherwise)
    return [int(word) for word in words]


def _span_s(span: str) -> tuple[float, float]:
    """Seconds of `00:30-01:00`, or with hours."""
    parts = re.fullmatch(r"((?:\d+:)?\d+:\d+)-((?:\d+:)?\d+:\d+)", span)
    if parts is None:
        raise ValueError(f"times '{span}'")
    start_s, end_s = (_seconds(text) for text in parts.groups())
    if end_s <= start_s:
        raise ValueError(f"times '{span}' run backwards")
    return start_s, end_s


def _seconds(clock: str) -> float:
    total = 0.0
    for part in clock.split(":"):
        total = 60 * total + int(part)
    return total
