"""Finding out what an upload holds. Runs confined (`talking_head.studio.sandbox`), and alone imports what decodes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
from PIL import Image

from foundation.errors import InputError
from preprocessing.media import probe
from preprocessing.media.stills import is_still, read_still
from talking_head.studio.content import Content


def look_into(file: str, frame_pixels: int) -> dict[str, Any]:
    """What a file holds, by its content alone: a `Content`.

    Raises:
        InputError: pictures of more pixels than `frame_pixels`.
    """
    return asdict(_looked(Path(file), frame_pixels))


def _looked(path: Path, frame_pixels: int) -> Content:
    # Not `set_level`: that has FFmpeg's threads wait for Python's lock, whose holder may be waiting for them.
    av.logging.set_libav_level(av.logging.PANIC)
    if is_still(path):
        return _photo(path, frame_pixels)
    _check_declared(path, frame_pixels)
    try:
        found = probe(path)
    except InputError as error:
        return Content("other", why=f"{error.received}; expected {error.expected}")
    if found.has_video:
        return Content("video", found.duration_s, found.width_px, found.height_px, found.has_sound)
    return Content("sound", found.duration_s, has_sound=True)


def _photo(path: Path, frame_pixels: int) -> Content:
    with Image.open(path) as picture:  # its header only
        width_px, height_px = picture.size
    _check_size(width_px, height_px, frame_pixels)
    try:
        still = read_still(path)
    except InputError as error:
        return Content("other", why=f"{error.received}; expected {error.expected}")
    assert still is not None
    return Content("photo", 0.0, still.picture_rgb.shape[1], still.picture_rgb.shape[0])


def _check_declared(path: Path, frame_pixels: int) -> None:
    """Refuse by what a video's header says, before a frame is decoded."""
    try:
        with av.open(f"file:{path}", metadata_errors="ignore") as container:
            sizes = [(stream.codec_context.width, stream.codec_context.height) for stream in container.streams.video]
    except (av.FFmpegError, ValueError, OSError):
        return  # told by whoever reads it
    for width_px, height_px in sizes:
        _check_size(width_px, height_px, frame_pixels)


def _check_size(width_px: int, height_px: int, frame_pixels: int) -> None:
    if width_px * height_px > frame_pixels:
        raise InputError(
            f"a picture of {width_px}x{height_px}", f"at most {frame_pixels / 1e6:.0f} million pixels", "reduce it"
        )
