"""Sounds: codecs, rates, channels, levels, tracks, headers, and what is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

from benchmarks.inputs.outcome import Right, Variant
from foundation.errors import InputError
from preprocessing.media import nothing_to_hear, read_sound

FINE = Right(quiet=True, most=0.05)
RATE_HZ = 16_000


def judge(path: Path, facts: object) -> float:
    """1 - correlation of the loudness, in steps of 10 ms, with that of the true sound `[N]` at 16 kHz; it may be 50 ms
    off, which people do not notice; plus by how much its length and its level (a factor of e counts 0.2) are off.
    """
    truth = np.asarray(facts, np.float64)
    if nothing_to_hear(path):
        raise InputError(f"{path} is silent", "speech")
    heard = read_sound(path).samples.astype(np.float64)
    size = RATE_HZ // 100
    count = min(len(truth), len(heard)) // size
    own, wanted = (np.sqrt((x[: count * size].reshape(count, size) ** 2).mean(1)) for x in (heard, truth))
    alike = max(float(np.corrcoef(np.roll(own, k)[5:-5], wanted[5:-5])[0, 1]) for k in range(-5, 6))
    level = abs(np.log(own.mean() / wanted.mean()))
    long = max(0.0, abs(len(heard) - len(truth)) / RATE_HZ - 0.12)
    return 1 - alike + long + 0.2 * max(0.0, level - 0.8)


def encoded(path: Path, tracks: list[np.ndarray], rate_hz: int, codec: str, defaults: tuple[bool, ...] = ()) -> Path:
    """Sounds `[C, N]` at 16 kHz as the tracks of a file, at another rate."""
    with av.open(str(path), "w") as container:
        streams = []
        for k, sound in enumerate(tracks):
            layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(sound)]
            stream = container.add_stream(codec, rate=rate_hz, layout=layout)
            if codec in ("wmav2", "aac", "ac3"):
                stream.bit_rate = 192_000
            if defaults:
                stream.disposition = av.stream.Disposition.default if defaults[k] else av.stream.Disposition(0)
            streams.append(stream)
        for stream, sound in zip(streams, tracks, strict=True):
            form = stream.codec_context.format or stream.codec_context.codec.audio_formats[0]
            resampler = av.AudioResampler(
                form, stream.layout, rate_hz, frame_size=stream.codec_context.frame_size or 1024
            )
            block = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32), "fltp", stream.layout.name)
            block.rate, block.pts, block.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
            for frame in [*resampler.resample(block), *resampler.resample(None)]:
                for packet in stream.encode(frame):
                    container.mux(packet)
            for packet in stream.encode(None):
                container.mux(packet)
    return path


def codecs(voice: np.ndarray) -> Iterator[Variant]:
    for name, codec, rate_hz in (
        ("a.wav", "pcm_s16le", 8000), ("a.wav", "pcm_s16le", 11025), ("a.wav", "pcm_s16le", 44100),
        ("a.wav", "pcm_s16le", 192000), ("a.wav", "pcm_u8", 16000), ("a.wav", "pcm_s24le", 48000),
        ("a.wav", "pcm_s32le", 48000), ("a.wav", "pcm_f32le", 48000), ("a.wav", "pcm_f64le", 48000),
        ("a.wav", "pcm_alaw", 8000), ("a.wav", "pcm_mulaw", 8000), ("a.wav", "adpcm_ima_wav", 22050),
        ("a.aiff", "pcm_s16be", 44100), ("a.flac", "flac", 44100), ("a.mp3", "libmp3lame", 44100),
        ("a.mp3", "libmp3lame", 16000), ("a.m4a", "aac", 48000), ("a.aac", "aac", 44100), ("a.ogg", "libvorbis", 44100),
        ("a.opus", "libopus", 48000), ("a.webm", "libopus", 48000), ("a.ac3", "ac3", 48000), ("a.m4a", "alac", 44100),
        ("a.mka", "flac", 48000), ("a.wma", "wmav2", 44100), ("a.amr", "libopencore_amrnb", 8000),
    ):  # fmt: skip
        if codec in av.codecs_available:
            right = Right(quiet=True, most=0.12) if rate_hz < 9000 or codec == "pcm_u8" else FINE

            def make(folder: Path, name: str = name, codec: str = codec, rate: int = rate_hz) -> tuple[Path, object]:
                return encoded(folder / name, [voice[None]], rate, codec), voice

            yield Variant(f"sound: {codec} in {name[1:]} at {rate_hz} Hz", right, make, judge)
    for name in ("a.mp3", "a.mp4", "a.jpg", "a", "a b:c.wav", "ü.wav"):
        yield sound(f"a wav named {name}", FINE, voice, voice, file=name)


def sound(
    name: str, right: Right, shown: np.ndarray, truth: np.ndarray, subtype: str = "PCM_16", rate_hz: int = RATE_HZ,
    change: Callable[[bytes], bytes] | None = None, file: str = "a.wav",
) -> Variant:
    """A wav of samples `[N]` or `[N, C]`, whose bytes may be changed."""

    def make(folder: Path) -> tuple[Path, object]:
        soundfile.write(folder / "a.wav", shown, rate_hz, subtype=subtype, format="WAV")
        content = (folder / "a.wav").read_bytes()
        path = folder / file
        path.write_bytes(content if change is None else change(content))
        return path, truth

    return Variant(f"sound: {name}", right, make, judge)


def channels(voice: np.ndarray) -> Iterator[Variant]:
    none = np.zeros_like(voice)
    hum = 0.002 * np.sin(np.arange(len(voice)) * 2 * np.pi * 50 / RATE_HZ)
    one = Right(said="one is listened to", most=0.05)
    for name, left, right, wanted in (
        ("both", voice, voice, FINE), ("the left alone", voice, none, FINE), ("the right alone", none, voice, FINE),
        ("a hum on the right", voice, hum, FINE), ("the right half as loud", voice, 0.5 * voice, FINE),
        ("opposite phase", voice, -voice, one), ("opposite phase, not quite as loud", voice, -0.93 * voice, one),
        ("opposite phase, a sample late", voice, -np.roll(voice, 1), Right(most=0.1)),
    ):
        yield sound(f"two channels, {name}", wanted, np.stack([left, right], axis=1), voice)
    centre = np.stack([none, none, voice, none, none, none])
    for name, codec in (("a.flac", "flac"), ("a.m4a", "aac"), ("a.ac3", "ac3")):

        def make(folder: Path, name: str = name, codec: str = codec) -> tuple[Path, object]:
            return encoded(folder / name, [centre], 48000, codec), voice

        yield Variant(f"sound: 5.1 with a voice in the centre, {codec}", FINE, make, judge)


def tracks(voice: np.ndarray) -> Iterator[Variant]:
    none, other = np.zeros_like(voice), 0.4 * np.roll(voice, len(voice) // 2)
    default, loudest = Right(said="its default", most=0.05), Right(said="the loudest", most=0.05)
    for name, sounds, defaults, right in (
        ("the default is second", [other, voice], (False, True), default),
        ("the default is first", [voice, other], (True, False), default),
        ("the default is silent", [none, voice], (True, False), loudest),
        ("no default, the first silent", [none, voice], (False, False), loudest),
        ("no default, the second louder", [other, voice], (False, False), loudest),
        ("three, the last speaks", [none, none, voice], (False,) * 3, loudest),
    ):

        def make(folder: Path, sounds: list = sounds, defaults: tuple = defaults) -> tuple[Path, object]:
            return encoded(folder / "a.mkv", [s[None] for s in sounds], 48000, "aac", defaults), voice

        yield Variant(f"sound: tracks, {name}", right, make, judge)


def levels(voice: np.ndarray) -> Iterator[Variant]:
    silent = Right("is silent")
    low = Right(quiet=True, most=9)
    for decibels, right in ((-12, low), (-30, low), (-45, low), (-70, silent), (-200, silent)):
        yield sound(f"{decibels} dB", right, voice * 10 ** (decibels / 20), voice, "FLOAT")
    for factor in (2.0**15, 2.0**23, 2.0**31):
        yield sound(f"floats times {factor:.0f}", Right(said="divided by", most=0.05), voice * factor, voice, "FLOAT")
    yield sound("floats times 1.5", Right(quiet=True, most=0.1), voice * 1.5, voice, "FLOAT")
    spiked = voice.copy()
    spiked[[100, 9000]] = 1e20
    yield sound("two wild samples", Right(most=0.2), spiked, voice, "FLOAT")
    broken = voice.copy()
    broken[::50] = np.nan
    yield sound("some NaN", Right(said="not numbers", most=0.1), broken, voice, "FLOAT")
    yield sound("only NaN", Right("only NaN|is silent"), voice * np.nan, voice, "FLOAT")
    yield sound("an offset", Right(quiet=True, most=0.6), voice + 0.1, voice, "FLOAT")


def headers(voice: np.ndarray) -> Iterator[Variant]:
    def told(share: float) -> Callable[[bytes], bytes]:
        def change(content: bytes) -> bytes:
            at = content.index(b"data") + 4
            size = int(share * int.from_bytes(content[at : at + 4], "little")) // 2 * 2 if share < 9 else 0xFFFFFFFF
            return content[:at] + size.to_bytes(4, "little") + content[at + 4 :]

        return change

    more = Right(said="all is read", most=0.05)
    yield sound("a header that tells half", more, voice, voice, change=told(0.5))
    yield sound("a header that tells a tenth", more, voice, voice, change=told(0.1))
    yield sound("a header that tells nothing", FINE, voice, voice, change=told(0.0))
    yield sound("a header of a stream", FINE, voice, voice, change=told(9.0))
    listed = lambda content: content + b"LIST" + (8000).to_bytes(4, "little") + b"INFO" * 2000  # noqa: E731
    yield sound("a list after the sound", FINE, voice, voice, change=listed)
    half = voice[: len(voice) // 2]
    yield sound("cut short", Right(said="cut short", most=0.05), voice, half, change=lambda c: c[: 44 + len(half) * 2])
    for name, content, right in (
        ("a web page", b"<!DOCTYPE html><p>not found</p>" * 999, Right("is a web page|does not open")),
        ("noise", np.random.default_rng(0).bytes(200_000), Right("damaged|does not open|no sound")),
        ("a program", b"\x7fELF" + np.random.default_rng(1).bytes(200_000), Right("damaged|does not open|no sound")),
        ("a text", b"nothing to hear here\n" * 999, Right("does not open|reads as|no sound")),
        ("zeros", bytes(100_000), Right("does not open|damaged|no sound")), ("empty", b"", Right("is empty")),
    ):
        for suffix in (".mp3", ".wav"):

            def make(folder: Path, content: bytes = content, suffix: str = suffix) -> tuple[Path, object]:
                (folder / f"a{suffix}").write_bytes(content)
                return folder / f"a{suffix}", voice

            yield Variant(f"sound: {name} named a{suffix}", right, make, judge)


def variants(voice: np.ndarray) -> Iterator[Variant]:
    """All of them, of a voice `[N]` at 16 kHz."""
    for family in (codecs, channels, tracks, levels, headers):
        yield from family(voice)
