"""Places: chosen by a call, else the environment, else the platform; told in one line where a user has none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from foundation import places
from foundation.places import asset_places, assets_folder, choosing, home_folder, is_offline, tracks_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of a Linux system with a home of their own."""
    for name in (places.HOME_VARIABLE, places.ASSETS_VARIABLE, "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="the folders of Linux")
def test_the_platforms_folders_serve_where_nothing_is_chosen(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home_folder() == user / ".local" / "share" / "talking-head"
    assert assets_folder() == user / ".cache" / "talking-head"
    assert tracks_folder() == user / ".cache" / "talking-head" / "cache" / "tracks"
    monkeypatch.setenv("XDG_CACHE_HOME", str(user / "fast"))
    assert assets_folder() == user / "fast" / "talking-head"


def test_a_call_wins_over_the_environment_for_its_length(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(places.HOME_VARIABLE, str(user / "variable"))
    with choosing(user / "call"):
        assert home_folder() == user / "call"
        assert (assets_folder(), tracks_folder()) == (user / "call/assets", user / "call/cache/tracks")
        with choosing(offline=True):
            assert home_folder() == user / "call" and is_offline()
    assert home_folder() == user / "variable" and not is_offline()


def test_the_users_own_assets_are_looked_at_first(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(places.ASSETS_VARIABLE, str(user / "mine"))
    monkeypatch.setenv(places.HOME_VARIABLE, str(user / "home"))
    assert asset_places("a.task") == (user / "mine" / "a.task", user / "home" / "assets" / "a.task")


HOMELESS = """
import os
from foundation.errors import InputError
from foundation import places
os.environ.pop("HOME", None)
os.getuid = lambda: 54321
import pwd
pwd.getpwuid = lambda number: (_ for _ in ()).throw(KeyError(number))
for place in (places.home_folder, places.assets_folder, places.tracks_folder):
    try:
        print("wrong", place())
    except InputError as error:
        print(error)
os.environ["TALKING_HEAD_ASSETS"] = "/given"
print(*places.asset_places("a.task"))
with places.choosing("/chosen"):
    print(places.home_folder(), places.assets_folder())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="users without a home are POSIX's")
def test_a_user_without_a_home_is_told_what_to_give_and_may_choose_one(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    *told, assets, chosen = done.stdout.splitlines()
    assert len(told) == 3 and all("--home or TALKING_HEAD_HOME" in line for line in told)
    assert (assets, chosen) == ("/given/a.task", "/chosen /chosen/assets")
    assert not list(tmp_path.iterdir()), "no folder called ~"
