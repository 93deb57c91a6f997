"""Finding out what an upload holds. Runs confined (`talking_head.studio.sandbox`), and alone imports what decodes."""

from __future__ import annotations

import base64
import io
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from foundation.errors import InputError
from preprocessing.media import probe, timed_frames
from preprocessing.media.stills import is_still, read_still
from talking_head.studio.content import Content

STILL_PX = 512  # of the longer side


def look_into(file: str, frame_pixels: int) -> dict[str, Any]:
    """What a file holds, by its content alone: a `Content`, and under `still` a small JPEG of it in base64, or nothing.

    Raises:
        InputError: pictures of more pixels than `frame_pixels`.
    """
    content, picture = _looked(Path(file), frame_pixels)
    return asdict(content) | {"still": "" if picture is None else _small(picture)}


def _looked(path: Path, frame_pixels: int) -> tuple[Content, np.ndarray | None]:
    # Not `set_level`: that has FFmpeg's threads wait for Python's lock, whose holder may be waiting for them.
    av.logging.set_libav_level(av.logging.PANIC)
    if is_still(path):
        return _photo(path, frame_pixels)
    _check_declared(path, frame_pixels)
    try:
        found = probe(path)
    except InputError as error:
        return Content("other", why=f"{error.received}; expected {error.expected}"), None
    if not found.has_video:
        return Content("sound", found.duration_s, has_sound=True), None
    content = Content("video", found.duration_s, found.width_px, found.height_px, found.has_sound)
    with suppress(InputError, av.FFmpegError, ValueError, OSError):  # who cannot be shown may still be learned from
        return content, next(frame for _, frame in timed_frames(path))
    return content, None


def _photo(path: Path, frame_pixels: int) -> tuple[Content, np.ndarray | None]:
    with Image.open(path) as picture:  # its header only
        width_px, height_px = picture.size
    _check_size(width_px, height_px, frame_pixels)
    try:
        still = read_still(path)
    except InputError as error:
        return Content("other", why=f"{error.received}; expected {error.expected}"), None
    assert still is not None
    return Content("photo", 0.0, still.picture_rgb.shape[1], still.picture_rgb.shape[0]), still.picture_rgb


def _small(picture_rgb: np.ndarray) -> str:
    picture = Image.fromarray(picture_rgb)
    picture.thumbnail((STILL_PX, STILL_PX))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=85)
    return base64.b64encode(content.getvalue()).decode()


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
