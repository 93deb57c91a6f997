"""Which sound of a file is heard: tracks, channels, scales, headers that lie, and what is no sound."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from foundation.errors import InputError
from preprocessing.media import is_silent, nothing_to_hear, probe, read_sound
from preprocessing.media.hearing import hearing
from preprocessing.speech import encode_file, speech_encoder
from tests.preprocessing.making import beep, grey, onset_s, write_media

RATE_HZ = 16_000


def tracks(path: Path, sounds: list[np.ndarray], defaults: list[bool]) -> Path:
    """A file with several sound tracks."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le" if path.suffix == ".mkv" else "aac", rate=RATE_HZ) for _ in sounds]
        for stream, default in zip(streams, defaults, strict=True):
            stream.layout = "mono"
            stream.disposition = av.stream.Disposition.default if default else av.stream.Disposition(0)
        for stream, sound in zip(streams, sounds, strict=True):
            block = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="fltp", layout="mono")
            block.rate, block.pts, block.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
            for packet in [*stream.encode(block), *stream.encode(None)]:
                container.mux(packet)
    return path


HUSH = np.zeros(RATE_HZ, np.float32)
EARLY, LATE = beep(1, 0.2), beep(1, 0.6)


@pytest.mark.parametrize(
    ("sounds", "defaults", "onset", "said"),
    [
        ([EARLY, LATE], [False, True], 0.6, "2 of 2 is used, its default"),
        ([EARLY, LATE], [True, False], 0.2, "1 of 2 is used, its default"),
        ([HUSH, LATE], [True, False], 0.6, "2 of 2 is used, the loudest"),
        ([HUSH, LATE], [False, False], 0.6, "2 of 2 is used, the loudest"),
        ([HUSH, 0.3 * EARLY, LATE], [False, False, False], 0.6, "3 of 3 is used, the loudest"),
        ([EARLY, 0.3 * LATE], [True, True], 0.2, "1 of 2 is used, the loudest"),
    ],
)
def test_the_default_track_is_heard_else_the_loudest(
    sounds: list[np.ndarray], defaults: list[bool], onset: float, said: str, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tracks(tmp_path / "a.mkv", sounds, defaults)
    with caplog.at_level(logging.WARNING):
        assert onset_s(read_sound(path).samples) == pytest.approx(onset, abs=0.005)
        read_sound(path)
    assert caplog.text.count(said) == 1, "said once, however often the file is read"


@pytest.mark.parametrize(("left", "right", "kept"), [(1.0, -1.0, 0.5), (0.6, -0.6, 0.3), (-0.5, 0.48, 0.25)])
def test_channels_that_cancel_each_other_out_are_not_mixed(
    left: float, right: float, kept: float, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([left * EARLY, right * EARLY], axis=1), RATE_HZ)
    samples = read_sound(tmp_path / "a.wav").samples
    assert np.abs(samples).max() == pytest.approx(kept, abs=0.02)
    found = hearing(tmp_path / "a.wav")
    assert found is not None and "left one is listened to" in found.notes[0]


def test_other_channels_are_mixed_as_ever(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([EARLY, LATE], axis=1), RATE_HZ)
    assert np.abs(read_sound(tmp_path / "a.wav").samples).max() == pytest.approx(0.25, abs=0.01)
    found = hearing(tmp_path / "a.wav")
    assert found is not None and found.channel is None and found.notes == ()


@pytest.mark.parametrize(("factor", "scale"), [(2**15, 2.0**15), (2**31, 2.0**31), (1.0, 1.0), (4.0, 1.0)])
def test_floats_on_another_scale_are_rescaled(factor: float, scale: float, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", EARLY * factor, RATE_HZ, subtype="FLOAT")
    found = hearing(tmp_path / "a.wav")
    assert found is not None and found.scale == scale
    wanted = np.clip(EARLY * factor / scale, -1, 1)
    assert np.abs(read_sound(tmp_path / "a.wav").samples - wanted).max() < 1e-3


def test_single_spikes_are_no_scale(tmp_path: Path) -> None:
    spiked = np.tile(EARLY, 5)
    spiked[100] = 1e30
    soundfile.write(tmp_path / "a.wav", spiked, RATE_HZ, subtype="FLOAT")
    assert np.abs(read_sound(tmp_path / "a.wav").samples[200:] - spiked[200:]).max() < 1e-3


def test_a_wav_whose_header_tells_less_than_there_is_is_read_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soundfile.write(tmp_path / "a.wav", np.concatenate([EARLY, LATE]), RATE_HZ)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = (RATE_HZ * 2).to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        sound = read_sound(tmp_path / "a.wav")
    assert sound.duration_s == pytest.approx(2.0, abs=0.01)
    assert "32000 bytes of sound, and there are 64000" in caplog.text
    assert np.abs(sound.samples[RATE_HZ:] - LATE).max() < 1e-3


def test_a_wav_that_was_cut_short_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    soundfile.write(tmp_path / "a.wav", np.concatenate([EARLY, LATE]), RATE_HZ)
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[: 44 + 2 * RATE_HZ])
    with caplog.at_level(logging.WARNING):
        assert read_sound(tmp_path / "a.wav").duration_s == pytest.approx(1.0, abs=0.01)
    assert "64000 bytes of sound, and there are 32000; it may be cut short" in caplog.text


def test_what_follows_the_sound_of_a_wav_is_not_heard(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    soundfile.write(tmp_path / "a.wav", EARLY, RATE_HZ)
    with open(tmp_path / "a.wav", "ab") as file:
        file.write(b"LIST" + (9000).to_bytes(4, "little") + b"INFO" * 2250)
    with caplog.at_level(logging.WARNING):
        assert read_sound(tmp_path / "a.wav").duration_s == pytest.approx(1.0, abs=0.001)
    assert "header" not in caplog.text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE html><html><p>" + b"not found</p><p>" * 900, "is a web page"),
        (np.random.default_rng(0).bytes(300_000), "packets of its sound are damaged|does not open"),
        (b"\x7fELF" + np.random.default_rng(1).bytes(90_000) + b"\xff\xfb\x90\x00" * 5000, "damaged|does not open"),
    ],
    ids=["page", "noise", "program"],
)
def test_what_is_no_sound_is_refused_whatever_its_name(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_sound(tmp_path / "a.mp3")


def test_a_picture_has_no_sound(tmp_path: Path) -> None:
    for kind, name in (("JPEG", "a.jpg"), ("JPEG", "a.mp3"), ("PNG", "a.wav"), ("WEBP", "a")):
        Image.fromarray(grey(90)).save(tmp_path / name, kind)
        with pytest.raises(InputError, match="is a picture"):
            read_sound(tmp_path / name)


def test_a_mutes_film_has_no_sound(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4", [grey(90)] * 5)
    assert hearing(path) is None and not probe(path).has_sound
    with pytest.raises(InputError, match="has no sound"):
        read_sound(path)


def test_what_is_told_silent_is_heard_as_silence(tmp_path: Path) -> None:
    """Encoders bring every level to one: a voice at -70 dBFS moved the lips that were told to rest."""
    quiet = np.tile(beep(1, 0.2), 2) * 10 ** (-66 / 20)
    soundfile.write(tmp_path / "quiet.wav", quiet, RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "none.wav", quiet * 0, RATE_HZ, subtype="FLOAT")
    soundfile.write(tmp_path / "low.wav", quiet * 10 ** (20 / 20), RATE_HZ, subtype="FLOAT")
    assert nothing_to_hear(tmp_path / "quiet.wav") and is_silent(read_sound(tmp_path / "quiet.wav"))
    encoder = speech_encoder("log_mel")
    rows = {name: encode_file(encoder, tmp_path / f"{name}.wav").values for name in ("quiet", "none", "low")}
    assert np.array_equal(rows["quiet"], rows["none"]) and np.abs(rows["low"] - rows["none"]).max() > 0.1
    assert not nothing_to_hear(tmp_path / "low.wav")
