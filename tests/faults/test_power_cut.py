"""A power cut at any point of a target's commit leaves the old target whole, or the new one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from foundation.files import sha256, write_json
from talking_head.enrollment.assembling import LearnedPerson, assemble
from talking_head.enrollment.tracking import REPORT
from talking_head.target.card import APPEARANCE, MOTION, PREVIEW, VIDEO, find_target
from talking_head.target.carrying import export_target, import_target
from talking_head.target.consent import Consent
from talking_head.target.home import Home
from talking_head.target.settings import EnrollSettings
from tests.faults.recording import Recorder, left_by_power_cuts, put
from tests.render2video.drawn_person import talking_track
from tests.talking_head.target.test_target import make_target

LEARNED = (MOTION, VIDEO, APPEARANCE, PREVIEW, REPORT)


def commit_of_enrollment(place: Path, home: Home) -> Callable[[], None]:
    """As an enrollment ends: what was learned becomes the target, and the work folder goes."""
    work = home.work / "ana-1"
    work.mkdir(parents=True)
    for name in LEARNED:
        (work / name).write_bytes(name.encode() * 20)

    def commit() -> None:
        learned = LearnedPerson(work, EnrollSettings(), talking_track(), {})
        assemble(home, "ana", learned, Consent("yes", "2026-01-01"), {"file": "new"}, "key")
        shutil.rmtree(work)

    return commit


def commit_of_import(place: Path, home: Home) -> Callable[[], None]:
    other = Home(place / "other")
    make_target(other, "ana")
    export_target("ana", place / "ana.person", home=other.path)
    return lambda: void(import_target(place / "ana.person", home=home.path, replace_old=True))


def void(_: object) -> None:
    """Nothing."""


def state_of(home: Home) -> str:
    """Digests of a target's files; what is wrong with it where it is not whole."""
    target = find_target(home, "ana")
    return str({path.name: sha256(path) for path in sorted(target.folder.iterdir())})


@pytest.mark.parametrize("made", [commit_of_enrollment, pytest.param(commit_of_import, marks=pytest.mark.slow)])
@pytest.mark.parametrize("replaced", [True, False])
def test_the_old_target_or_the_new_one(
    made: Callable[[Path, Home], Callable[[], None]], replaced: bool, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    make_target(home, "bea")
    if replaced:
        make_target(home, "ana")
        (home.targets / "ana" / MOTION).write_bytes(b"of the old one")
    before = state_of(home) if replaced else "none"
    commit = made(tmp_path, home)
    recorder = Recorder(home.path)
    with recorder.watching():
        commit()
    after = state_of(home)
    assert after != before
    found, seen = set(), 0
    for told, names in left_by_power_cuts(recorder):
        seen += 1
        left = Home(tmp_path / "left")
        shutil.rmtree(left.path, ignore_errors=True)
        left.path.mkdir()
        put(names, left.path)
        try:
            state = state_of(left)
        except Exception as error:
            state = "none" if "unknown target" in str(error) else str(error)
        assert state in (before, after), (told, state)
        found.add(state)
    print(f"{len(recorder.steps) - recorder.begun} steps, {seen} states a power cut could leave")
    assert found == {before, after} and seen > 20


def test_a_whole_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", ["old"])
    recorder = Recorder(tmp_path)
    with recorder.watching():
        write_json(tmp_path / "x.json", ["new"])
    assert {names["x.json"] for _, names in left_by_power_cuts(recorder)} == {b'[\n  "old"\n]\n', b'[\n  "new"\n]\n'}


def test_the_replay_sees_what_it_looks_for(tmp_path: Path) -> None:
    """Written and renamed without a sync, a file may be empty."""
    (tmp_path / "x").write_text("old")
    recorder = Recorder(tmp_path)
    with recorder.watching():
        (tmp_path / "new").write_text("new")
        (tmp_path / "new").replace(tmp_path / "x")
    assert {names["x"] for _, names in left_by_power_cuts(recorder)} == {b"old", b"", b"n", b"new"}
