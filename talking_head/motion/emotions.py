"""Emotions of a target that speaks through Karras 2017: found, looked at, named, kept."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from face_model import mp478
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from foundation.files import atomic_path
from foundation.progress import track
from motion_models.emote.emotions import KINDS
from motion_models.karras2017 import Karras2017
from motion_models.karras2017.emotions import NEUTRAL
from motion_models.karras2017.mining import Candidate, held, mine, named_mm, probe_speech, silence
from motion_models.lips import lip_gap_mm
from render2video.painter import Painter, load_painter
from talking_head.motion.speaking import model_file
from talking_head.target.card import Target, find_target, motion_file
from talking_head.target.home import Home

CANDIDATES = 8
SPOKEN_FACES = 4  # of each emotion on the page, beside one in silence
PICTURE_PX, JPEG_QUALITY = 180, 85
MARGIN = 0.1  # around the face, as a share of its size
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em; color: #1f2937;
  overflow-wrap: anywhere }
h1 { font-size: 1.4em } table { border-collapse: collapse; width: 100%; table-layout: fixed }
td, th { padding: .3em; text-align: left; vertical-align: top } th { font-weight: 600 }
col.name { width: 12% } td.n { font-variant-numeric: tabular-nums; padding-bottom: 1em; color: #4b5563 }
img { display: block; width: 100%; height: auto } code { background: #f3f4f6; padding: .1em .3em }
"""


@dataclass(frozen=True)
class MinedEmotions:
    """Candidates, names kept so far, and the page that shows them."""

    candidates: list[Candidate]
    kept: tuple[str, ...]
    page: Path


def mine_emotions(
    target: str, page: Path | str, *, count: int = CANDIDATES, home: Path | str | None = None, device: str = "cpu"
) -> MinedEmotions:
    """Look for emotions in what a target's Karras 2017 learned, and write a page of faces that feel them.

    Raises:
        InputError: no such target, one without that model, or without an emotion worth showing.
    """
    if count < 1:
        raise InputError(f"{count} emotions", "at least one")
    person = find_target(Home.find(home), target)
    model = _model(person, device)
    candidates = mine(model, mp478.load(), count)
    named = model.parts.emotions.named
    rows = [_Row(NEUTRAL, model.parts.emotions.neutral, "what it feels unless told otherwise")]
    rows += [_Row(str(one.index), one.vector, _measured(one)) for one in candidates]
    rows += [_Row(name, vector, "kept") for name, vector in named.items()]
    _write_page(Path(page), person, model, rows)
    return MinedEmotions(candidates, tuple(named), Path(page))


@dataclass(frozen=True)
class KnownEmotions:
    """Emotions that a target can be asked for. karras2017: name -> distance of its mean face from neutral in mm; those
    that were kept, and those of the general weights. emote: names.
    """

    karras2017: dict[str, float]
    emote: tuple[str, ...]


def list_emotions(target: str, *, home: Path | str | None = None) -> KnownEmotions:
    """The emotions that a target knows by name.

    Raises:
        InputError: no such target.
    """
    model = _model(find_target(Home.find(home), target), "cpu")
    return KnownEmotions(named_mm(model), KINDS)


def keep_emotions(
    target: str, names: Mapping[int, str], *, home: Path | str | None = None
) -> tuple[str, ...]:
    """Give names to candidates by their number on the page; returns all names that the target knows. One that speaks
    through the general weights gets its own copy of them.

    Raises:
        InputError: a built-in target, no such number, or a name that cannot be.
    """
    place = Home.find(home)
    person = find_target(place, target)
    if person.built_in:
        raise InputError(f"target '{target}' is built in", "a target of your own", "enroll a video of a person")
    if not names:
        raise InputError("nothing to keep", "INDEX=NAME, such as 1=amused")
    with place.lock(person.id):
        model = _model(person, "cpu")
        found = {one.index: one.vector for one in mine(model, mp478.load(), max(max(names), 1))}
        absent = [index for index in names if index not in found]
        if absent:
            raise InputError(f"emotion {absent[0]}", f"1 to {len(found)}, as on the page")
        emotions = model.parts.emotions.with_names({name: found[index] for index, name in names.items()})
        model.with_emotions(emotions).save(person.folder / motion_file(Karras2017.id))
    return tuple(emotions.named)


def _model(person: Target, device: str) -> Karras2017:
    return Karras2017.load(model_file(person, Karras2017.id), device)


def _measured(one: Candidate) -> str:
    stronger = "" if one.strength == 1 else f", here {one.strength:g} times as strong"
    return (
        f"felt at {one.time_s:.1f} s of clip {one.clip + 1}{stronger}; {one.distance_mm:.1f} mm from neutral; lips "
        f"follow the neutral ones at {one.gap_correlation:.2f}, {one.gap_ratio:.2f} as far"
    )


@dataclass(frozen=True)
class _Row:
    title: str
    vector: np.ndarray
    text: str


def _moments(model: Karras2017) -> list[int]:
    """Frames of the probe to show: from closed lips to the widest open, of the neutral emotion."""
    gap = lip_gap_mm(mp478.load(), model.synthesize(probe_speech(model)).expression)
    order = np.argsort(gap)
    return [int(order[round(share * (len(order) - 1))]) for share in np.linspace(0.35, 0.98, SPOKEN_FACES)]


def _faces(model: Karras2017, vector: np.ndarray, moments: Sequence[int]) -> FaceMotion:
    """One face in silence and one for each moment of speech, the head at rest."""
    felt = held(model, vector)
    quiet = felt.synthesize(silence(model, 1.0))
    spoken = felt.synthesize(probe_speech(model))
    packed = np.concatenate([quiet.pack()[15:16], spoken.pack()[list(moments)]])
    return FaceMotion.unpack(packed, spoken.fps, spoken.face_model)


def _write_page(path: Path, person: Target, model: Karras2017, rows: Sequence[_Row]) -> None:
    painter = load_painter(person.folder, mp478.load())
    moments, lines = _moments(model), []
    for row in track(rows, "Painting emotions"):
        motion = _faces(model, row.vector, moments)
        window = _window(painter, motion)
        pictures = "".join(f"<td>{_picture(painted[window])}</td>" for painted in painter.frames(motion))
        title, text = html.escape(row.title), html.escape(row.text)
        lines.append(f'<tr><th>{title}</th>{pictures}</tr>')
        lines.append(f'<tr><td></td><td class="n" colspan="{1 + SPOKEN_FACES}">{text}</td></tr>')
    heads = "".join(f"<th>{name}</th>" for name in ("", "silence", *["the same speech"] * SPOKEN_FACES))
    name = html.escape(person.id)
    page = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{name}: emotions</title>'
        f"<style>{STYLE}</style></head><body><h1>Emotions found in {name}</h1><p>Keep those that are worth a name: "
        f"<code>talking-head emotions keep {name} 1=amused 3=stern</code>, and speak with "
        f"<code>--motion {Karras2017.id} --emotion amused:0.7</code>.</p>"
        f'<table><col class="name"><tr>{heads}</tr>{"".join(lines)}</table></body></html>\n'
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _window(painter: Painter, motion: FaceMotion) -> tuple[slice, slice]:
    """Rows and columns of a painted frame around the face, square where the frame is large enough."""
    points = painter.face_px(motion)[0]
    low, high = points.min(0), points.max(0)
    reach = (1 + MARGIN) * float((high - low).max()) / 2
    x, y = (low + high) / 2
    return (
        slice(max(0, round(float(y) - reach)), round(float(y) + reach)),
        slice(max(0, round(float(x) - reach)), round(float(x) + reach)),
    )


def _picture(face_rgb: np.ndarray) -> str:
    """A JPEG inside the page."""
    small = cv2.resize(face_rgb, (PICTURE_PX, PICTURE_PX), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode("ascii")}">'
