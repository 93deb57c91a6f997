"""Motion for other programs as a job."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field

from foundation.errors import InputError
from talking_head.motion.directions import Directions
from talking_head.studio.jobs.kinds.base import Asked
from talking_head.studio.jobs.kinds.bench import Bench
from talking_head.target.card import find_target

SUFFIXES = {"livelink": ".csv", "gltf": ".glb", "npz": ".npz", "openface": ".csv", "flame": ".npz"}


class ExportAsked(Asked):
    """The motion of a person who says an upload (sound, video, or a motion file), or what a film's job said."""

    kind: Literal["export"] = "export"
    upload: str | None = None
    job: str | None = None
    target: str | None = None
    format: Literal["livelink", "gltf", "npz", "openface", "flame"]
    fps: float = Field(default=60.0, ge=1, le=240)
    motion: str | None = None
    emotion: str | None = None
    style: str | None = None
    head: str | float | None = None
    seed: int = Field(default=0, ge=0, lt=2**63)

    def check(self, bench: Bench) -> None:
        told = self._told(bench)
        if told.upload is None or told.target is None:
            raise InputError("an export of nothing", "upload and target, or job")
        bench.upload(told.upload)
        find_target(bench.home, told.target)

    def _told(self, bench: Bench) -> ExportAsked:
        """The same with what the job was asked for, where it names one."""
        if self.job is None:
            return self
        asked = bench.asked_of(self.job)
        names = ("upload", "target", "motion", "emotion", "style", "head", "seed")
        return self.model_copy(update={name: asked[name] for name in names if name in asked})

    def work(self, bench: Bench) -> dict[str, Any]:
        from talking_head.animation.export import export

        told = self._told(bench)
        assert told.upload is not None and told.target is not None  # by `check`
        directions = Directions(told.motion, told.emotion, style=told.style, head=told.head)
        made = export(
            bench.upload(told.upload).path, told.target, bench.output(f"{told.target}{SUFFIXES[self.format]}"),
            format=self.format, directions=directions, fps=self.fps, seed=told.seed,
        )
        return {name: value for name, value in asdict(made).items() if name != "output"}
