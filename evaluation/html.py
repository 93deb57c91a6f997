"""Self-contained pages for people: pictures first, then curves on the sound, then numbers. No script from elsewhere, no
network.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from evaluation import svg
from evaluation.clips import Clip, Pair
from evaluation.curves import runs
from evaluation.metrics import theval
from evaluation.metrics.head import angles_deg
from evaluation.mouth import lip_gap, lip_width
from evaluation.prosody import loudness, silences
from evaluation.report import Evaluation, Score
from face_model.tracks import Sound
from foundation.files import atomic_path

OWN, TRUTH, THIRD = "var(--own)", "var(--truth)", "var(--third)"
COLOURS = (OWN, THIRD, "var(--fourth)", "var(--fifth)", "var(--sixth)", "var(--seventh)")
_STRIP_FRAMES, _THUMB_PX, _DIFFERENCE_GAIN = 6, 200, 4
_SPECTROGRAM_PX = (1000, 110)
_THEVAL_NAMES = {
    "silent_lip_stability": "still in silence",
    "lip_sync": "lip sync",
    "lip_dynamics": "lip dynamics",
    "head_dynamics": "head dynamics",
    "brow_dynamics": "brow dynamics",
}


def write_evaluation(path: Path | str, evaluation: Evaluation, pair: Pair) -> None:
    """Write the page of one evaluation, whole or not at all."""
    sections = [
        _headline(evaluation),
        _strip_section(pair),
        _moments_section(evaluation, pair),
        _curves_section(evaluation, pair),
        _radar_section({evaluation.generated: evaluation}),
        _table_section(evaluation),
        _footer(evaluation),
    ]
    write_page(path, f"Evaluation of {evaluation.generated}", sections)


def write_comparison(path: Path | str, results: Mapping[str, Evaluation], pairs: Mapping[str, Pair]) -> None:
    """Write the page that shows systems side by side. pairs: the clips of some or all of the systems, for their
    pictures.
    """
    first = next(iter(results.values()))
    strips = [_one_strip(name, pair.clip) for name, pair in pairs.items() if name != "truth"]
    truths = [pair.reference for pair in pairs.values() if pair.reference is not None]
    strips += [_one_strip("truth", truth) for truth in truths[:1]]
    sections = [
        f"<header><h1>{len(results)} videos against {escape(first.reference or 'no reference')}</h1>"
        f"<p>{' · '.join(_sounds(results.values()))}</p></header>",
        f"<section><h2>Frames</h2>{''.join(strips)}</section>" if strips else "",
        _radar_section({name: e for name, e in results.items() if "scores" in e.theval}),
        _comparison_table(results),
        _footer(first),
    ]
    write_page(path, "Comparison", sections)


def _sounds(evaluations: Iterable[Evaluation]) -> list[str]:
    """A line about each film's sound."""
    told = {name: sound for evaluation in evaluations for name, sound in evaluation.sounds.items()}
    return [escape(sound.told(name)) for name, sound in told.items()]


def _headline(evaluation: Evaluation) -> str:
    against = f" against {escape(evaluation.reference)}" if evaluation.reference else ""
    facts = [
        f"{evaluation.duration_s:.1f} s",
        f"{evaluation.frames} frames at {svg.number(evaluation.fps)} fps",
        f"a face in {100 * evaluation.faces_found:.0f}% of them",
    ]
    if evaluation.reference:
        facts.append("the head follows the reference" if evaluation.follows else "the head moves freely")
    facts += _sounds([evaluation])
    overall = evaluation.theval.get("scores", {}).get("overall", float("nan"))
    badge = (
        f'<div class="badge"><b>{svg.number(overall)}</b><span>THEval, geometric</span></div>'
        if np.isfinite(overall)
        else ""
    )
    return f"<header>{badge}<h1>{escape(evaluation.generated)}{against}</h1><p>{' · '.join(facts)}</p></header>"


def _strip_section(pair: Pair) -> str:
    what = "Generated, truth, and their difference (four times enlarged)" if pair.reference is not None else "Frames"
    return (
        f"<section><h2>Side by side</h2><p class=note>{what}.</p>{_strip(pair)}</section>" if pair.clip.frames else ""
    )


def _strip(pair: Pair) -> str:
    indices = np.linspace(0, len(pair.clip) - 1, min(_STRIP_FRAMES, len(pair.clip))).round().astype(int).tolist()
    return _frame_columns(pair, indices, [f"{k / pair.clip.fps:.2f} s" for k in indices])


def _one_strip(name: str, clip: Clip) -> str:
    return f"<h3>{escape(name)}</h3>{_strip(Pair(clip))}"


def _moments_section(evaluation: Evaluation, pair: Pair) -> str:
    if not pair.clip.frames or not evaluation.moments:
        return ""
    captions = [f"{m.time_s:.2f} s: {escape(m.reason)}" for m in evaluation.moments]
    columns = _frame_columns(pair, [m.frame for m in evaluation.moments], captions)
    return f"<section><h2>Worst moments first</h2>{columns}</section>"


def _frame_columns(pair: Pair, indices: Sequence[int], captions: Sequence[str]) -> str:
    """A column for each frame: generated, truth and difference, cut to the head."""
    own = _pick(pair.clip, indices)
    truth = _pick(pair.reference, indices) if pair.reference is not None else {}
    columns = []
    for index, caption in zip(indices, captions, strict=True):
        if index not in own:
            continue
        pictures = [own[index]]
        if index in truth:
            pictures.append(cv2.resize(truth[index], own[index].shape[1::-1], interpolation=cv2.INTER_AREA))
            gap = np.abs(pictures[0].astype(np.int16) - pictures[1]) * _DIFFERENCE_GAIN
            pictures.append(np.clip(gap, 0, 255).astype(np.uint8))
        images = "".join(_image(picture, caption) for picture in pictures)
        columns.append(f"<figure>{images}<figcaption>{caption}</figcaption></figure>")
    return f'<div class="strip">{"".join(columns)}</div>'


def _pick(clip: Clip, indices: Iterable[int]) -> dict[int, np.ndarray]:
    wanted, found = set(indices), {}
    if clip.frames is None:
        return {}
    for k, frame in enumerate(clip.frames()):
        if k in wanted:
            zoom = _THUMB_PX / max(frame.shape[:2])
            found[k] = cv2.resize(frame, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA) if zoom < 1 else frame
        if k >= max(wanted):
            break
    return found


def _curves_section(evaluation: Evaluation, pair: Pair) -> str:
    clip, duration_s = pair.clip, pair.clip.duration_s
    marks = [m.time_s for m in evaluation.moments]
    quiet = _silent_stretches(clip)

    def chart(title: str, unit: str, measure, height: int = 120) -> str:  # type: ignore[no-untyped-def]
        lines = [svg.Line("generated", measure(clip), clip.fps, OWN)]
        if pair.reference is not None:
            lines.insert(0, svg.Line("truth", measure(pair.reference), pair.reference.fps, TRUTH))
        if pair.driving is not None:
            lines.append(svg.Line("driving", measure(pair.driving), pair.driving.fps, THIRD, dashed=True))
        return svg.curves(title, unit, lines, duration_s, height, marks, quiet)

    charts = [
        chart("Lip gap", "eye distances", lambda c: _seen(c, lip_gap(c.head))),
        chart("Lip width", "eye distances", lambda c: _seen(c, lip_width(c.head)), 90),
        *(
            chart(name, "degrees", lambda c, k=k: angles_deg(c.head)[:, k], 90)
            for k, name in enumerate(("Pitch", "Yaw", "Roll"))
        ),
        chart("Blink (AU45)", "0-5", lambda c: _seen(c, c.blink), 80),
    ]
    if clip.sound is not None:
        level = loudness(clip.sound, clip.fps, len(clip))
        charts.append(
            svg.curves("Loudness", "RMS", [svg.Line("", level, clip.fps, "var(--ink)")], duration_s, 70, marks, quiet)
        )
        charts.append(_spectrogram_figure(clip.sound, duration_s))
    charts.append(svg.time_axis(duration_s))
    note = "Grey: silence of 0.3 s and more. Thin lines: the worst moments."
    stack = f'<div class="stack">{"".join(charts)}</div>'
    return f'<section><h2>Motion against sound</h2><p class="note">{note}</p>{stack}</section>'


def _seen(clip: Clip, curve: np.ndarray) -> np.ndarray:
    return np.where(clip.valid, curve, np.nan)


def _silent_stretches(clip: Clip) -> list[tuple[float, float]]:
    if clip.sound is None:
        return []
    return [(r.start / clip.fps, r.stop / clip.fps) for r in runs(silences(clip.sound, clip.fps, len(clip)))]


def _spectrogram_figure(sound: Sound, duration_s: float) -> str:
    """The spectrogram to 8 kHz, on the same time scale as the charts above it."""
    left, right = (100 * part / svg.WIDTH for part in (svg.LEFT, svg.RIGHT))
    image = _image(spectrogram(sound, duration_s), "spectrogram", "png")
    return f'<div class="spectrogram" style="padding:0 {right:.2f}% 0 {left:.2f}%">{image}</div>'


def spectrogram(sound: Sound, duration_s: float) -> np.ndarray:
    """`[H, W, 3]`: log power over time (`duration_s` wide) and frequency (up to 8 kHz, low below), dark for quiet."""
    width, height = _SPECTROGRAM_PX
    size = 512
    samples = np.zeros(round(duration_s * sound.rate_hz) + size, np.float32)
    used = min(len(sound.samples), len(samples))
    samples[:used] = sound.samples[:used]
    starts = np.linspace(0, len(samples) - size, width).astype(int)
    windows = samples[starts[:, None] + np.arange(size)] * np.hanning(size)
    top = max(2, round(size * min(8000, sound.rate_hz / 2) / sound.rate_hz))
    level = 20 * np.log10(np.abs(np.fft.rfft(windows, axis=1))[:, :top].T[::-1] + 1e-4)
    loud = np.percentile(level, 99.5)
    grey = np.clip((level - loud + 60) / 60 * 255, 0, 255).astype(np.uint8)
    picture = cv2.applyColorMap(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), cv2.COLORMAP_MAGMA)
    return picture[..., ::-1]


def _radar_section(results: Mapping[str, Evaluation]) -> str:
    scored = {name: e for name, e in results.items() if "scores" in e.theval}
    if not scored:
        return ""
    axes = list(_THEVAL_NAMES.values())
    systems = {name: [e.theval["scores"][m] for m in theval.MEASURES] for name, e in scored.items()}
    legend = "".join(
        f'<li><i style="background:{c}"></i>{escape(n)}</li>' for n, c in zip(systems, COLOURS, strict=False)
    )
    note = "1 is the truth's own value; 1 − |model − truth| / truth, from landmarks."
    why = "".join(
        f"<li>{escape(name)}, {escape(_THEVAL_NAMES[measure])}: {escape(reason)}</li>"
        for name, e in scored.items() for measure, reason in e.reasons.items()
    )  # fmt: skip
    why = f"<p>Under {theval.REASON_BELOW:g}, because</p><ul>{why}</ul>" if why else ""
    return (
        f'<section><h2>THEval</h2><p class="note">{note}</p><div class="radar-row">{svg.radar(axes, systems, COLOURS)}'
        f'<ul class="legend">{legend}</ul></div>{why}</section>'
    )


def _table_section(evaluation: Evaluation) -> str:
    rows = "".join(_row(score) for score in evaluation.scores)
    head = "<tr><th>metric<th class=n>value<th class=n>truth<th>goal<th>closeness</tr>"
    return f"<section><h2>All numbers</h2><table>{head}{rows}</table></section>"


_GOALS = {"higher": "higher", "lower": "lower", "truth": "as the truth", "one": "1", "zero": "0"}


def _row(score: Score) -> str:
    bar = ""
    if np.isfinite(score.closeness):
        bar = f'<div class="bar"><i style="width:{100 * score.closeness:.0f}%"></i></div>'
    unit = f' <span class="unit">{escape(score.unit)}</span>' if score.unit else ""
    return (
        f"<tr><td>{escape(score.title)}{unit}<td class=n>{svg.number(score.value)}<td class=n>{svg.number(score.truth)}"
        f"<td>{_GOALS[score.better]}<td>{bar}</tr>"
    )


def _comparison_table(results: Mapping[str, Evaluation]) -> str:
    names = dict.fromkeys(score.name for e in results.values() for score in e.scores)
    head = "<tr><th>metric<th>goal" + "".join(f"<th class=n>{escape(name)}" for name in results) + "</tr>"
    rows = []
    for name in names:
        found = {system: next((s for s in e.scores if s.name == name), None) for system, e in results.items()}
        best = _best({k: s for k, s in found.items() if s is not None and k != "truth"})
        known = next(s for s in found.values() if s is not None)
        cells = "".join(
            f'<td class="n{" best" if system == best else ""}">{svg.number(s.value) if s else "–"}'
            for system, s in found.items()
        )
        unit = f' <span class="unit">{escape(known.unit)}</span>' if known.unit else ""
        rows.append(f"<tr><td>{escape(known.title)}{unit}<td>{_GOALS[known.better]}{cells}</tr>")
    return f"<section><h2>All numbers</h2><table>{head}{''.join(rows)}</table></section>"


def _best(scores: Mapping[str, Score]) -> str | None:
    """The one system that does best on a metric, when more than one was measured."""
    from evaluation.network_registry import METRICS

    ranked = {k: METRICS[s.name].goodness(s.value, s.truth) for k, s in scores.items() if np.isfinite(s.value)}
    ranked = {k: v for k, v in ranked.items() if np.isfinite(v)}
    first = [k for k, value in ranked.items() if value == max(ranked.values())]
    return first[0] if len(ranked) > 1 and len(first) == 1 else None


def _footer(evaluation: Evaluation) -> str:
    told = " · ".join(f"{escape(k)} {escape(v)}" for k, v in evaluation.versions.items())
    return f"<footer>{told}</footer>"


def _image(picture: np.ndarray, alt: str, kind: str = "jpg") -> str:
    data = cv2.imencode(f".{kind}", np.ascontiguousarray(picture[..., ::-1]))[1]
    mime = {"jpg": "jpeg"}.get(kind, kind)
    return f'<img alt="{escape(alt)}" src="data:image/{mime};base64,{base64.b64encode(data.tobytes()).decode()}">'


def write_page(path: Path | str, title: str, sections: Sequence[str]) -> None:
    """Write a page of sections of HTML, whole or not at all."""
    style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{style}</style></head><body><main>{''.join(sections)}</main></body></html>"
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")
