"""What is in prepared data: splits, hours, speakers, encoders, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from face_model.tracks import MOTION_FPS
from talking_head.datasets.naming import PARTS, SPLITS
from talking_head.datasets.shards import read_manifest


@dataclass(frozen=True)
class Part:
    """One part of a split. speakers: their clips by name."""

    clips: int
    hours: float
    speakers: dict[str, int]


@dataclass(frozen=True)
class Inspection:
    """splits: by kind (`clip`, `speaker`) and part. encoders: own names by what they were asked for as. rejects: clip
    to why it is left out; failed: to what went wrong. quality: smallest, median and largest of what was measured of the
    used clips.
    """

    folder: Path
    splits: dict[str, dict[str, Part]]
    encoders: dict[str, str]
    rejects: dict[str, str]
    failed: dict[str, str]
    quality: dict[str, tuple[float, float, float]]

    @property
    def whole(self) -> Part:
        """All that is used."""
        parts = list(next(iter(self.splits.values())).values())
        speakers: Counter[str] = Counter()
        for part in parts:
            speakers.update(part.speakers)
        return Part(sum(p.clips for p in parts), sum(p.hours for p in parts), dict(speakers))


MEASURED = {
    "face_size_px": "face, pixels", "sharpness": "sharpness", "lost_share": "share of frames without the face",
    "sound_offset_s": "sound late by, s", "sound_offset_confidence": "confidence of that", "duration_s": "length, s",
}  # fmt: skip


def inspect(folder: Path | str) -> Inspection:
    """Read what `prepare` wrote about a folder of prepared data.

    Raises:
        InputError: none there, or of an earlier version.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    clips: Mapping[str, Mapping[str, Any]] = manifest["clips"]
    used = {name: clip for name, clip in clips.items() if clip["used"]}
    splits = {kind: {part: _part(used, kind, part) for part in PARTS} for kind in SPLITS}
    encoders = {speech: str(encoder["extractor"]) for speech, encoder in manifest["encoders"].items()}
    rejects = {name: str(clip["why_not"]) for name, clip in clips.items() if not clip["used"]}
    quality = {name: _spread([clip["quality"][name] for clip in used.values()]) for name in MEASURED if used}
    return Inspection(folder, splits, encoders, rejects, dict(manifest["failed"]), quality)


def _part(used: Mapping[str, Mapping[str, Any]], kind: str, part: str) -> Part:
    own = [clip for clip in used.values() if clip["split"][kind] == part]
    hours = sum(clip["frames"] for clip in own) / MOTION_FPS / 3600
    return Part(len(own), hours, dict(sorted(Counter(str(clip["speaker"]) for clip in own).items())))


def _spread(values: list[float]) -> tuple[float, float, float]:
    ordered = sorted(map(float, values))
    return ordered[0], ordered[len(ordered) // 2], ordered[-1]
