"""Charts as inline SVG: curves over time and a radar. Colours are CSS variables, so that the page decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, LEFT, RIGHT = 1000, 64, 8  # view-box units; the picture scales with the page
_MOST_POINTS = 1200
_NOTHING = 1e-6  # rounding, not a measurement
_RADAR_MARGIN = 50  # for words beside it


@dataclass(frozen=True)
class Line:
    """One curve of a chart. values: `[T]`, NaN breaks the line. colour: a CSS colour."""

    label: str
    values: np.ndarray
    fps: float
    colour: str
    dashed: bool = False


def curves(
    title: str,
    unit: str,
    lines: Sequence[Line],
    duration_s: float,
    height: int = 130,
    marks_s: Sequence[float] = (),
    shaded: Sequence[tuple[float, float]] = (),
) -> str:
    """A chart of curves over the clip's time. marks_s: moments drawn as thin lines. shaded: silences, drawn grey."""
    low, high = _range([line.values for line in lines])
    top, bottom = 22, height - 6

    def x(time_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * time_s / max(duration_s, 1e-9)

    def y(value: float) -> float:
        return bottom - (bottom - top) * (value - low) / (high - low)

    parts = [f'<text class="title" x="{LEFT}" y="13">{escape(title)}<tspan class="unit"> {escape(unit)}</tspan></text>']
    parts += [
        f'<rect class="quiet" x="{x(a):.1f}" y="{top}" width="{x(b) - x(a):.1f}" height="{bottom - top}"/>'
        for a, b in shaded
    ]
    for value in (low, (low + high) / 2, high):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{number(value)}</text>'
        )
    parts += [f'<line class="mark" x1="{x(m):.1f}" x2="{x(m):.1f}" y1="{top}" y2="{bottom}"/>' for m in marks_s]
    for line in lines:
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        for points in _pieces(line, x, y):
            parts.append(f'<polyline points="{points}" style="stroke:{line.colour}"{dash}/>')
    parts.append(_legend([(line.label, line.colour) for line in lines if line.label]))
    return _picture("chart", (0, WIDTH, height), title, parts)


def time_axis(duration_s: float, unit: str = "s") -> str:
    """The seconds, or whatever the unit is, below a column of charts."""
    known = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
    step = next((s for s in known if duration_s / s <= 12), max(3600, 10 ** np.ceil(np.log10(duration_s / 12))))
    marks = []
    for time_s in np.arange(0, duration_s + 1e-9, step):
        at = LEFT + (WIDTH - LEFT - RIGHT) * time_s / max(duration_s, 1e-9)
        anchor = "middle" if at < WIDTH - 3 * RIGHT else "end"
        marks.append(f'<text class="tick" x="{at:.1f}" y="13" text-anchor="{anchor}">{number(time_s)} {unit}</text>')
    return _picture("chart", (0, WIDTH, 18), unit, marks)


def radar(axes: Sequence[str], systems: Mapping[str, Sequence[float]], colours: Sequence[str], size: int = 320) -> str:
    """A radar of scores 0-1, one polygon a system; an axis that was not measured (NaN) is drawn at 0 and named so."""
    middle, radius = size / 2, size * 0.36
    angles = np.arange(len(axes)) * 2 * np.pi / len(axes) - np.pi / 2

    def point(angle: float, share: float) -> str:
        return f"{middle + radius * share * np.cos(angle):.1f},{middle + radius * share * np.sin(angle):.1f}"

    parts = []
    for ring in (0.25, 0.5, 0.75, 1.0):
        parts.append(f'<polygon class="ring" points="{" ".join(point(a, ring) for a in angles)}"/>')
    for k, (axis, angle) in enumerate(zip(axes, angles, strict=True)):
        anchor = "middle" if abs(np.cos(angle)) < 0.2 else ("start" if np.cos(angle) > 0 else "end")
        across, down = point(angle, 1.14).split(",")
        values = [scores[k] for scores in systems.values()]
        told = "not measured" if not np.isfinite(values).any() else _told(values)
        end_x, end_y = point(angle, 1).split(",")
        parts.append(f'<line class="grid" x1="{middle}" y1="{middle}" x2="{end_x}" y2="{end_y}"/>')
        parts.append(
            f'<text class="axis" x="{across}" y="{down}" text-anchor="{anchor}">{escape(axis)}'
            f'<tspan class="unit" x="{across}" dy="14">{told}</tspan></text>'
        )
    for (_, scores), colour in zip(systems.items(), colours, strict=False):
        shape = " ".join(point(a, s if np.isfinite(s) else 0.0) for a, s in zip(angles, scores, strict=True))
        parts.append(f'<polygon class="score" points="{shape}" style="stroke:{colour};fill:{colour}"/>')
    return _picture("radar", (-_RADAR_MARGIN, size + 2 * _RADAR_MARGIN, size), "radar of scores", parts)


def _told(values: Sequence[float]) -> str:
    """The numbers themselves where there is room for them; the table has them anyway."""
    return " / ".join(number(value) for value in values) if len(values) <= 2 else ""


def number(value: float) -> str:
    """A number for people: three significant digits, no noise."""
    if not np.isfinite(value):
        return "–"
    if abs(value) < _NOTHING:
        return "0"
    return (f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}").replace("-", "−")


def _picture(kind: str, box: tuple[float, float, float], label: str, parts: Sequence[str]) -> str:
    """An SVG of class `kind`; box: left edge, width and height in its own units."""
    left, width, height = box
    head = f'<svg class="{kind}" viewBox="{left} 0 {width} {height}" role="img" aria-label="{escape(label)}">'
    return f"{head}{''.join(parts)}</svg>"


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    spans = "".join(
        f'<tspan style="fill:{colour}">\u2003● </tspan><tspan>{escape(label)}</tspan>' for label, colour in entries
    )
    return f'<text class="legend" x="{WIDTH - RIGHT}" y="13" text-anchor="end">{spans}</text>'


def _range(values: Sequence[np.ndarray]) -> tuple[float, float]:
    finite = np.concatenate([v[np.isfinite(v)] for v in values] or [np.zeros(0)])
    if len(finite) == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)


def _pieces(line: Line, x, y) -> list[str]:  # type: ignore[no-untyped-def]
    """Point lists of the unbroken stretches, thinned by extremes so that no peak is lost."""
    values, times = _thin(line.values, line.fps)
    pieces, current = [], []
    for time_s, value in zip(times, values, strict=True):
        if np.isfinite(value):
            current.append(f"{x(time_s):.1f},{y(value):.1f}")
        elif current:
            pieces.append(" ".join(current))
            current = []
    return [*pieces, " ".join(current)] if current else pieces


def _thin(values: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    times = np.arange(len(values)) / fps
    if len(values) <= _MOST_POINTS:
        return values, times
    kept = []
    for part in np.array_split(np.arange(len(values)), _MOST_POINTS // 2):
        finite = part[np.isfinite(values[part])]
        kept += (
            sorted({finite[np.argmin(values[finite])], finite[np.argmax(values[finite])]}) if len(finite) else [part[0]]
        )
    index = np.array(kept)
    return values[index], times[index]
