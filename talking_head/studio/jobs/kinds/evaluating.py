"""Measuring a film as a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from foundation.errors import InputError
from foundation.files import write_json
from talking_head.studio.jobs.kinds.base import Asked
from talking_head.studio.jobs.kinds.bench import Bench


class EvaluateAsked(Asked):
    """Measure a film: of a job, or an upload; against the real one where there is one."""

    kind: Literal["evaluate"] = "evaluate"
    upload: str | None = None
    job: str | None = None
    reference: str | None = None

    def _film(self, bench: Bench) -> Path:
        if self.job is not None:
            return bench.film(self.job)
        if self.upload is None:
            raise InputError("an evaluation of nothing", "job, or upload")
        return bench.upload(self.upload, "video").path

    def check(self, bench: Bench) -> None:
        self._film(bench)
        if self.reference is not None:
            bench.upload(self.reference, "video")

    def work(self, bench: Bench) -> dict[str, Any]:
        from evaluation.html import write_evaluation
        from evaluation.report import evaluate_pair, load_pair

        real = None if self.reference is None else bench.upload(self.reference, "video").path
        pair = load_pair(self._film(bench), real, cache=bench.work())
        result = evaluate_pair(pair)
        write_evaluation(bench.output("report.html"), result, pair)
        told = result.to_json()
        told["numbers"] = [
            {"name": one["title"], "value": one["value"], "unit": one["unit"], "good": one["better"]}
            for one in told["scores"]
        ]
        write_json(bench.output("report.json"), told)
        return {"evaluation": told}
