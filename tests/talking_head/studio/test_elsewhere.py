"""A job that a Ray cluster does is told of and ends as one that this machine does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from foundation.errors import InputError
from talking_head.datasets.workers import Place
from talking_head.studio.jobs.elsewhere import done_elsewhere
from talking_head.studio.jobs.kinds.bench import Bench
from talking_head.studio.place import StudioPlace
from talking_head.target.home import Home
from tests.talking_head.studio.serve import CountAsked

JOB = "0123456789abcdef01234567"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    place = StudioPlace(Home(tmp_path)).made()
    made = Bench(place, JOB, place.jobs / JOB)
    made.begin()
    return made


def counted(bench: Bench, place: Place) -> list[float]:
    """How far the job was said to be, while it counted to 40."""
    told: list[float] = []
    asked = CountAsked(to=40, wait_s=0.04)
    result = done_elsewhere(asked, bench, place, lambda what, done, total, note: told.append(done))
    assert result == {"began_at": 0} and bench.files() == {"count.txt": "text/plain"}
    assert (bench.folder / "count.txt").read_text().split() == [str(number) for number in range(40)]
    return told


def test_it_tells_how_far_it_is_and_leaves_its_files(bench: Bench) -> None:
    told = counted(bench, Place())
    assert len(told) >= 2 and told == sorted(told)


def test_what_is_wrong_is_told_as_here(bench: Bench) -> None:
    with pytest.raises(InputError, match="no face"):
        done_elsewhere(CountAsked(to=1, wrong="input"), bench, Place(), lambda *_: None)
    with pytest.raises(InputError, match="broke on the cluster"):
        done_elsewhere(CountAsked(to=1, wrong="fault"), bench, Place(), lambda *_: None)


def test_without_ray_it_says_what_to_install(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="without the package ray"):
        done_elsewhere(CountAsked(to=1), bench, Place(ray="auto"), lambda *_: None)


@pytest.mark.slow
def test_on_a_ray_cluster(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    try:
        assert counted(bench, Place(ray="local"))[-1] <= 40
    finally:
        ray.shutdown()
