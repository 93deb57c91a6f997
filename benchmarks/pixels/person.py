"""The person that is measured: the video, its track, what was learned of it, and a painter that tells what it shows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

import talking_head
from benchmarks.lips import HOLD_OUT
from evaluation.clips import Clip
from evaluation.loading import load_clip
from evaluation.regions import face_mask, mouth_mask
from face_model import mp478
from face_model.tracks import FaceMotion, FaceTrack, Sound
from preprocessing.media import read_frames
from render2video.footage.footage import open_eyed_px
from render2video.footage.painter import FootagePainter, Wanted
from render2video.footage.steadying import moved, steadied
from render2video.footage.store import load_footage_painter
from talking_head.enrollment.tracking import sound_in_step
from talking_head.target.card import Target
from talking_head.target.settings import EnrollSettings

CONSENT = "measured on footage whose rights allow it"
SIZES_PX = {"footage": 512, "fast": 256}
LOWER_FACE_FROM = 2  # vertex of mp478: the nose's base, from which down the lower face is


@dataclass(frozen=True)
class Measured:
    """A video of a person, whose first part is learned from and whose rest is judged on.

    out: folder for everything; the targets' home is its sub-folder `home`.
    """

    video: Path
    out: Path

    @cached_property
    def track(self) -> FaceTrack:
        return talking_head.track(self.video, self.out / "track", cache=self.cache).track

    @cached_property
    def clip(self) -> Clip:
        """The real video as evaluation sees it, its sound in step."""
        return replace(load_clip(self.video, cache=self.cache), sound=self.sound)

    @cached_property
    def sound(self) -> Sound:
        return sound_in_step(self.video, self.track)

    @cached_property
    def frames(self) -> list[np.ndarray]:
        """The held-out frames."""
        return list(read_frames(self.video, self.fps))[self.learn : len(self.track)]

    @property
    def cache(self) -> Path:
        return self.out / "cache"

    @property
    def home(self) -> Path:
        return self.out / "home"

    @property
    def fps(self) -> float:
        return self.track.motion.fps

    @property
    def learn(self) -> int:
        """Frames, from the start, that are learned from."""
        return round(len(self.track) * (1 - HOLD_OUT))

    @property
    def held_out(self) -> FaceMotion:
        return self.track.motion[self.learn :]

    def masks(self, index: int) -> dict[str, np.ndarray | None]:
        """Parts of a frame in which it is compared; None for the whole."""
        points = self.clip.landmarks_px[index]
        height, width = self.track.camera.height_px, self.track.camera.width_px
        face = face_mask(points, height, width)
        lower = face & (np.arange(height)[:, None] > points[LOWER_FACE_FROM, 1])
        return {"face": face, "lower face": lower, "mouth": mouth_mask(points, height, width), "whole frame": None}

    def parts(self, held: int, *names: str) -> dict[str, np.ndarray | None]:
        """Some of the `masks` of a held-out frame."""
        return {name: mask for name, mask in self.masks(self.learn + held).items() if name in names}

    def enrolled(self, profile: str, budget_s: float) -> tuple[Target, float]:
        """The target of that profile, made from the first part, and how many minutes that took."""
        settings = EnrollSettings(
            profile=profile, size_px=SIZES_PX[profile], budget_s=budget_s, hold_out=HOLD_OUT
        )
        noted, started_s = self.out / f"{profile}_minutes.json", time.monotonic()
        made = talking_head.enroll(self.video, profile, CONSENT, settings, home=self.home, replace=True)
        if not made.already_done:
            noted.write_text(json.dumps((time.monotonic() - started_s) / 60), encoding="utf-8")
        minutes = json.loads(noted.read_text(encoding="utf-8")) if noted.is_file() else float("nan")
        return made.target, minutes

    def painter(self, target: Target) -> FootagePainter:
        return load_footage_painter(target.folder, mp478.load())

    def steady(self, painter: FootagePainter) -> np.ndarray:
        """`[T, 2, 3]` of the held-out frames."""
        head, lost = painter.footage.head, ~self.track.valid[self.learn :]
        return steadied(self.frames, head, open_eyed_px(head, self.held_out), lost)


class Telling(FootagePainter):
    """A painter on footage that tells which real frame each one was made from.

    Args:
        painter: whose footage and network it paints with.
        steady: `[T, 2, 3]`, what moves the wanted mesh, as tracked, to where the head is; None: it is there.
    """

    def __init__(self, painter: FootagePainter, steady: np.ndarray | None = None) -> None:
        super().__init__(painter.footage, painter.generator, painter.config, painter.device)
        self.steady = steady

    def wanted(self, pieces: Iterable[FaceMotion]) -> Iterator[Wanted]:
        for index, want in enumerate(super().wanted(pieces)):
            if self.steady is None:
                yield want
            else:
                yield replace(want, points_px=moved(want.points_px[None], self.steady[index : index + 1])[0])

    def chosen(self, motion: FaceMotion) -> np.ndarray:
        """`[T]`: the real frame that each frame of a motion is made from; nothing is painted."""
        path = self.path(self.config.head)
        return np.array(list(path(map(self._head_costs, self.wanted([motion])))))
