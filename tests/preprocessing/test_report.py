"""The quality report: right numbers, the right complaints, and a page that stands alone."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from face_model.tracks import Sound
from preprocessing.report import ClipReport, face_sharpness, head_degrees, inspect_clip, silence_share
from preprocessing.report_page import report_html, svg_curves, write_report
from preprocessing.sync import NOTHING
from preprocessing.tracking import LandmarkTrack
from tests.preprocessing.conftest import REFERENCE
from tests.preprocessing.making import beep, grey, write_media

VOID = {"meta", "img", "br"}


class Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None: ...

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report(reference_track: LandmarkTrack, data_dir: Path) -> ClipReport:
    return inspect_clip(data_dir / REFERENCE, reference_track)


def test_numbers_of_the_reference_video(report: ClipReport) -> None:
    q = report.quality
    assert (q.frames, q.fps, q.width_px, q.lost_share, q.several_share) == (500, 25, 450, 0, 0)
    assert q.face_size_px == pytest.approx(231, abs=10) and 8 <= q.blinks <= 12 and q.sharpness > 0.1
    assert 0.2 < q.sound_offset_s < 0.26 and 0.02 < q.silence_share < 0.4
    assert all(2 < degrees < 40 for degrees in q.turn_degrees)
    assert [v.topic for v in q.verdicts] == ["length", "sync"] and not any(v.serious for v in q.verdicts)
    assert "ms late" in q.verdicts[1].text


def test_head_angles_follow_the_conventions(film_track: LandmarkTrack) -> None:
    points = film_track.landmarks_px[:20].astype(np.float64)
    before = head_degrees(points)
    angle = np.radians(10)
    cos, sin = np.cos(angle), np.sin(angle)
    up = points * (1, -1, 1)
    turns = {
        0: np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]),
        1: np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]),
        2: np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]),
    }
    for axis, matrix in turns.items():
        moved = head_degrees((up @ matrix.T) * (1, -1, 1)) - before
        assert moved[:, axis] == pytest.approx(np.full(20, 10.0), abs=1.5)


def test_every_fault_is_named(film_track: LandmarkTrack, tmp_path: Path) -> None:
    track = film_track[:100]
    lost = np.arange(100) >= 70
    faulty = replace(
        track, valid=~lost, faces_seen=np.where(np.arange(100) < 30, 2, 1),
        landmarks_px=track.landmarks_px[:1].repeat(100, 0) / 5,
    )
    soft = [cv2.GaussianBlur(grey(90 + k % 3, 90, 90), (0, 0), 3) for k in range(100)]
    path = write_media(tmp_path / "bad.mp4", soft, sound=np.zeros(4 * 16_000), sound_codec="aac")
    quality = inspect_clip(path, faulty).quality
    topics = {v.topic: v for v in quality.verdicts}
    expected = {"length", "face", "faces", "size", "sharpness", "blinks", "pose", "silence", "sync"}
    assert set(topics) == expected
    assert topics["face"].serious and quality.lost_share == pytest.approx(0.3) and quality.verdicts[0].serious
    assert all(len(v.text) > 20 and "\n" not in v.text for v in quality.verdicts)
    mute = inspect_clip(write_media(tmp_path / "mute.mp4", soft), faulty, NOTHING).quality
    assert "sound" in {v.topic for v in mute.verdicts} and mute.silence_share == 1 and not mute.has_sound


def test_silence_and_sharpness() -> None:
    assert silence_share(Sound(beep(2, 0.5, length_s=1.0))) == pytest.approx(0.5, abs=0.03)
    assert silence_share(Sound(np.zeros(16_000, np.float32))) == 1 and silence_share(None) == 1
    picture = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    corners = np.array([[10, 10, 0], [190, 190, 0]], np.float32)
    values = [face_sharpness(cv2.GaussianBlur(picture, (0, 0), s), corners) for s in (0.5, 1, 2, 4)]
    assert values == sorted(values, reverse=True) and values[0] > 10 * values[2]


def test_page_stands_alone(film_track: LandmarkTrack, footage: Path, tmp_path: Path) -> None:
    report = inspect_clip(footage, film_track)
    named = replace(report, quality=replace(report.quality, source="<b>&.mp4"))
    write_report(named, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    parser = Balanced()
    parser.feed(page)
    assert parser.open == [] and all(link.startswith("data:") for link in parser.links)
    words = re.sub(r"base64,[^\"]+", "", page)  # a picture's letters may spell anything
    assert "&lt;b&gt;&amp;.mp4" in words and "<b>" not in words and "NaN" not in words and "nan" not in words
    charts = [ElementTree.fromstring(chart) for chart in re.findall(r"<svg.*?</svg>", page)]
    assert len(charts) == 5
    data = re.search(r"base64,([^\"]+)", page)
    assert data is not None
    sheet = cv2.imdecode(np.frombuffer(base64.b64decode(data[1]), np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape == (540, 720, 3) and len(page) < 500_000


def test_curves_are_drawn_to_scale() -> None:
    values = np.array([0.0, 10.0, 5.0, 5.0])
    chart = ElementTree.fromstring(svg_curves([("a", values)], 4.0, np.array([False, True, True, False])))
    line = next(e for e in chart if e.tag.endswith("polyline"))
    x, y = np.array([[float(v) for v in point.split(",")] for point in line.attrib["points"].split()]).T
    assert np.allclose(np.diff(x), np.diff(x)[0], atol=0.11) and y[1] < y[2] < y[0]
    assert y[2] == pytest.approx((y[0] + y[1]) / 2, abs=0.1)
    shaded = [e for e in chart if e.attrib.get("fill") == "#fecaca"]
    assert len(shaded) == 1 and float(shaded[0].attrib["width"]) == pytest.approx(np.diff(x)[0] * 2, abs=0.2)
    assert "polyline" in svg_curves([("flat", np.zeros(1))], 0.04)


def test_a_face_that_was_lost_is_shown(film_track: LandmarkTrack, footage: Path) -> None:
    track = film_track
    lost = replace(track, valid=np.arange(len(track)) < 40)
    page = report_html(inspect_clip(footage, lost, NOTHING))
    assert "#fecaca" in page and "<li class=\"serious\">" in page
