"""Detail by region and change of the background of films against the real video."""

from __future__ import annotations

from benchmarks.result_files import Measure
from evaluation.clips import Clip, Pair
from evaluation.metrics.detail import REGIONS
from evaluation.network_registry import METRICS


def detail(part: str, system: str, film: Clip, truth: Clip) -> list[Measure]:
    """Each region's detail over the truth's, and the background's change over the truth's."""
    pair = Pair(film, truth)
    found = [Measure(part, f"detail, {r}", system, METRICS[f"detail_{r}"].measure(pair)) for r in REGIONS]
    return [*found, Measure(part, "change of the background", system, METRICS["background_change"].measure(pair))]
