"""Synthesisers that are here, and stand-ins for those that are not."""

from __future__ import annotations

import json
import shutil
import stat
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from face_model.tracks import Sound
from foundation.errors import InputError
from talking_head.voices import name_for_others, voice_for_others, voice_named, voices_here
from talking_head.voices.interface import RATE_HZ
from talking_head.voices.programs import lip_closures
from talking_head.voices.speaking import AROUND_S, spoken
from tests.talking_head.voices.speaker import COMMAND, LETTER_S, hum

PHRASE = "My map of the bay, maybe."


def loud(sound: Sound) -> bool:
    return bool(np.abs(sound.samples).max() > 0.05)


def test_any_program_is_a_voice() -> None:
    said = voice_named(COMMAND).say("äöü -v")
    assert said.sound.rate_hz == RATE_HZ and said.sound.duration_s == pytest.approx(6 * LETTER_S, abs=0.01)
    assert loud(said.sound) and said.lips_closed is None


@pytest.mark.parametrize(
    ("name", "told"),
    [(f"{COMMAND} --fail", "out of breath"), ("command:no-such-program-at-all", "not on this machine"),
     ("command:true", "no sound"), ("command:'", "command:PROGRAM"), ("siri", "espeak-ng"), ("piper", "MODEL.onnx"),
     ("piper:nowhere.onnx", "model"), ("openai:ftp://x", "http"), ("openai:http://127.0.0.1:9", "does not answer")],
)
def test_a_voice_that_cannot_is_told(name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        voice_named(name).say("word")


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_espeak() -> None:
    said = voice_named("espeak-ng:en-gb").say(PHRASE)
    assert loud(said.sound) and 1 < said.sound.duration_s < 4
    with pytest.raises(InputError, match="klingonese"):
        voice_named("espeak-ng:klingonese").say(PHRASE)


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")
def test_flite_tells_when_lips_are_closed() -> None:
    said = voice_named("flite").say(PHRASE)
    assert loud(said.sound) and 1 < said.sound.duration_s < 4
    closed = said.lips_closed or ()
    assert len(closed) == 6  # m m p b m b
    assert all(0 < start_s < end_s < said.sound.duration_s for start_s, end_s in closed)
    with pytest.raises(InputError, match="flite:slt"):
        voice_named("flite:nobody").say(PHRASE)


def test_phone_times_are_read() -> None:
    assert lip_closures("pau:0.2 m:0.3 ay:0.5 p:0.6 \n") == ((0.2, 0.3), (0.5, 0.6))


def test_piper_gets_one_line_and_a_file_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, model = tmp_path / "piper", tmp_path / "voice one.onnx"
    model.write_bytes(b"weights")
    lines = [f"#!{sys.executable}", "import sys", f"sys.path.insert(0, {str(Path(__file__).parents[3])!r})",
             "from tests.talking_head.voices.speaker import hum",
             f"assert sys.argv[1:3] == ['--model', {str(model)!r}]", "text = sys.stdin.read()",
             "assert chr(10) not in text", "open(sys.argv[4], 'wb').write(hum(text))"]
    program.write_text("\n".join(lines))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert voice_named(f"piper:{model}").say("two\nlines").sound.duration_s == pytest.approx(9 * LETTER_S, abs=0.01)


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """(address, what was asked for) of a server that speaks `/v1/audio/speech`."""
    asked: list[dict[str, str]] = []

    class Speech(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({**body, "path": self.path, "key": self.headers.get("Authorization", "")})
            self.send_response(200 if body["voice"] == "ana" else 404)
            self.end_headers()
            self.wfile.write(hum(body["input"]) if body["voice"] == "ana" else b"no such voice")

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Speech) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}", asked
        made.shutdown()


def test_a_server_is_asked_as_its_kind_is(
    server: tuple[str, list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, asked = server
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    said = voice_named(f"openai:{address}/v1?voice=ana&model=kokoro").say("hello")
    assert said.sound.duration_s == pytest.approx(5 * LETTER_S, abs=0.01) and asked == [{
        "path": "/v1/audio/speech", "model": "kokoro", "voice": "ana", "input": "hello", "response_format": "wav",
        "key": "Bearer secret",
    }]
    with pytest.raises(InputError, match="404: no such voice"):
        voice_named(f"openai:{address}").say("hello")


def test_offline_no_other_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKING_HEAD_OFFLINE", "1")
    with pytest.raises(InputError, match="offline"):
        voice_named("openai:https://example.org").say("hello")


@pytest.mark.parametrize(
    "name", ["command:id", "piper:/etc/passwd", "openai:http://10.0.0.1", "espeak-ng:../x", "flite:/x"]
)
def test_others_choose_no_command_file_or_address(name: str) -> None:
    with pytest.raises(InputError):
        voice_for_others(name)


def test_what_is_here_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TALKING_HEAD_VOICE", COMMAND)
    first, *others = voices_here()
    assert (first.name, first.at_hand) == (COMMAND, True) and voice_named().name == COMMAND
    assert {voice.engine for voice in others} == {"espeak-ng", "flite", "piper"}
    assert not any(voice.at_hand for voice in others) and all(voice.remedy for voice in others)
    assert name_for_others(COMMAND) == "command"  # what it runs here is nobody else's business
    assert voice_for_others("command").name == COMMAND
    with pytest.raises(InputError):
        voice_for_others(COMMAND)
    assert name_for_others("flite:slt") == "flite:slt"
    monkeypatch.delenv("TALKING_HEAD_VOICE")
    with pytest.raises(InputError, match="apt-get install espeak-ng"):
        voice_named()


def test_a_script_is_said_with_its_pauses_and_directions_at_their_place() -> None:
    said = spoken("abcdefghij [nod]klmnopqrst [pause 0.7] [smile] uvwxyz", voice_named(COMMAND))
    words_s = [21 * LETTER_S, 6 * LETTER_S]
    assert said.sound.duration_s == pytest.approx(2 * AROUND_S + sum(words_s) + 0.7, abs=0.02)
    level = np.abs(said.sound.samples)
    quiet = level[round((AROUND_S + words_s[0] + 0.05) * RATE_HZ) : round((AROUND_S + words_s[0] + 0.65) * RATE_HZ)]
    assert quiet.max() < 1e-3
    assert said.curves.keys["pitch_deg"][0][0] == pytest.approx(AROUND_S + words_s[0] / 2, abs=0.02)
    assert said.curves.keys["smile"][0][0] == pytest.approx(AROUND_S + words_s[0] + 0.7, abs=0.02)
