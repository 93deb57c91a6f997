"""Enrollment as a job."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from foundation.errors import InputError
from foundation.watching import watching
from talking_head.studio.jobs.kinds.base import Asked
from talking_head.studio.jobs.kinds.bench import SO_FAR, Bench
from talking_head.target.card import checked_id, find_own
from talking_head.target.given import checked_consent
from talking_head.target.removing import forget_unfinished
from talking_head.target.settings import EnrollSettings, duration_s

DEFAULTS = EnrollSettings()


class EnrollAsked(Asked):
    """Make a person of a video or photo. budget: time for everything, seconds or a text such as `20m`."""

    kind: Literal["enroll"] = "enroll"
    upload: str
    id: str
    consent: str = Field(max_length=4000)
    budget: float | str = DEFAULTS.budget_s
    profile: str = DEFAULTS.profile
    size: int = DEFAULTS.size_px
    steps: int | None = None
    seed: int = 0
    motion: list[str] = Field(default=[], max_length=8)
    replace: bool = False

    def settings(self) -> EnrollSettings:
        """As enrollment takes them.

        Raises:
            InputError: one is out of its range.
        """
        budget_s = duration_s(self.budget, "budget") if isinstance(self.budget, str) else self.budget
        return EnrollSettings(
            profile=self.profile, size_px=self.size, budget_s=budget_s, steps=self.steps, seed=self.seed,
            motion=tuple(self.motion),
        ).checked()

    def check(self, bench: Bench) -> None:
        bench.upload(self.upload, "video", "photo")
        checked_id(self.id)
        checked_consent(self.consent)
        self.settings()
        if find_own(bench.home, self.id) is not None and not self.replace:
            raise InputError(f"a person named '{self.id}'", "a new name", "give another, or remove that person first")

    def expected_s(self, bench: Bench) -> float | None:
        photo = bench.upload(self.upload).content.kind == "photo"
        return None if photo or self.steps is not None else self.settings().budget_s

    def work(self, bench: Bench) -> dict[str, Any]:
        from talking_head.enrollment.from_video import enroll
        from talking_head.enrollment.learning import write_preview

        source, look = bench.upload(self.upload, "video", "photo").path, bench.folder / SO_FAR
        with watching(lambda picture: write_preview(picture, look)):
            made = enroll(source, self.id, self.consent, self.settings(), replace=self.replace)
        return {"target": made.target.id, "bytes": made.target.size_bytes(), "quality": made.target.card.quality}

    def undo(self, bench: Bench) -> None:
        forget_unfinished(self.id, bench.home)
