"""A small corpus of people, with a bad clip and one of nobody in it, prepared once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from preprocessing.media import probe, read_sound
from talking_head.datasets.gate import Gate
from talking_head.datasets.prepare import PreparedData, PrepareSettings, prepare
from talking_head.datasets.workers import Place
from tests.footage import another
from tests.preprocessing.making import write_media
from tests.talking_head.media import nobody, person, voice

SETTINGS = PrepareSettings(gate=Gate(shortest_s=0.5, offset_confidence=0.0), shards=4)
STARTS_S = {"anna/1.mp4": 0.3, "anna/2.mp4": 1.6, "ben/1.mp4": 2.9}  # of pieces of one film; Ben is somebody else
SECONDS = 1.2


def write_clip(footage: Path, name: str, path: Path, start_s: float | None = None) -> None:
    """A piece of the film as the clip of that name. start_s: None for the clip's own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fps, start_s = probe(footage).fps, STARTS_S[name] if start_s is None else start_s
    frames = person(footage, round(SECONDS * fps), round(start_s * fps))
    frames = [another(frame) for frame in frames] if name.startswith("ben") else frames
    small = [cv2.resize(frame, (360, 360), interpolation=cv2.INTER_AREA) for frame in frames]
    sound = read_sound(footage).samples[round(start_s * 16_000) :][: round(SECONDS * 16_000)]
    write_media(path, small, fps=fps, sound=sound)


@pytest.fixture(scope="module")
def corpus(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name in STARTS_S:
        write_clip(footage, name, folder / name)
    (folder / "ben" / "bad.mp4").write_text("not a video")
    write_media(folder / "ben" / "nobody.mp4", nobody(20), sound=voice(0.8))
    return folder


@pytest.fixture(scope="module")
def prepared(corpus: Path, landmarker: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PreparedData]:
    yield prepare(corpus, tmp_path_factory.mktemp("prepared"), SETTINGS, Place(1))
