"""What a media file holds, without reading all of it."""

from __future__ import annotations

import logging
import statistics
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer

from foundation.confined import confined
from foundation.errors import InputError
from preprocessing.media.layout import layout
from preprocessing.media.once import per_file
from preprocessing.media.source import (
    FALLBACK_FPS,
    declared_end_s,
    first_frame,
    open_media,
    orientation,
    sound_streams,
    video_stream,
)

log = logging.getLogger(__name__)

STANDARD_FPS = (12, 12.5, 15, 24000 / 1001, 24, 25, 30000 / 1001, 30, 48, 50, 60000 / 1001, 60, 100, 120, 240)
TIMING_PACKETS = 4000  # looked at to judge the frame rate: over two minutes at 30 fps


@dataclass(frozen=True)
class MediaInfo:
    """What a media file holds.

    width_px, height_px: of the picture as shown, after rotation metadata and non-square pixels; 0 without pictures.
    fps: the constant rate that `read_frames` gives unless told otherwise; 0 without pictures.
    duration_s: of the pictures, else of the sound, as the header says (a truncated file may hold less).
    rotation_degrees: counter-clockwise turn that the metadata asks for, already applied by every reader here.
    variable_frame_rate: frames are not evenly spaced; readers give evenly spaced ones all the same.
    notes: what is done to the pictures, for people: sizes, colours, fields. (Those of the sound: `hearing`.)
    """

    width_px: int
    height_px: int
    fps: float
    duration_s: float
    has_video: bool
    has_sound: bool
    rotation_degrees: int = 0
    variable_frame_rate: bool = False
    notes: tuple[str, ...] = ()


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


@per_file
@confined(lambda told: MediaInfo(**told | {"notes": tuple(told["notes"])}))
def probe(path: Path) -> MediaInfo:
    """What a file holds, after rotation metadata.

    Raises:
        InputError: no such file, or nothing in it that can be seen or heard.
    """
    with open_media(path) as container:
        video, sound = video_stream(container), next(iter(sound_streams(container)), None)
        has_sound = sound is not None
        timing = _timing(container, video) if video is not None else None
        duration_s = declared_end_s(container, video or sound) if (video or sound) is not None else None  # type: ignore[arg-type]
    first = first_frame(path) if timing else None
    if first is None and not has_sound:
        raise InputError(f"{path} holds neither pictures nor sound that decode", "a video or sound file")
    if first is None or timing is None:
        return MediaInfo(0, 0, 0.0, duration_s or 0.0, False, has_sound)
    frame, _, size = first
    found = layout(path)
    width_px, height_px = (found.width_px, found.height_px) if found else size[::-1] if orientation(frame)[0] else size
    return MediaInfo(
        width_px=width_px, height_px=height_px, fps=timing.fps,
        duration_s=duration_s or timing.last_s, has_video=True, has_sound=has_sound,
        rotation_degrees=int(frame.rotation), variable_frame_rate=timing.variable, notes=found.notes if found else (),
    )
