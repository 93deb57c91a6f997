"""Live Link Face packets over UDP, read by a reader of the tests' own; pace, streams, and a microphone's sound."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from face_model.tracks import Sound, SpeechFeatures
from facial_gan.synthesis import FacialGan
from foundation.errors import InputError
from foundation.shipped import shipped
from preprocessing.media import read_sound
from preprocessing.media.microphone import microphone
from preprocessing.speech import speech_encoder
from talking_head.animation import sending
from talking_head.animation.listening import Listener, listen
from talking_head.animation.live import live
from talking_head.animation.packet import Sender
from talking_head.animation.rows import live_rows, motion_curves
from talking_head.animation.sending import address_of, ahead, send
from talking_head.cli import app
from talking_head.formats.arkit import live_link_of_motion
from talking_head.formats.livelink import NAMES
from talking_head.motion.model_registry import load_motion_model
from tests.talking_head.animation.receiver import UNREAL, Receiver, parse
from tests.talking_head.formats.test_arkit import made_motion
from tests.waiting import Clock

JAW = NAMES.index("JawOpen")


@pytest.fixture(scope="module")
def voice() -> Sound:
    """Four seconds of the shipped speech."""
    sound = read_sound(shipped("astronaut/speech.flac"))
    return Sound(sound.samples[: 4 * sound.rate_hz], sound.rate_hz)


@pytest.fixture(scope="module")
def person() -> FacialGan:
    model = load_motion_model(shipped("astronaut/motion.safetensors"))
    assert isinstance(model, FacialGan)
    return model


@pytest.fixture(scope="module")
def features(person: FacialGan, voice: Sound) -> SpeechFeatures:
    return speech_encoder(person.speech_extractor)(voice)


def test_a_packet_says_by_name_what_went_in() -> None:
    values = np.arange(61) / 100
    data = Sender("Büste", 30000 / 1001, device="0F4C").packet(values, 2.0)
    packet = parse(data)
    assert (packet.version, packet.device, packet.subject) == (6, "0F4C", "Büste")
    assert packet.rate == (30000, 1001) and packet.frame == 59
    assert packet.share == pytest.approx(2.0 * 30000 / 1001 - 59, abs=1e-5)
    assert sorted(NAMES) == sorted(UNREAL)
    assert packet.values == {name: pytest.approx(value, abs=1e-6) for name, value in zip(NAMES, values, strict=True)}
    assert data[:13] == b"\x06\x00\x00\x00\x040F4C\x00\x00\x00\x06"
    assert len(Sender("A", 60.0).packet(values, 0.0)) == 1 + 40 + 5 + 16 + 1 + 244
    with pytest.raises(InputError, match="subject"):
        Sender("", 60.0)


def test_live_sends_the_speech_in_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LATE_S", 1e6)  # a busy machine's are sent too
    speech = read_sound(shipped("astronaut/speech.flac"))
    soundfile.write(tmp_path / "a.wav", speech.samples[: int(1.5 * speech.rate_hz)], speech.rate_hz)
    with Receiver() as receiver:
        command = ["live", str(tmp_path / "a.wav"), "--to", f"127.0.0.1:{receiver.port}", "--subject", "Ana", "--json"]
        result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    sent = json.loads(result.output.splitlines()[-1])
    assert (sent["packets"], sent["skipped"]) == (90, 0) and len(receiver.packets) == 90
    assert sent["seconds"] > 1.4
    packets = [parse(data) for data in receiver.packets]
    assert {(p.version, p.subject, p.rate) for p in packets} == {(6, "Ana", (60, 1))}
    assert len({p.device for p in packets}) == 1 and len(packets[0].device) == 36
    numbers = np.array([p.frame + p.share for p in packets])
    assert np.allclose(np.diff(numbers).round(3) % 1, 0) and np.diff(numbers).min() == pytest.approx(1, abs=0.01)
    jaw = np.array([p.values["JawOpen"] for p in packets])
    assert jaw.min() >= 0 and jaw.max() <= 1 and jaw.std() > 0.005


def test_rows_are_what_export_writes(person: FacialGan, features: SpeechFeatures) -> None:
    pieces = list(live_rows(person, person, lambda name: features, 60.0, seed=3))
    rows = np.concatenate(pieces)
    assert rows.shape == (240, 61) and len(pieces) > 1
    whole = live_link_of_motion(person.synthesize(features, seed=3)).values
    head = [NAMES.index(f"Head{angle}") for angle in ("Yaw", "Pitch", "Roll")]
    assert np.allclose(rows[2:-4, head], whole[2:-4, head], atol=2e-3)
    assert np.corrcoef(rows[:, JAW], whole[:, JAW])[0, 1] > 0.98


def test_pieces_of_a_motion_join_without_a_seam() -> None:
    motion = made_motion(200)
    cuts = [0, 1, 7, 8, 60, 61, 150, 200]
    pieces = (motion[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True))
    joined = np.concatenate(list(motion_curves(pieces, 60.0, 400)))
    assert np.allclose(joined, np.concatenate(list(motion_curves(iter([motion]), 60.0, 400))), atol=1e-3)
    assert len(np.concatenate(list(motion_curves(iter([motion]), 24.0, 160)))) == 160


def late_rows(clock: Clock) -> Iterator[np.ndarray]:
    """Ten rows, then ten whose making took half a second longer than it may."""
    yield np.zeros((10, 61))
    clock.now_s += 0.5 + 1 / 50
    yield np.zeros((10, 61))


def test_rows_leave_at_their_time_and_late_ones_are_skipped() -> None:
    with Receiver() as receiver:
        clock = Clock()
        sent = send(late_rows(clock), Sender("A", 50.0), ("127.0.0.1", receiver.port), clock=clock, sleep=clock.sleep)
        assert clock.slept[:9] == [pytest.approx(1 / 50)] * 9
        # The eleventh is 0.5 s late; not one of the ten that follow is within a tenth of a second of its time.
        assert (sent.packets, sent.skipped, sent.duration_s) == (10, 10, 0.4)
        clock = Clock()
        sent = send(
            late_rows(clock), Sender("A", 50.0), ("127.0.0.1", receiver.port), wait_for_late=True, clock=clock,
            sleep=clock.sleep,
        )  # fmt: skip
        assert (sent.packets, sent.skipped) == (20, 0)
        assert clock.now_s == pytest.approx(100 + 19 / 50 + 0.5)
    assert len(receiver.packets) == 30


def test_what_goes_wrong_ahead_is_told_where_it_is_waited_for() -> None:
    def broken() -> Iterator[np.ndarray]:
        yield np.zeros((1, 61))
        raise InputError("a broken file", "a whole one")

    made = ahead(broken())
    assert next(made).shape == (1, 61)
    with pytest.raises(InputError, match="broken"):
        next(made)


def test_a_listener_says_what_the_file_says_a_moment_later(
    person: FacialGan, voice: Sound, features: SpeechFeatures
) -> None:
    listener = Listener(person, person.habits, speech_encoder(person.speech_extractor), 60.0, seed=3)
    hop = 6400
    pieces = (voice.samples[start : start + hop] for start in range(0, len(voice.samples), hop))
    rows = np.concatenate(list(listen(pieces, listener)))
    assert len(rows) == int((4.0 - listener.delay_s) * 60) and np.isfinite(rows).all()
    file = np.concatenate(list(live_rows(person, person, lambda name: features, 60.0, seed=3)))[: len(rows)]
    assert np.corrcoef(rows[30:, JAW], file[30:, JAW])[0, 1] > 0.7
    assert np.abs(np.diff(rows[:, JAW])).max() < 2 * np.abs(np.diff(file[:, JAW])).max()  # no seam
    assert rows[:, NAMES.index("HeadYaw")].std() > 1e-3  # the head goes on


def test_live_stops_after_the_time_it_is_told(tmp_path: Path) -> None:
    with Receiver() as receiver:
        words = ["live", str(shipped("astronaut/speech.flac")), "--to", f"127.0.0.1:{receiver.port}", "--for", "0.5s"]
        result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    sent = json.loads(result.output.splitlines()[-1])
    assert sent["packets"] + sent["skipped"] == 30 and sent["duration_s"] == 0.5


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address_of("127.0.0.1:1234") == ("127.0.0.1", 1234) and address_of("127.0.0.1") == ("127.0.0.1", 11111)
    assert address_of("[::1]:99") == ("::1", 99) and address_of("[::1]") == ("::1", 11111)
    broken = "[::1", "::1]", "[]", "[::1]9", "[[::1]]"
    numbers = "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1:70000"
    for wrong in ("", ":", *numbers, *broken, "no.such.host.invalid:1"):
        with pytest.raises(InputError):
            address_of(wrong)


def test_a_microphone_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    result = CliRunner().invoke(app, ["live", "mic", "--to", "127.0.0.1:9"])
    assert result.exit_code == 2
    assert "talking-head[live]" in result.stderr and len(result.stderr.strip().splitlines()) == 1
    with pytest.raises(InputError, match="frames a second"):
        live("none.wav", "127.0.0.1:9", fps=0)


def test_a_microphones_sound_comes_in_fifths_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        def __init__(self, rate: int, size: int, **_: object) -> None:
            assert rate == 16_000

        def __enter__(self) -> Stream:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self, count: int) -> tuple[np.ndarray, bool]:
            return np.full((count, 1), 0.1, np.float32), False

    fake = types.SimpleNamespace(InputStream=Stream, PortAudioError=RuntimeError)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    pieces = list(microphone(1.0))
    assert [piece.shape for piece in pieces] == [(3200,)] * 5
    with Receiver() as receiver:
        sent = live("mic", f"127.0.0.1:{receiver.port}", seconds=1.6, subject="Ana")
    assert sent.packets == len(receiver.packets) == int((1.6 - 0.4) * 60)
