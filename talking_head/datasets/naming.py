"""Clips, their speakers and their splits, all from names: the same folder is always cut the same way."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from foundation.errors import InputError

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".m4v")
PARTS = ("train", "val", "test")
SHARES = (5, 1, 4)  # FACIAL, section 4.1
SPLITS = ("clip", "speaker")


def find_clips(folder: Path, but: Path | None = None) -> list[str]:
    """Paths of all videos in a folder, relative to it, in order.

    Args:
        but: a folder whose files do not count, though it may lie inside.

    Raises:
        InputError: no folder, or no video in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", "a folder of videos, each of one person speaking")
    outside = but.resolve() if but is not None else None
    found = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file() and not path.name.startswith(".")
        and (outside is None or outside not in path.resolve().parents)
    )  # fmt: skip
    if not found:
        raise InputError(f"no videos in '{folder}'", f"a folder of videos ({', '.join(VIDEO_SUFFIXES)})")
    return found


def speaker_of(clip: str) -> str:
    """Who speaks in a clip: its first folder, else its name without numbers at the end (`ana_2-01.mp4` is `ana`)."""
    path = Path(clip)
    if len(path.parts) > 1:
        return path.parts[0]
    return re.sub(r"([\s_.-]*\d+)+$", "", path.stem) or path.stem


def order_of(name: str) -> int:
    """A place for a name that nothing but the name decides."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def split_by_clip(clips: Iterable[str]) -> dict[str, str]:
    """Clip to part, 5-1-4 of the clips. A speaker may be in all parts."""
    ordered = sorted(clips, key=order_of)
    edges = [sum(SHARES[: k + 1]) / sum(SHARES) for k in range(len(SHARES))]
    return {
        clip: next(part for part, edge in zip(PARTS, edges, strict=True) if place < edge * len(ordered))
        for place, clip in enumerate(ordered)
    }


def split_by_speaker(speakers: Mapping[str, str]) -> dict[str, str]:
    """Clip to part, each speaker in one part only, as near to 5-1-4 of the clips as whole speakers allow.

    Args:
        speakers: clip to speaker.
    """
    counts = Counter(speakers.values())
    wanted = [len(speakers) * share / sum(SHARES) for share in SHARES]
    part_of: dict[str, str] = {}
    for speaker in sorted(counts, key=lambda name: (-counts[name], order_of(name))):
        neediest = max(range(len(PARTS)), key=lambda k: (wanted[k], SHARES[k]))  # the part that lacks most
        wanted[neediest] -= counts[speaker]
        part_of[speaker] = PARTS[neediest]
    return {clip: part_of[speaker] for clip, speaker in speakers.items()}
