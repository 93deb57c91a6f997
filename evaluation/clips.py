"""A clip: all that the metrics may look at. Frames (streamed), the track of its face, its sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from evaluation.head_frame import HeadFrame, head_frame
from evaluation.metrics import detail, sync, video
from evaluation.metrics.lips import Phone
from evaluation.metrics.theval import measure
from face_model.tracks import Sound
from preprocessing.sync import SyncEstimate

FrameSource = Callable[[], Iterable[np.ndarray]]


@dataclass(frozen=True)
class Clip:
    """A video as measured.

    name: for people. fps: frames a second. landmarks_px: `[T, 478, 3]`. valid: `[T]` bool. blink: `[T]` AU45 0-5.
    sound: None when it has none. frames: gives the T pictures `[H, W, 3]` RGB uint8 anew at each call; None for motion
    without pictures. as_filmed: what was found of the sound before it was moved to the lips (`in_step`).
    """

    name: str
    fps: float
    landmarks_px: np.ndarray
    valid: np.ndarray
    blink: np.ndarray
    sound: Sound | None = None
    frames: FrameSource | None = None
    as_filmed: SyncEstimate | None = None

    def __len__(self) -> int:
        return len(self.valid)

    @property
    def duration_s(self) -> float:
        return len(self) / self.fps

    @cached_property
    def head(self) -> HeadFrame:
        """The face in the head frame."""
        return head_frame(self.landmarks_px, self.fps, self.valid)

    @cached_property
    def picture_curves(self) -> dict[str, np.ndarray]:
        """`video.own_curves` of the frames; empty without frames."""
        return {} if self.frames is None else video.own_curves(self.frames(), self.landmarks_px, self.valid, self.fps)

    @cached_property
    def detail_curves(self) -> dict[str, np.ndarray]:
        """`detail.detail_curves` of the frames; empty without frames."""
        return self.detail_curves_at(1.0)

    def detail_curves_at(self, zoom: float) -> dict[str, np.ndarray]:
        """The same of frames that are looked at so much larger."""
        if self.frames is None:
            return {}
        return detail.detail_curves(self.frames(), self.landmarks_px, self.valid, self.fps, zoom)

    @cached_property
    def sync(self) -> SyncEstimate:
        """How late the sound is, and how well it goes with the lips."""
        assert self.sound is not None
        return sync.estimate(self.landmarks_px, self.valid, self.fps, self.sound)

    @cached_property
    def theval(self) -> dict[str, float]:
        """THEval's five raw measures."""
        return measure(self.head, self.sound)


@dataclass(frozen=True)
class Pair:
    """A clip to judge and what to judge it by.

    reference: the real video of the same speech, at the same rate. driving: the motion that the clip was told to show.
    phones: when which phone sounds.
    """

    clip: Clip
    reference: Clip | None = None
    driving: Clip | None = None
    phones: Sequence[Phone] = field(default_factory=tuple)

    @cached_property
    def pair_curves(self) -> dict[str, np.ndarray]:
        """`video.pair_curves` against the reference; empty when either has no frames."""
        if self.reference is None or self.clip.frames is None or self.reference.frames is None:
            return {}
        truth = self.reference
        return video.pair_curves(self.clip.frames(), truth.frames(), truth.landmarks_px, truth.valid)  # type: ignore[misc]

    @cached_property
    def truth_detail_curves(self) -> dict[str, np.ndarray]:
        """The reference's `detail_curves`, at the clip's scale; empty without its frames."""
        if self.reference is None:
            return {}
        own, truth = self.clip, self.reference
        zoom = detail.scale_of(own.landmarks_px, own.valid, truth.landmarks_px, truth.valid)
        return truth.detail_curves if zoom == 1 else truth.detail_curves_at(zoom)
