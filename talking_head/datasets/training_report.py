"""What a general training came to, for people: curves of its losses, its judgements, and how good it is at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from evaluation import svg
from evaluation.html import OWN, TRUTH, write_page
from foundation.files import write_json
from training.loop import METRICS
from training.validation import JUDGED, judgements

REPORT, PAGE = "report.json", "report.html"
TITLES = {
    "score": "score: mean of the lips' correlations", "lip_gap": "lip gap, correlation",
    "lip_width": "lip width, correlation", "lip_gap_amplitude": "lip gap, amplitude (1 is the truth's)",
    "lip_width_amplitude": "lip width, amplitude (1 is the truth's)", "expression": "coefficients, correlation",
    "closures": "closures of the lips (p, b, m) that are met, share",
    "face_spread": "face, spread (1 is the truth's)",
    "pose_spread": "head, spread (1 is the truth's)", "blinks": "blinks (1 is the truth's)",
}  # fmt: skip


def write_training_report(
    run: Path, curves: Path, report: Mapping[str, Mapping[str, float]], speakers: Mapping[str, Sequence[str]]
) -> Path:
    """Write `report.json` and `report.html` into a run's folder; returns the page.

    Args:
        curves: folder of the run's `metrics.jsonl` and `judged.jsonl`, or of the folders of its parts.
        report: measures by what was judged, such as `test, best`.
        speakers: of each part that was judged on.
    """
    plain = {what: {k: _plain(v) for k, v in measures.items()} for what, measures in report.items()}
    write_json(run / REPORT, {"measures": plain, "speakers": {part: list(names) for part, names in speakers.items()}})
    sections = [f"<header><h1>Training in {escape(run.name)}</h1><p>{_people(speakers)}</p></header>", _table(report)]
    for metrics in sorted(curves.rglob(METRICS), key=lambda path: path.stat().st_mtime_ns):
        part = "" if metrics.parent == curves else f", {metrics.parent.name.replace('_', ' ')}"
        sections += _curves(metrics.parent, part)
    write_page(run / PAGE, f"Training in {run.name}", sections)
    return run / PAGE


def _curves(folder: Path, part: str) -> list[str]:
    """What a part of the training was judged as on the way, and its losses."""
    losses, judged = judgements(folder / METRICS), judgements(folder / JUDGED)
    steps = max([line["step"] for line in [*losses, *judged]], default=1.0)
    best = max(judged, key=lambda line: np.nan_to_num(_number(line.get("score")), nan=-np.inf), default=None)
    marks = [] if best is None else [best["step"]]
    return [
        _charts(f"Judged on the way, on what is not learned from{part}", judged, steps, marks),
        _charts(f"Losses of the training{part}", losses, steps, marks),
    ]


def _people(speakers: Mapping[str, Sequence[str]]) -> str:
    return " · ".join(f"{escape(part)}: {escape(', '.join(names))}" for part, names in speakers.items())


def _table(report: Mapping[str, Mapping[str, float]]) -> str:
    names = dict.fromkeys(name for measures in report.values() for name in measures)
    head = "<tr><th>measure" + "".join(f"<th class=n>{escape(what)}" for what in report) + "</tr>"
    rows = "".join(
        f"<tr><td>{escape(TITLES.get(name, name))}"
        + "".join(f"<td class=n>{svg.number(_number(measures.get(name)))}" for measures in report.values()) + "</tr>"
        for name in names
    )  # fmt: skip
    return f"<section><h2>At the end</h2><table>{head}{rows}</table></section>"


def _charts(title: str, lines: Sequence[Mapping[str, float]], steps: float, marks: Sequence[float]) -> str:
    """A chart for each measure. The thin line marks the best judgement."""
    names = list(dict.fromkeys(name for line in lines for name in line if name != "step"))
    if not names:
        return ""
    drawn = [
        svg.curves(TITLES.get(name, name.replace("_", " ")), "", [_line(name, lines, steps, k)], steps, 90, marks)
        for k, name in enumerate(names)
    ]
    return f"<section><h2>{escape(title)}</h2>{''.join(drawn)}{svg.time_axis(steps, 'steps')}</section>"


def _line(name: str, lines: Sequence[Mapping[str, float]], steps: float, index: int) -> svg.Line:
    """A measure on a thousandth's grid of the run, each value held until the next."""
    grid = np.linspace(0, steps, min(1000, max(2, int(steps) + 1)))
    at = np.array([line["step"] for line in lines])
    values = np.array([_number(line.get(name)) for line in lines])
    held = np.searchsorted(at, grid, side="right") - 1
    curve = np.where(held >= 0, values[np.maximum(held, 0)], np.nan)
    return svg.Line("", curve, (len(grid) - 1) / steps, (OWN, TRUTH)[index % 2])


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _plain(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
