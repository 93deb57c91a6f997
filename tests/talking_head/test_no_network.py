"""Commands with every socket closed: they do their work, and none so much as asks for a name."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from preprocessing.media import VideoWriter
from talking_head.cli import app
from talking_head.provenance.claims import Claims, marked
from talking_head.target.card import find_target
from talking_head.target.home import Home
from tests.talking_head.media import nobody, voice
from tests.talking_head.target.test_target import make_target


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was asked of the network, which answers nothing."""
    tried: list[str] = []

    def refuse(*given: object, **named: object) -> None:
        tried.append(repr(given[-1] if given else named))
        raise OSError("sockets are closed in this test")

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    yield tried


@pytest.fixture
def place(tmp_path: Path) -> Path:
    home = Home.find(tmp_path / "home")
    make_target(home, "ana")
    claims = Claims.of(find_target(home, "ana"), label=True)
    with marked(tmp_path / "film.mp4", claims, None) as film, VideoWriter(film, 25, 128, 128) as writer:
        for frame in nobody(3):
            writer.write(frame)
    soundfile.write(tmp_path / "s.wav", voice(0.3), 16000)
    return tmp_path


def run(place: Path, words: str, code: int = 0) -> None:
    here = {path.name for path in place.iterdir() if path.is_file()} | {"out.mp4", "out.csv", "out.person"}
    given = [str(place / word) if word in here else word for word in words.split()]
    told = CliRunner().invoke(app, [*given, "--home", str(place / "home")])
    assert told.exit_code == code and "Traceback" not in told.output, (words, told.output)


def test_small_commands_ask_nobody(place: Path, asked: list[str]) -> None:
    for words in ("targets list", "targets show ana", "verify film.mp4", "forget ana --check", "targets export ana -o "
                  "out.person", "forget ana"):  # fmt: skip
        run(place, words)
    assert asked == []


@pytest.mark.slow
def test_films_are_made_without_a_network(place: Path, asked: list[str]) -> None:
    run(place, "synth s.wav --target astronaut -o out.mp4")
    run(place, "verify out.mp4")
    run(place, "export s.wav --target astronaut -o out.csv")
    run(place, "enroll film.mp4 --id bea --consent yes", code=2)
    assert asked == []
