"""`talking-head forget`: a person, their unfinished work, the studio's jobs, and films made here; nobody else's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from preprocessing.media import VideoWriter
from talking_head.cli import app
from talking_head.provenance.claims import Claims, marked, sidecar_of
from talking_head.provenance.films import remember
from talking_head.target.card import find_target
from talking_head.target.home import Home
from tests.talking_head.media import nobody
from tests.talking_head.target.test_target import make_target


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.find(tmp_path / "home")
    for name in ("ana", "bea"):
        make_target(home, name)
    return home


def film_of(home: Home, name: str, goal: Path) -> Path:
    claims = Claims.of(find_target(home, name), label=True)
    with marked(goal, claims, None) as film, VideoWriter(film, 25, 128, 128) as writer:
        for frame in nobody(3):
            writer.write(frame)
    remember(goal, claims, home)
    return goal


def forget(home: Home, *words: str) -> tuple[int, str]:
    told = CliRunner().invoke(app, ["forget", *words, "--home", str(home.path)])
    assert "Traceback" not in told.output
    return told.exit_code, told.output


def test_a_person_is_forgotten_and_nobody_else(home: Home, tmp_path: Path) -> None:
    ana, bea = film_of(home, "ana", tmp_path / "a.mp4"), film_of(home, "bea", tmp_path / "b.mp4")
    (tmp_path / "archive").mkdir()
    moved = shutil.copy(ana, tmp_path / "archive" / "kept.mp4")
    shutil.copy(sidecar_of(ana), sidecar_of(Path(moved)))
    work = home.work / "ana-0123456789ab"
    work.mkdir(parents=True)
    code, out = forget(home, "ana", "--check")
    assert code == 0 and "a.mp4" in out and ana.exists() and (home.targets / "ana").is_dir()
    code, out = forget(home, "ana", "--in", str(tmp_path / "archive"))
    assert code == 0 and not Path(moved).exists()
    assert not any(path.exists() for path in (ana, sidecar_of(ana), work, home.targets / "ana"))
    assert bea.exists() and sidecar_of(bea).exists() and (home.targets / "bea").is_dir()
    left = [json.loads(note.read_text())["target"] for note in home.films.glob("*.json")]
    assert left == ["bea"] and not [path for path in home.path.rglob("*") if "ana" in path.name]
    assert forget(home, "ana")[0] == 2, "nothing is left to forget"


def test_a_film_that_is_another_one_now_stays(home: Home, tmp_path: Path) -> None:
    film = film_of(home, "ana", tmp_path / "a.mp4")
    film.write_bytes(b"something of the user's own")
    assert forget(home, "ana")[0] == 0 and film.read_bytes() == b"something of the user's own"


def test_films_are_found_after_the_target_is_gone(home: Home, tmp_path: Path) -> None:
    film = film_of(home, "ana", tmp_path / "a.mp4")
    assert CliRunner().invoke(app, ["targets", "remove", "ana", "--home", str(home.path)]).exit_code == 0
    assert film.exists() and forget(home, "ana")[0] == 0 and not film.exists()


def test_the_studios_jobs_go_too(home: Home) -> None:
    pytest.importorskip("fastapi")
    from talking_head.studio.jobs.store import JobStore
    from talking_head.studio.place import StudioPlace

    place = StudioPlace(home).made()
    store = JobStore(place.database)
    theirs, others = (store.add("synth", {"target": name, "upload": "0" * 24}) for name in ("ana", "bea"))
    for job in (theirs, others):
        (place.jobs / job.job).mkdir()
    assert forget(home, "ana")[0] == 0
    assert not (place.jobs / theirs.job).exists() and (place.jobs / others.job).is_dir()
    assert [job.job for job in store.all()] == [others.job]
