"""Files that mean harm, or are just broken: each small on the disk."""

from __future__ import annotations

import io
import random
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

ZEROS = 1 << 20


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(side_px: int = 60_000) -> bytes:
    """A PNG of so many pixels a side, all black: gigabytes out of some kilobytes."""
    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
    press, rows = zlib.compressobj(9), b"\0" * (side_px + 1)
    content = b"".join(press.compress(rows) for _ in range(min(side_px, 6000))) + press.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", content) + _chunk(b"IEND", b"")


def png_text_bomb() -> bytes:
    """A small PNG whose compressed comment unpacks to a gigabyte."""
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    press = zlib.compressobj(9)
    text = b"".join(press.compress(b"\0" * ZEROS) for _ in range(1024)) + press.flush()
    rows = zlib.compress(b"\0" * 9 * 8)
    return b"\x89PNG\r\n\x1a\n" + b"".join((
        _chunk(b"IHDR", header), _chunk(b"zTXt", b"Comment\0\0" + text), _chunk(b"IDAT", rows), _chunk(b"IEND", b""),
    ))


def gif_bomb() -> bytes:
    """A GIF that says it has 65535 x 65535 pixels and a thousand frames."""
    head = b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x02\x4c\x01\x00"
    return head + frame * 1000 + b"\x3b"


def zip_bomb(name: str = "target.json") -> bytes:
    """A gigabyte of zeros in a zip, as a person to take over."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for _ in range(1024):
            member.write(b"\0" * ZEROS)
    return kept.getvalue()


def zip_of_paths() -> bytes:
    """A zip whose members want to leave it."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name in ("talking-head.json", "../../evil.json", "/tmp/evil.json", "target.json/../../evil.json"):
            archive.writestr(name, '{"form": 1, "files": {}}')
    return kept.getvalue()


def long_wav() -> bytes:
    """A WAV whose header says that it lasts for days."""
    header = b"RIFF" + struct.pack("<I", 0xFFFFFFF0) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8, 8, 1, 8)
    return header + b"data" + struct.pack("<I", 0xFFFFFF00) + bytes(100_000)


def film(seconds: float = 1.0, width_px: int = 160, height_px: int = 120) -> bytes:
    """A small whole mp4 with pictures and sound."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        _write_film(path, seconds, width_px, height_px)
        return path.read_bytes()


def _write_film(path: Path, seconds: float, width_px: int, height_px: int) -> None:
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:  # what is cut off still opens
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width_px, height_px, "yuv420p"
        sound = container.add_stream("aac", rate=16_000)
        dice = np.random.default_rng(0)
        for number in range(round(25 * seconds)):
            picture = dice.integers(0, 255, (height_px, width_px, 3), np.uint8)
            picture[:, : number % width_px] = 90
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        samples = (dice.standard_normal((1, round(16_000 * seconds))) * 3000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.rate = 16_000
        container.mux(sound.encode(frame))
        container.mux(video.encode())
        container.mux(sound.encode())


def broken(whole: bytes, count: int) -> Iterator[bytes]:
    """A file broken in many ways: bytes changed, cut out, doubled, its end gone."""
    for seed in range(count):
        dice = random.Random(seed)
        content = bytearray(whole)
        for _ in range(dice.choice((1, 5, 50, 500))):
            content[dice.randrange(len(content))] = dice.randrange(256)
        way = dice.randrange(4)
        at, size = dice.randrange(len(content)), dice.randrange(1, 4000)
        if way == 1:
            del content[at : at + size]
        elif way == 2:
            content[at:at] = content[at : at + size]
        elif way == 3:
            del content[at:]
        yield bytes(content) or b"\0"


def bombs() -> dict[str, bytes]:
    """All of them by what people are told they are."""
    return {
        "PNG of 3.6 gigapixels": png_bomb(), "PNG with a comment of 1 GB": png_text_bomb(),
        "GIF of 4 gigapixels": gif_bomb(),
        "zip of 1 GB of zeros": zip_bomb(), "zip with paths": zip_of_paths(), "WAV of days": long_wav(),
        "playlist of local files": b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10,\nfile:///etc/passwd\n",
        "ffconcat of local files": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "SVG with an entity bomb": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">]><svg>&a;</svg>',
    }  # fmt: skip


def photo() -> bytes:
    """The built-in person's picture."""
    from foundation.shipped import shipped

    return Path(shipped("astronaut/preview.jpg")).read_bytes()


def speech() -> bytes:
    """The built-in speech."""
    from foundation.shipped import shipped

    return Path(shipped("astronaut/speech.flac")).read_bytes()
