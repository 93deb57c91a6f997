"""A small corpus of real people, with a bad clip and one of nobody in it, prepared once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from preprocessing.media import probe, read_sound
from talking_head.datasets.gate import Gate
from talking_head.datasets.prepare import Prepared, PrepareSettings, prepare
from talking_head.datasets.workers import Place
from tests.preprocessing.making import write_media
from tests.talking_head.media import nobody, person, voice

SETTINGS = PrepareSettings(gate=Gate(shortest_s=0.5, offset_confidence=0.0), shards=4)
GRID = {"anna/1.mp4": "grid/bbaf2n.mpg", "anna/2.mp4": "grid/brbk7n.mpg", "ben/1.mp4": "grid/lbax4n.mpg"}
SECONDS = 1.2


def write_clip(data_dir: Path, source: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fps = probe(data_dir / source).fps
    frames = person(data_dir, round(SECONDS * fps), round(0.8 * fps), source)
    sound = read_sound(data_dir / source).samples[round(0.8 * 16_000) :][: round(SECONDS * 16_000)]
    write_media(path, frames, fps=fps, sound=sound)


@pytest.fixture(scope="module")
def corpus(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for name, source in GRID.items():
        write_clip(data_dir, source, folder / name)
    (folder / "ben" / "bad.mp4").write_text("not a video")
    write_media(folder / "ben" / "nobody.mp4", nobody(20), sound=voice(0.8))
    return folder


@pytest.fixture(scope="module")
def prepared(corpus: Path, landmarker: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    yield prepare(corpus, tmp_path_factory.mktemp("prepared"), SETTINGS, Place(1))
