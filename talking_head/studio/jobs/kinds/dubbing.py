"""Dubbing as a job."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from foundation.errors import InputError
from talking_head.studio.jobs.kinds.base import Asked
from talking_head.studio.jobs.kinds.bench import Bench
from talking_head.target.card import checked_id, find_target
from talking_head.target.given import checked_consent
from talking_head.target.settings import duration_s

UNNAMED = "dub-"  # how unfinished work begins that keeps nobody (`talking_head.dubbing.order`)


class DubAsked(Asked):
    """New words, of `sound` or of a `text` that a voice says, on the film `upload`.

    id: keep what is learned as a person of that name. keep_background: an upload that stays under the words.
    """

    kind: Literal["dub"] = "dub"
    upload: str
    sound: str | None = None
    text: str | None = Field(default=None, max_length=20_000)
    voice: str | None = Field(default=None, max_length=80)
    keep_background: str | None = None
    consent: str = Field(default="", max_length=4000)
    target: str | None = None
    id: str | None = None
    budget: float | str = 300.0
    face: str | None = Field(default=None, max_length=40)
    length: Literal["sound", "video", "longest"] = "sound"
    size: Literal[256, 512] = 512
    steps: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**63)
    label: bool = True

    def budget_s(self) -> float:
        """Time for tracking and learning.

        Raises:
            InputError: it is no time.
        """
        return duration_s(self.budget, "budget") if isinstance(self.budget, str) else self.budget

    def check(self, bench: Bench) -> None:
        bench.upload(self.upload, "video")
        if (self.sound is None) == (self.text is None):
            raise InputError("a dub of nothing, or of two things", "sound, or text")
        for heard in (self.sound, self.keep_background):
            if heard is not None:
                bench.sound(heard)
        self.budget_s()
        if self.target is not None:
            find_target(bench.home, self.target)
        else:
            checked_consent(self.consent)
        if self.id is not None:
            checked_id(self.id)

    def expected_s(self, bench: Bench) -> float | None:
        return None if self.steps is not None else self.budget_s()

    def work(self, bench: Bench) -> dict[str, Any]:
        from talking_head.dubbing.film import DubSettings, dub

        if bench.notes() is None:  # so that `undo` knows what is somebody else's
            bench.note({"others": self._unfinished(bench)})
        settings = DubSettings(
            self.budget_s(), self.face, self.length, self.size, self.steps, self.seed, self.label
        )
        under = None if self.keep_background is None else bench.sound(self.keep_background)
        made = dub(
            bench.upload(self.upload, "video").path, self._words(bench), bench.output("dub.mp4"), consent=self.consent,
            target=self.target, keep_as=self.id, background=under, settings=settings,
        )
        return {name: value for name, value in asdict(made).items() if name != "output"}

    def _words(self, bench: Bench) -> Path:
        """The new words as a file."""
        if self.sound is not None:
            return bench.sound(self.sound)
        from talking_head.voices.choosing import voice_for_others
        from talking_head.voices.film import write_wav
        from talking_head.voices.speaking import spoken

        assert self.text is not None
        path = bench.work() / "said.wav"
        write_wav(path, spoken(self.text, voice_for_others(self.voice)).sound)
        return path

    def _unfinished(self, bench: Bench) -> list[str]:
        begins = UNNAMED if self.id is None else f"{self.id}-"
        return sorted(path.name for path in bench.home.work.glob(f"{begins}*")) if bench.home.work.is_dir() else []

    def undo(self, bench: Bench) -> None:
        notes = bench.notes()
        if notes is None:  # it never began
            return
        for name in set(self._unfinished(bench)) - set(notes["others"]):
            with suppress(InputError), bench.home.lock(name):  # another command's that is at work
                shutil.rmtree(bench.home.work / name, ignore_errors=True)
