"""Opening media files, and what their headers tell."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType

from foundation.errors import InputError
from preprocessing.media.stills import is_still

log = logging.getLogger(__name__)

FALLBACK_FPS = 25.0  # of a picture without any timing
STANDARD_FPS = (12, 12.5, 15, 24000 / 1001, 24, 25, 30000 / 1001, 30, 48, 50, 60000 / 1001, 60, 100, 120, 240)
WAV_TAIL_BYTES = 4096  # after the sound of a wav, from here on looked at
TIMING_PACKETS = 4000  # looked at to judge the frame rate: over two minutes at 30 fps
# Formats that are recipes naming other files or addresses, or that draw text: nothing a user means by "my video".
# "amrnb" and "amrwb" are FFmpeg's last guess at anything; sound that is that has a header, and is called "amr".
REFUSED_FORMATS = {"amrnb", "amrwb", "tty", "hls", "concat", "dash", "ffmetadata", "image2", "rtsp", "sdp"}


@dataclass(frozen=True)
class MediaInfo:
    """What a media file holds.

    width_px, height_px: of the picture as shown, after rotation metadata and non-square pixels; 0 without pictures.
    fps: the constant rate that `read_frames` gives unless told otherwise; 0 without pictures.
    duration_s: of the pictures, else of the sound, as the header says (a truncated file may hold less).
    rotation_degrees: counter-clockwise turn that the metadata asks for, already applied by every reader here.
    variable_frame_rate: frames are not evenly spaced; readers give evenly spaced ones all the same.
    """

    width_px: int
    height_px: int
    fps: float
    duration_s: float
    has_video: bool
    has_sound: bool
    rotation_degrees: int = 0
    variable_frame_rate: bool = False


@contextmanager
def open_media(path: Path | str) -> Iterator[InputContainer]:
    """An open container.

    Raises:
        InputError: no such file, empty, or not media that FFmpeg knows.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
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
    if (told := _wav_lengths(path)) is None:
        return {}
    warn_once(f"{path}: its header tells of {told[0]} bytes of sound, and there are {told[1]}; all is read")
    return {"ignore_length": "1"}


def _wav_lengths(path: Path) -> tuple[int, int] | None:
    """(bytes of sound that the header of a wav tells of, bytes that there are), where there clearly are more.

    That is where what follows the sound is no chunk of the format; else None.
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
            if rest < WAV_TAIL_BYTES or size == 0:  # a header that tells nothing is FFmpeg's to deal with
                return None
            following = file.read(8)
            known = following[:4].isascii() and following[:4].strip().isalnum()
            return None if known and int.from_bytes(following[4:], "little") <= rest - 8 else (size, whole - begin)
    return None


@cache
def warn_once(message: str) -> None:
    """Warn of something that every reading of a file would come upon again."""
    log.warning("%s", message)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error)


def video_stream(container: InputContainer) -> av.VideoStream | None:
    """The first stream of moving pictures (cover art does not count)."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None


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


@dataclass(frozen=True)
class _Timing:
    fps: float
    variable: bool
    last_s: float  # end of the last frame seen


def _timing(container: InputContainer, stream: av.VideoStream) -> _Timing | None:
    """Frame rate from the packets' presentation times, without decoding; None without a packet."""
    tick_s = float(stream.time_base or 0)
    times: list[int] = []
    last = packets = 0
    try:
        for packet in container.demux(stream):
            stamp = packet.pts if packet.pts is not None else packet.dts
            packets += packet.size > 0
            if stamp is None or packet.size == 0:
                continue
            last = max(last, stamp)
            if len(times) < TIMING_PACKETS:
                times.append(stamp)
            elif container.duration:  # otherwise read on, to learn the length
                break
    except av.error.FFmpegError as error:
        log.debug("demuxing stopped: %s", error)
    if packets == 0:
        return None
    average = float(stream.average_rate or 0)
    steps = [b - a for a, b in zip(sorted(times), sorted(times)[1:], strict=False) if b > a]
    if not steps:
        return _Timing(average or FALLBACK_FPS, False, last * tick_s + 1 / (average or FALLBACK_FPS))
    usual = statistics.median(steps)
    variable = any(abs(step - usual) > max(0.1 * usual, 1.5) for step in steps)
    measured = 1 / (tick_s * (usual if variable else statistics.fmean(steps)))
    near = min((average, *STANDARD_FPS) if not variable else STANDARD_FPS, key=lambda rate: abs(rate / measured - 1))
    # Time stamps in whole milliseconds blur the rate: take the exact one that they mean.
    blur = max(0.002, 0.6 / usual if variable else 0.0)
    fps = near if abs(near / measured - 1) < blur else measured
    return _Timing(float(fps), variable, (last - min(times)) * tick_s + 1 / fps)


def probe(path: Path | str) -> MediaInfo:
    """What a file holds, after rotation metadata.

    Raises:
        InputError: no such file, or nothing in it that can be seen or heard.
    """
    with open_media(path) as container:
        video = video_stream(container)
        sound = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
        has_sound = sound is not None
        timing = _timing(container, video) if video is not None else None
        duration_s = declared_end_s(container, video or sound) if (video or sound) is not None else None  # type: ignore[arg-type]
    first = first_frame(path) if timing else None
    if first is None and not has_sound:
        raise InputError(f"{path} holds neither pictures nor sound that decode", "a video or sound file")
    if first is None or timing is None:
        return MediaInfo(0, 0, 0.0, duration_s or 0.0, False, has_sound)
    frame, _, (width, height) = first
    turned = orientation(frame)[0]
    return MediaInfo(
        width_px=height if turned else width, height_px=width if turned else height, fps=timing.fps,
        duration_s=duration_s or timing.last_s, has_video=True, has_sound=has_sound,
        rotation_degrees=int(frame.rotation), variable_frame_rate=timing.variable,
    )
