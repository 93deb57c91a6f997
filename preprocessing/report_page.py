"""The quality report as one HTML file that needs nothing beside it: inline SVG curves and a JPEG contact sheet."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from foundation.files import atomic_path
from preprocessing.report import ClipQuality, ClipReport
from preprocessing.sync import lip_opening

WIDTH_PX, HEIGHT_PX, MARGIN_PX = 960, 110, 46
MOST_POINTS = 1500  # of a curve: more than the page has pixels
COLOURS = ("#2563eb", "#d97706", "#059669")
SHEET_COLUMNS, JPEG_QUALITY = 4, 80
SERIOUS = ' class="serious"'
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 980px; margin: 2em auto; padding: 0 1em; color: #1f2937 }
h1 { font-size: 1.4em } h2 { font-size: 1.05em; margin: 1.6em 0 .3em } table { border-collapse: collapse }
td { padding: .15em 1.2em .15em 0 } td + td { font-variant-numeric: tabular-nums }
li.serious { color: #b91c1c; font-weight: 600 } img, svg { max-width: 100%; height: auto } text { font-size: 11px }
"""


def svg_curves(
    curves: Sequence[tuple[str, np.ndarray]], duration_s: float, bad: np.ndarray | None = None
) -> str:
    """Curves over time as inline SVG, on one scale; stretches where `bad` `[T]` is true are shaded."""
    finite = np.concatenate([np.asarray(values, np.float64) for _, values in curves])
    low, high = float(finite.min()), float(finite.max())
    high = high if high > low else low + 1.0
    inner_x, inner_y = WIDTH_PX - 2 * MARGIN_PX, HEIGHT_PX - 32
    parts = [f'<svg viewBox="0 0 {WIDTH_PX} {HEIGHT_PX}" xmlns="http://www.w3.org/2000/svg" role="img">']
    parts.append(f'<rect x="{MARGIN_PX}" y="4" width="{inner_x}" height="{inner_y}" fill="#f3f4f6"/>')
    for start, end in _runs(bad):
        x, width = MARGIN_PX + inner_x * start / len(bad), inner_x * (end - start) / len(bad)  # type: ignore[arg-type]
        parts.append(f'<rect x="{x:.1f}" y="4" width="{width:.1f}" height="{inner_y}" fill="#fecaca"/>')
    for (name, values), colour in zip(curves, COLOURS, strict=False):
        kept = np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).round().astype(int)
        xs = MARGIN_PX + inner_x * (kept + 0.5) / len(values)
        ys = 4 + inner_y * (1 - (np.asarray(values, np.float64)[kept] - low) / (high - low))
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}"><title>{html.escape(name)}</title></polyline>'
        )
    parts.append(f'<text x="{MARGIN_PX - 4}" y="13" text-anchor="end">{high:.3g}</text>')
    parts.append(f'<text x="{MARGIN_PX - 4}" y="{4 + inner_y}" text-anchor="end">{low:.3g}</text>')
    for step in range(5):
        anchor = ("start", "middle", "middle", "middle", "end")[step]
        x, time_s = MARGIN_PX + inner_x * step / 4, duration_s * step / 4
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT_PX - 12}" text-anchor="{anchor}">{time_s:.1f} s</text>')
    return "".join(parts) + "</svg>"


def _runs(flags: np.ndarray | None) -> list[tuple[int, int]]:
    """Start and end of each stretch of true flags."""
    if flags is None:
        return []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def contact_sheet(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Frames `[h, w, 3]` of one size in rows of four."""
    blank = np.full_like(frames[0], 255)
    padded = [*frames, *[blank] * (-len(frames) % SHEET_COLUMNS)]
    rows = [np.concatenate(padded[i : i + SHEET_COLUMNS], axis=1) for i in range(0, len(padded), SHEET_COLUMNS)]
    return np.concatenate(rows)


def _jpeg_tag(picture: np.ndarray) -> str:
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    text = base64.b64encode(data.tobytes()).decode("ascii")
    return f'<img alt="frames spread over the clip, with landmarks" src="data:image/jpeg;base64,{text}">'


def _table(q: ClipQuality) -> str:
    pitch, yaw, roll = q.turn_degrees
    offset = f"{1000 * q.sound_offset_s:+.0f} ms (confidence {q.sound_offset_confidence:.2f}; + is late)"
    rows = [
        ("Picture", f"{q.width_px} x {q.height_px}, {q.fps:.4g} frames a second"),
        ("Length", f"{q.duration_s:.1f} s, {q.frames} frames"),
        ("Frames without the face", f"{100 * q.lost_share:.1f}%"),
        ("Frames with several faces", f"{100 * q.several_share:.1f}%"),
        ("Face size", f"{q.face_size_px:.0f} px"),
        ("Sharpness", f"{q.sharpness:.3f}"),
        ("Sound offset", offset if q.has_sound else "no sound"),
        ("Silence", f"{100 * q.silence_share:.0f}%"),
        ("Blinks", f"{q.blinks} ({q.blinks_a_minute:.0f} a minute)"),
        ("Head moves by", f"{pitch:.0f} (pitch), {yaw:.0f} (yaw), {roll:.0f} (roll) degrees"),
    ]
    return "<table>" + "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows) + "</table>"


def report_html(report: ClipReport) -> str:
    """The page."""
    q, track = report.quality, report.track
    lost, length_s = ~track.valid, track.duration_s
    marks = "".join(
        f"<li{SERIOUS if v.serious else ''}>{html.escape(f'{v.topic}: {v.text}')}</li>" for v in q.verdicts
    )
    verdict = f"<ul>{marks}</ul>" if marks else "<p>Nothing to record again.</p>"
    pose = [(name, report.degrees[:, k]) for k, name in enumerate(("pitch", "yaw", "roll"))]
    charts = [("Lip opening, share of the eye distance", [("lips", lip_opening(track.landmarks_px))], lost)]
    if report.loudness_db is not None:
        charts.append(("Loudness, dBFS", [("loudness", report.loudness_db)], None))  # type: ignore[arg-type]
    charts.append(("Blink (AU45, 0 open to 5 closed)", [("AU45", report.blink)], lost))
    charts.append(("Head: pitch (blue), yaw (orange), roll (green), degrees", pose, lost))
    charts.append(("Confidence of the landmarks", [("confidence", track.confidence)], lost))
    drawn = "".join(f"<h2>{html.escape(title)}</h2>{svg_curves(c, length_s, bad)}" for title, c, bad in charts)
    name = html.escape(q.source)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{name}: clip quality</title>'
        f"<style>{STYLE}</style></head><body><h1>{name}</h1>{verdict}{_table(q)}"
        f"<h2>Frames (red: no face)</h2>{_jpeg_tag(contact_sheet(report.sheet))}{drawn}</body></html>\n"
    )


def write_report(report: ClipReport, path: Path | str) -> None:
    """Write the page, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(report_html(report), encoding="utf-8", errors="backslashreplace")
