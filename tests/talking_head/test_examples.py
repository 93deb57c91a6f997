"""Each script of `examples/` runs as its own words say, on small things that are made here."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import pytest
import soundfile

from examples import curves, dub, enroll, speak, streaming, train_on_folder
from preprocessing.media import probe, read_frames
from talking_head.dubbing.film import DubSettings
from tests.talking_head.media import voice

pytestmark = pytest.mark.usefixtures("landmarker", "own_home")


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKING_HEAD_HOME", str(tmp_path / "home"))


@pytest.fixture
def words(tmp_path: Path) -> str:
    soundfile.write(tmp_path / "words.wav", voice(0.4), 16_000)
    return str(tmp_path / "words.wav")


def test_enrol(footage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = tmp_path / "ana.png"
    cv2.imwrite(str(photo), next(iter(read_frames(footage)))[..., ::-1])
    for told in ("is new", "was there"):
        enroll.main([str(photo), "--id", "ana", "--consent", "for tests"])
        assert told in capsys.readouterr().out


def test_speak(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    speak.main([words, "--out", str(tmp_path / "film.mp4")])
    told, film = capsys.readouterr().out, probe(tmp_path / "film.mp4")
    assert film.height_px / film.width_px == pytest.approx(16 / 9, abs=0.02) and film.has_sound
    assert "10 frames" in told and "generated: astronaut" in told


def test_curves_out_and_in(words: str, tmp_path: Path) -> None:
    curves.main([words, "--out", str(tmp_path / "out")])
    jaws = []
    for name in ("curves.csv", "edited.csv"):
        with (tmp_path / "out" / name).open(newline="") as file:
            jaws.append([float(row["JawOpen"]) for row in csv.DictReader(file)])
    assert jaws[1] == [pytest.approx(min(1.0, 1.5 * jaw), abs=1e-6) for jaw in jaws[0]] and max(jaws[0]) > 0.01
    assert len(list(read_frames(tmp_path / "out" / "edited.mp4"))) == 10


def test_dub(clip: Path, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [str(clip), words, "--out", str(tmp_path / "dubbed.mp4"), "--consent", "for tests"]
    dub.main(given, DubSettings(steps=2, size_px=256))
    assert "frames painted anew" in capsys.readouterr().out
    assert probe(tmp_path / "dubbed.mp4").has_sound


def test_train_on_a_folder(clip: Path, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "ana.mp4").symlink_to(clip)
    train_on_folder.main([str(folder), "--speech", words, "--out", str(tmp_path / "out"), "--quick"])
    assert "of 1 clips; 10 frames" in capsys.readouterr().out


def test_every_example_has_its_test() -> None:
    """`data_to_film` is walked in `test_data_to_film.py`, `live_adapter` in `studio/live`, `streaming` as far as
    `test_streaming.py` goes.
    """
    here = {curves, dub, enroll, speak, streaming, train_on_folder}
    names = {path.stem for path in (Path(__file__).parents[2] / "examples").glob("*.py")}
    assert names == {module.__name__.removeprefix("examples.") for module in here} | {"data_to_film", "live_adapter"}
