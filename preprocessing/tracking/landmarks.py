"""What a tracker sees in a frame, and what is known of one face over a clip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from preprocessing.tracking.layouts import MP478, Layout

LANDMARK_COUNT = MP478.count


@dataclass(frozen=True)
class FaceObservation:
    """One face in one frame.

    landmarks_px: `[L, 3]`; x right, y down in pixels; z in the same scale, larger is nearer. arkit: `[52]` 0-1, or
    `[0]` of a tracker that gives none.
    """

    landmarks_px: np.ndarray
    arkit: np.ndarray

    @property
    def box_px(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        low, high = self.landmarks_px[:, :2].min(0), self.landmarks_px[:, :2].max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def centre_px(self) -> np.ndarray:
        left, top, right, bottom = self.box_px
        return np.array([(left + right) / 2, (top + bottom) / 2])

    @property
    def size_px(self) -> float:
        """The longer side of the box."""
        left, top, right, bottom = self.box_px
        return max(right - left, bottom - top)


def box_overlap(one: FaceObservation, other: FaceObservation) -> float:
    """Intersection over union of two faces' boxes."""
    a, b = one.box_px, other.box_px
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (areas - width * height)


class FaceTracker(Protocol):
    """Sees faces in frames.

    name, version: what a cached result is filed under; new numbers are a new version. layout: of its points.
    """

    name: str
    version: str
    layout: Layout

    def restart(self) -> None:
        """Forget all earlier frames; the next ones may begin at time 0."""
        ...

    def observe(self, frame_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        """Faces in the next frame `[H, W, 3]` uint8 of a video; times rise from call to call."""
        ...

    def confirm(self, frame_rgb: np.ndarray, near: FaceObservation | None = None) -> list[FaceObservation]:
        """Faces in a single picture, found afresh, without any memory of earlier frames; with `near`, it is enough to
        look about that one.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class LandmarkTrack:
    """One face over a clip.

    fps: frames a second, evenly spaced. width_px, height_px: of the frames. landmarks_px: `[T, L, 3]`; x right,
    y down; z in pixels too, larger is nearer, 0 at the head's middle. arkit: `[T, 52]` 0-1 in the order of
    `ARKIT_NAMES`, or `[T, 0]`. confidence: `[T]` 0-1, how well the skull's points agree with their mean shape over the
    clip (1: exactly; 0.37: off by 6% of the distance between the eyes; 0: no face), or what the tracker says of itself.
    valid: `[T]` bool; without a face the numbers are interpolated from the neighbours. faces_seen: `[T]` faces in the
    frame, 2 at most. rival: `[T]` size of the largest other face as a share of this one's, 0 without one. source: the
    video's name, for people. tracker: name and version.
    """

    fps: float
    width_px: int
    height_px: int
    landmarks_px: np.ndarray
    arkit: np.ndarray
    confidence: np.ndarray
    valid: np.ndarray
    faces_seen: np.ndarray
    rival: np.ndarray
    source: str = ""
    tracker: str = ""

    def __len__(self) -> int:
        return len(self.valid)

    @property
    def duration_s(self) -> float:
        return len(self) / self.fps

    @property
    def face_size_px(self) -> np.ndarray:
        """`[T]`, the longer side of the landmarks' box."""
        xy = self.landmarks_px[..., :2]
        return (xy.max(axis=1) - xy.min(axis=1)).max(axis=1)

    def __getitem__(self, frames: slice) -> LandmarkTrack:
        """The same track over some of its frames."""
        cut = ("landmarks_px", "arkit", "confidence", "valid", "faces_seen", "rival")
        return replace(self, **{name: getattr(self, name)[frames] for name in cut})

    def select(self, frames: np.ndarray) -> LandmarkTrack:
        """Some of its frames `[T]` bool as if they were consecutive."""
        return self[frames]  # type: ignore[index]

    def save(self, path: Path | str) -> None:
        """Write as safetensors, whole or not at all."""
        arrays = {n: np.asarray(getattr(self, n), np.float32) for n in ("landmarks_px", "arkit", "confidence", "rival")}
        arrays |= {"valid": self.valid.astype(np.uint8), "faces_seen": self.faces_seen.astype(np.int32)}
        metadata = {"kind": "LandmarkTrack"}
        metadata |= {name: getattr(self, name) for name in ("fps", "width_px", "height_px", "source", "tracker")}
        write_tensors(path, arrays, metadata)

    @staticmethod
    def load(path: Path | str) -> LandmarkTrack:
        """Read what `save` wrote.

        Raises:
            InputError: not such a file.
        """
        arrays, metadata = read_tensors(path)
        if metadata.pop("kind", None) != "LandmarkTrack":
            raise InputError(f"{path} holds something else", "a LandmarkTrack", "track the video again")
        fields: dict[str, Any] = metadata | arrays | {"valid": arrays["valid"].astype(bool)}
        return LandmarkTrack(**fields)
