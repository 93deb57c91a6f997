"""Opening media files, and what their headers tell."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition

from foundation.errors import InputError, unreadable
from preprocessing.media.once import per_file, warn_once
from preprocessing.media.stills import is_still

log = logging.getLogger(__name__)

FALLBACK_FPS = 25.0  # of a picture without any timing
WAV_TAIL_BYTES = 4096  # after the sound of a wav, or lacking of it: from here on it is looked at, or told
WAV_STREAM_BYTES = 0x7FFF0000  # told by programs that did not know how long it would be
# Formats that are recipes naming other files or addresses, or that draw text: nothing a user means by "my video".
# "amrnb" and "amrwb" are FFmpeg's last guess at anything; sound that is that has a header, and is called "amr".
REFUSED_FORMATS = {"amrnb", "amrwb", "tty", "hls", "concat", "dash", "ffmetadata", "image2", "rtsp", "sdp"}


@contextmanager
def open_media(path: Path | str) -> Iterator[InputContainer]:
    """An open container.

    Raises:
        InputError: no such file, empty, or not media that FFmpeg knows.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is a pipe or a device" if path.exists() else "does not exist"
        raise InputError(f"{path} {what}", "a video or sound file", "check the path")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes)", "a video or sound file", "copy or record it again")
    try:
        # The "file:" prefix keeps names with a colon from being read as network addresses.
        container = av.open(f"file:{path.absolute()}", metadata_errors="replace", options=_options(path))
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError(
            f"{path} does not open as media ({_reason(error)})",
            "a whole video or sound file (mp4, mov, webm, wav, mp3, ...)",
            "it may be cut short or be something else: export or copy it again",
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
    with container:
        kind = container.format.name
        if set(kind.split(",")) & REFUSED_FORMATS or kind.endswith("_pipe"):
            what = "is a web page" if _is_web_page(path) else "is a picture" if is_still(path) else f"reads as '{kind}'"
            raise InputError(f"{path} {what}", "a video or sound file", "export it as mp4 or wav")
        yield container


def _is_web_page(path: Path) -> bool:
    with open(path, "rb") as file:
        start = file.read(64).lstrip().lower()
    return start.startswith((b"<!doctype html", b"<html", b"<?xml"))


def _options(path: Path) -> dict[str, str]:
    """FFmpeg's for reading a file: a wav whose header tells less than there is, is read to its end."""
    if (lengths := _wav_lengths(path)) is None:
        return {}
    told, there = lengths
    after = "all is read" if there > told else "it may be cut short"
    warn_once(f"{path}: its header tells of {told} bytes of sound, and there are {there}; {after}")
    return {"ignore_length": "1"} if there > told else {}


def _wav_lengths(path: Path) -> tuple[int, int] | None:
    """(bytes of sound that the header of a wav tells of, bytes that there are), where there clearly are more or fewer.

    There are more where what follows the sound is no chunk of the format. None where the two agree, or the header tells
    nothing, as that of a stream.
    """
    whole = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(12)
        if start[:4] != b"RIFF" or start[8:] != b"WAVE":
            return None
        while len(chunk := file.read(8)) == 8:
            size = int.from_bytes(chunk[4:], "little")
            begin = file.tell()
            file.seek(size + size % 2, 1)
            if chunk[:4] != b"data":
                continue
            rest = whole - file.tell()
            if size == 0 or size >= WAV_STREAM_BYTES:
                return None
            if rest < WAV_TAIL_BYTES:
                return (size, whole - begin) if rest < -WAV_TAIL_BYTES else None
            following = file.read(8)
            known = following[:4].isascii() and following[:4].strip().isalnum()
            return None if known and int.from_bytes(following[4:], "little") <= rest - 8 else (size, whole - begin)
    return None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error)


def video_streams(container: InputContainer) -> list[av.VideoStream]:
    """The streams of moving pictures that can be decoded here (cover art and thumbnails do not count)."""
    other = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return [s for s in container.streams.video if s.codec_context is not None and not s.disposition & other]


def video_stream(container: InputContainer) -> av.VideoStream | None:
    """The stream of moving pictures that is the default one; where several are, or none, the largest."""
    streams = video_streams(container)
    defaults = [stream for stream in streams if stream.disposition & Disposition.default]
    if len(defaults) == 1:
        return defaults[0]
    return max(streams, key=lambda stream: stream.codec_context.width * stream.codec_context.height, default=None)


def sound_streams(container: InputContainer) -> list[av.AudioStream]:
    """The sound streams that can be decoded here."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def decoded(
    container: InputContainer, stream: av.VideoStream | av.AudioStream, path: Path | str
) -> Iterator[av.frame.Frame]:
    """Every frame of a stream that decodes; damaged packets are skipped, with one warning.

    Raises:
        InputError: more of the sound is damaged than whole: it is something else.
    """
    damaged = whole = 0
    if isinstance(stream, av.VideoStream):
        stream.thread_type = "AUTO"
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                damaged += 1
                continue
            whole += 1
            yield from (frame for frame in frames if isinstance(frame, av.frame.Frame))
    except av.error.FFmpegError as error:
        log.warning("%s: reading stopped early (%s); what came before is used", path, _reason(error))
    if damaged > whole and isinstance(stream, av.AudioStream):
        what = f"{path}: {damaged} of {damaged + whole} packets of its sound are damaged"
        raise InputError(what, "a sound or video file", "it may be something else; export or copy it again")
    if damaged:
        log.warning("%s: %d damaged %s packets were skipped", path, damaged, stream.type)


def declared_end_s(container: InputContainer, stream: av.VideoStream | av.AudioStream) -> float | None:
    """How long the header says that the stream lasts."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """(transpose, flip left-right, flip up-down), in this order, that bring a decoded frame into the shown position.

    The display matrix maps stored to shown pixels: x' = a x + c y, y' = b x + d y, stored as nine numbers of which the
    first, second, fourth and fifth are a, b, c, d. Angles between the quarter turns go to the nearest one.
    """
    data = frame.side_data.get(SideDataType.DISPLAYMATRIX)  # type: ignore[call-overload]
    if data is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    return (True, c < 0, b < 0) if abs(b) > abs(a) else (False, a < 0, d < 0)


def shown_size(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Width and height of the stored picture with square pixels, before any turn."""
    if not pixel_aspect or pixel_aspect == 1 or not 1 / 4 <= pixel_aspect <= 4:
        return frame.width, frame.height
    return round(frame.width * pixel_aspect), frame.height


def first_frame(path: Path | str) -> tuple[av.VideoFrame, float, tuple[int, int]] | None:
    """The first frame that decodes, its presentation time, and its size with square pixels; None without pictures."""
    with open_media(path) as container:
        stream = video_stream(container)
        if stream is None:
            return None
        for frame in decoded(container, stream, path):
            assert isinstance(frame, av.VideoFrame)
            return frame, frame.time or 0.0, shown_size(frame, stream.sample_aspect_ratio)
    return None


@per_file
def pictures_begin_s(path: Path) -> float | None:
    """When the first picture that decodes is shown; None without pictures."""
    first = first_frame(path)
    return first[1] if first else None
