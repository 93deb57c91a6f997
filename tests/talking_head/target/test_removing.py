"""Forgetting people: after `targets remove` nothing of them is left, whatever state it was in, and of others all is."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from foundation.errors import InputError
from talking_head.cli import app
from talking_head.target.card import find_own
from talking_head.target.home import Home
from talking_head.target.removing import remove_all, remove_targets
from tests.processes import context
from tests.talking_head.target.test_target import make_target

runner = CliRunner()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Of Ana there is a target, two unfinished enrollments, an import and what kills left; of Ben a target and work."""
    place = Home.find(tmp_path / "home")
    for name in ("ana", "ben"):
        make_target(place, name)
    for folder in (
        "work/ana-0123456789ab", "work/ana-ba9876543210", "work/ben-0123456789ab", "work/ana-maria-0123456789ab",
        "targets/.building-ana-abcd1234", "targets/.removed-xyz/ana", "imported/ana", "cache/tracks/half",
    ):
        (place.path / folder).mkdir(parents=True)
        (place.path / folder / "crops.bin").write_bytes(b"x" * 1000)
    (place.path / "cache/tracks/0123-mediapipe.safetensors").write_bytes(b"x" * 1000)
    (place.path / "locks").mkdir(exist_ok=True)
    (place.path / "locks/ana.lock").touch()
    (place.path / "identity").mkdir()
    (place.path / "identity/key.pem").touch()
    return place


def left(home: Home, name: str) -> list[str]:
    paths = (str(path.relative_to(home.path)) for path in home.path.rglob("*"))
    return sorted(path for path in paths if name in path and "ana-maria" not in path)


def test_nothing_of_the_person_is_left_and_all_of_the_others(home: Home) -> None:
    removed = remove_targets(["ana"], home.path)
    assert left(home, "ana") == [] and removed.ids == ("ana",)
    assert not list((home.path / "cache/tracks").iterdir()), "whose face a track is of, nothing tells"
    assert find_own(home, "ben") is not None and (home.work / "ben-0123456789ab").is_dir()
    assert (home.work / "ana-maria-0123456789ab").is_dir()
    assert removed.bytes > 7000 and (home.path / "identity/key.pem").is_file()


def test_all_leaves_nobody(home: Home) -> None:
    remove_all(home.path)
    files = [str(path.relative_to(home.path)) for path in home.path.rglob("*") if path.is_file()]
    assert sorted(files) == ["identity/key.pem", "locks/.guard.lock"]
    assert remove_all(home.path).ids == ()


def test_unfinished_work_alone_can_be_removed(home: Home) -> None:
    remove_targets(["ana-maria"], home.path)
    assert not (home.work / "ana-maria-0123456789ab").exists() and find_own(home, "ana") is not None


def test_unfinished_dubs_go_too_unless_one_is_under_way(home: Home) -> None:
    work = home.work / "dub-0123456789ab"
    work.mkdir()
    (work / "footage.mp4").write_bytes(b"x" * 1000)
    with home.lock(work.name), pytest.raises(InputError, match="another command is working"):
        remove_all(home.path)
    assert (work / "footage.mp4").is_file() and find_own(home, "ana") is not None
    assert work in remove_all(home.path).paths and not work.exists()


def test_a_wrong_name_among_several_removes_nobody(home: Home) -> None:
    for wrong, words in (("bem", "did you mean 'ben'"), ("astronaut", "built in"), ("../x", "target id")):
        with pytest.raises(InputError, match=words):
            remove_targets(["ana", wrong], home.path)
    assert find_own(home, "ana") is not None


def test_one_in_use_is_left_alone(home: Home) -> None:
    with home.lock("ana"), pytest.raises(InputError, match="another command is working"):
        remove_targets(["ben", "ana"], home.path)
    assert find_own(home, "ana") is not None and find_own(home, "ben") is not None
    with home.lock("ben"), pytest.raises(InputError, match="another command is working"):
        remove_all(home.path)
    assert find_own(home, "ana") is not None


def test_the_command_says_what_it_did_and_wants_a_name_or_all(home: Home) -> None:
    for words in ([], ["ana", "--all"]):
        assert runner.invoke(app, ["targets", "remove", *words, "--home", str(home.path)]).exit_code == 2
    told = runner.invoke(app, ["targets", "remove", "ana", "ben", "--json", "--home", str(home.path)])
    data = json.loads(told.stdout)
    assert told.exit_code == 0 and data["ids"] == ["ana", "ben"] and data["bytes"] > 0
    assert left(home, "ana") == left(home, "ben") == []


def test_a_lock_whose_file_goes_is_still_one_holders(tmp_path: Path) -> None:
    with context().Pool(3) as pool:
        assert sum(pool.map(_collide, [tmp_path] * 3)) > 0
    assert [path.name for path in (tmp_path / "locks").iterdir()] == [".guard.lock"]
    assert not (tmp_path / "inside").exists()


def _collide(home: Path) -> int:
    """How often this process held the lock; while it does nobody else may be inside."""
    held = 0
    ends_s = time.monotonic() + 1.5
    while time.monotonic() < ends_s:
        try:
            with Home(home).lock("ana"):
                (home / "inside").touch(exist_ok=False)
                time.sleep(0.001)
                (home / "inside").unlink()
                held += 1
        except InputError:
            continue
    return held


def test_what_the_studio_keeps_goes_too(home: Home) -> None:
    previews = home.studio / "previews"
    previews.mkdir(parents=True)
    for name in ("ana", "ana-maria", "astronaut"):
        (previews / f"{name}-0123456789ab.mp4").write_bytes(b"x")
    (home.studio / "jobs" / "0123").mkdir(parents=True)
    remove_targets(["ana"], home.path)
    assert sorted(path.name[:9] for path in previews.iterdir()) == ["ana-maria", "astronaut"]
    with pytest.raises(InputError, match="built in"):
        remove_targets(["astronaut"], home.path)
    with FileLock(home.studio / "server.lock"), pytest.raises(InputError, match="studio at work"):
        remove_all(home.path)
    assert (home.targets / "ben").is_dir(), "nothing is deleted then"
    remove_all(home.path)
    assert not home.studio.exists()
