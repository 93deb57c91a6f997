"""Every kind of job by name. A new kind is a subclass of `Asked` in a file here, and its name in `_ALL`."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any

from pydantic import Field

from talking_head.studio.jobs.kinds.base import Asked
from talking_head.studio.jobs.kinds.curving import CurvesAsked, CurvesExportAsked, CurvesFilmAsked
from talking_head.studio.jobs.kinds.dubbing import DubAsked
from talking_head.studio.jobs.kinds.enrolling import EnrollAsked
from talking_head.studio.jobs.kinds.evaluating import EvaluateAsked
from talking_head.studio.jobs.kinds.exporting import ExportAsked
from talking_head.studio.jobs.kinds.films import PreviewAsked, SayAsked, SynthAsked

_ALL: tuple[type[Asked], ...] = (
    EnrollAsked, SynthAsked, SayAsked, DubAsked, ExportAsked, EvaluateAsked, PreviewAsked,
    CurvesAsked, CurvesFilmAsked, CurvesExportAsked,
)
KINDS: dict[str, type[Asked]] = {kind.name(): kind for kind in _ALL}
# What clients may ask for; the others are the studio's own.
PUBLIC: Any = Annotated[reduce(or_, [kind for kind in _ALL if kind.public]), Field(discriminator="kind")]  # type: ignore[arg-type]
