"""Targets: ids that cannot leave their folder, whole-or-absent folders, and names that are helped along."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foundation.errors import InputError
from foundation.places import HOME_VARIABLE
from talking_head.cli import app
from talking_head.target.card import (
    CARD,
    FILES,
    Consent,
    MotionStatistics,
    TargetCard,
    find_target,
    list_targets,
    new_target,
    sweep,
    write_card,
)
from talking_head.target.home import Home
from talking_head.target.removing import remove_targets
from talking_head.target.settings import EnrollSettings
from tests.processes import begun, context, ended
from tests.waiting import PATIENCE_S

BAD_IDS = [
    "", "../ana", "..", "a/b", "/etc", "a\\b", "Ana", ".hidden", "-rf", "a" * 65, "a\n", "a b", "con:", "ána", "a\0",
    "con", "nul", "com1",
]


class KilledError(Exception):
    """Stands for a kill: nothing after it changes the disk."""


def card(target_id: str) -> TargetCard:
    return TargetCard(
        id=target_id, face_model="mp478", fps=25.0, size_px=256, width_px=640, height_px=480,
        crop={"left_px": 10, "top_px": 20, "side_px": 300},
        motion_statistics=MotionStatistics([0.0] * 71, [1.0] * 71, 100), origin={"video": "ana.mp4"},
        consent=Consent("I agree, Ana", "2026-01-01"), versions={"talking-head": "0"},
    )


def make_target(home: Home, target_id: str) -> None:
    with new_target(home, target_id) as folder:
        for name in FILES:
            (folder / name).write_bytes(b"x" * 10)
        write_card(folder, card(target_id))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.find(tmp_path / "home")


def own(home: Home) -> list[str]:
    return [target.id for target in list_targets(home) if not target.built_in]


def test_a_card_survives_the_disk(home: Home) -> None:
    make_target(home, "ana")
    assert find_target(home, "ana").card == card("ana")
    assert own(home) == ["ana"]


@pytest.mark.parametrize("target_id", BAD_IDS)
def test_ids_that_are_not_plain_names_are_refused_everywhere(home: Home, target_id: str) -> None:
    for use in (find_target, lambda place, name: remove_targets([name], place.path), make_target):
        with pytest.raises(InputError, match="target id"):
            use(home, target_id)
    assert not home.path.exists() or not list(home.path.rglob("*.json"))


def test_an_unknown_name_gets_the_nearest(home: Home) -> None:
    make_target(home, "ana")
    make_target(home, "winston")
    with pytest.raises(InputError, match="did you mean 'winston'"):
        find_target(home, "winson")


def test_a_failed_build_leaves_the_old_target_and_nothing_else(home: Home) -> None:
    make_target(home, "ana")
    before = sorted(home.targets.rglob("*"))
    with pytest.raises(RuntimeError), new_target(home, "ana") as folder:
        (folder / CARD).write_text("{}")
        raise RuntimeError("power cut")
    with pytest.raises(InputError), new_target(home, "ana") as folder:
        write_card(folder, card("ana"))  # its weights are missing
    assert sorted(home.targets.rglob("*")) == before


def test_rebuilding_replaces_the_whole_folder(home: Home) -> None:
    make_target(home, "ana")
    (home.targets / "ana" / "stray").write_text("old")
    make_target(home, "ana")
    assert {path.name for path in (home.targets / "ana").iterdir()} == set(FILES)


def test_removing_and_damage(home: Home) -> None:
    make_target(home, "ana")
    remove_targets(["ana"], home.path)
    assert own(home) == [] and list(home.targets.iterdir()) == []
    make_target(home, "ana")
    (home.targets / "ana" / "motion.safetensors").unlink()
    with pytest.raises(InputError, match="lacks motion.safetensors"):
        find_target(home, "ana")
    assert own(home) == []
    remove_targets(["ana"], home.path)
    assert list(home.targets.iterdir()) == []


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format_version": 1}', '{"format_version": 9}'])
def test_a_card_that_does_not_fit_is_told(home: Home, content: str) -> None:
    make_target(home, "ana")
    (home.targets / "ana" / CARD).write_text(content)
    with pytest.raises(InputError, match="target.json"):
        find_target(home, "ana")


@pytest.mark.parametrize("changes", range(6))
def test_replacing_may_be_killed_between_any_two_changes_of_the_disk(
    home: Home, monkeypatch: pytest.MonkeyPatch, changes: int
) -> None:
    make_target(home, "ana")
    before = (home.targets / "ana" / CARD).stat().st_ino
    left = itertools.repeat(True, changes)

    def until_killed(change: Callable[..., object]) -> Callable[..., object]:
        def run(*words: object, **more: object) -> object:
            if not next(left, False):
                raise KilledError
            return change(*words, **more)

        return run

    with monkeypatch.context() as patch, suppress(KilledError):
        patch.setattr(Path, "replace", until_killed(Path.replace))
        patch.setattr(shutil, "rmtree", until_killed(shutil.rmtree))
        make_target(home, "ana")
    assert own(home) == ["ana"] and find_target(home, "ana").card == card("ana")
    assert ((home.targets / "ana" / CARD).stat().st_ino == before) == (changes < 3)
    with home.lock("ana"):
        sweep(home, "ana")
    assert [path.name for path in home.targets.iterdir()] == ["ana"]


def test_a_target_that_was_being_replaced_is_forgotten_whole(home: Home) -> None:
    make_target(home, "ana")
    (home.targets / "ana").rename(home.targets / ".replaced-ana-abcd1234")
    remove_targets(["ana"], home.path)
    assert list(home.targets.iterdir()) == []


@pytest.mark.parametrize(
    "field",
    [{"fps": "fast"}, {"fps": 0}, {"fps": float("nan")}, {"width_px": -4}, {"crop": []}, {"origin": None}, {"key": 3}],
)
def test_a_card_with_a_value_of_another_kind_is_told(home: Home, field: dict[str, object]) -> None:
    make_target(home, "ana")
    path = home.targets / "ana" / CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | field))
    with pytest.raises(InputError, match=f"its {next(iter(field))} is of the wrong kind"):
        find_target(home, "ana")
    assert own(home) == []


def test_a_target_that_cannot_be_read_hides_no_other(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    make_target(home, "ana")
    make_target(home, "ben")
    (home.targets / "ana" / CARD).unlink()
    (home.targets / "ana" / CARD).mkdir()  # reading it fails as reading somebody else's file does
    whole = Path.read_text

    def read_text(path: Path, *words: str, **more: str) -> str:
        if path == home.targets / "cleo" / CARD:
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path, *words, **more)

    make_target(home, "cleo")
    monkeypatch.setattr(Path, "read_text", read_text)
    assert own(home) == ["ben"]
    with pytest.raises(InputError, match="Permission denied"):
        find_target(home, "cleo")
    for words in (["targets", "list"], ["targets", "list", "--json"]):
        assert CliRunner().invoke(app, [*words, "--home", str(home.path)]).exit_code == 0


def test_a_consent_may_hold_what_the_console_takes_for_markup(home: Home) -> None:
    make_target(home, "ana")
    path = home.targets / "ana" / CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"consent": {"statement": "I [/] do", "date": "x"}}))
    result = CliRunner().invoke(app, ["targets", "list", "--home", str(home.path)])
    assert result.exit_code == 0 and "I [/] do" in " ".join(result.output.split())


def test_a_shown_target_has_each_value_whole_on_a_line_of_its_own(home: Home) -> None:
    result = CliRunner().invoke(app, ["targets", "show", "astronaut", "--home", str(home.path)], env={"COLUMNS": "40"})
    digests = find_target(home, "astronaut").describe()["sha256"]
    for name, digest in digests.items():
        assert any(line.split() == [name, digest] for line in result.stdout.splitlines()), result.stdout


def test_a_damaged_target_can_be_replaced(home: Home) -> None:
    from talking_head.enrollment.order import present  # heavy, and the processes spawned below import this file

    make_target(home, "ana")
    (home.targets / "ana" / CARD).write_text("{}")
    with pytest.raises(InputError, match="--replace"):
        present(home, "ana", replace=False)
    assert present(home, "ana", replace=True) is None


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_cannot_be_used_is_refused(seed: int) -> None:
    with pytest.raises(InputError, match="seed"):
        EnrollSettings(seed=seed).checked()


def _try_lock(path: str, target_id: str, queue: multiprocessing.Queue[str]) -> None:
    try:
        with Home.find(path).lock(target_id):
            queue.put("mine")
    except InputError as error:
        queue.put(str(error))


def test_one_process_at_a_time_works_on_a_target(home: Home) -> None:
    queue: multiprocessing.Queue[str] = context().Queue()
    with home.lock("ana"):
        for target_id in ("ana", "ben"):
            ended(begun(_try_lock, str(home.path), target_id, queue))
    answers = [queue.get(timeout=PATIENCE_S) for _ in range(2)]
    assert "another command" in answers[0] and answers[1] == "mine"


def test_home_comes_from_the_argument_then_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "from_environment"))
    assert Home.find().path == tmp_path / "from_environment"
    assert Home.find(tmp_path / "given").path == tmp_path / "given"
    monkeypatch.delenv(HOME_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in Home.find().path.parents
