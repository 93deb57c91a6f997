"""What a video's pictures are like throughout: size, turns, colours, fields. Found out once a file."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from preprocessing.media.colour import Colours
from preprocessing.media.once import per_file
from preprocessing.media.source import (
    open_media,
    orientation,
    shown_size,
    video_stream,
    video_streams,
)

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.75  # between the frames that are looked at; only those that stand alone are decoded
LARGE_SHARE = 0.25  # of the time: the largest size that is shown for so long is taken, else the commonest


@dataclass(frozen=True)
class Layout:
    """Of a video. width_px, height_px: of the picture as shown, after turns and with square pixels. colours: of the
    first frame. interlaced: whether any frame that was looked at consists of fields. notes: for people.
    """

    width_px: int
    height_px: int
    colours: Colours
    interlaced: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Look:
    time_s: float
    size: tuple[int, int]
    turn: tuple[bool, bool, bool]
    colours: Colours
    interlaced: bool


def size_as_shown(frame: av.VideoFrame, aspect: object) -> tuple[int, int]:
    """Width and height of a decoded frame after its turn, with square pixels."""
    width_px, height_px = shown_size(frame, aspect)  # type: ignore[arg-type]
    return (height_px, width_px) if orientation(frame)[0] else (width_px, height_px)


def _looks(container: InputContainer, stream: av.VideoStream) -> Iterator[_Look]:
    stream.codec_context.skip_frame = "NONKEY"
    tick_s, last_s = float(stream.time_base or 0), -np.inf

    try:
        for packet in container.demux(stream):
            time_s = (packet.pts or packet.dts or 0) * tick_s
            if packet.size and not (packet.is_keyframe and time_s - last_s >= LOOK_EVERY_S):
                continue
            last_s = time_s
            try:
                frames = packet.decode()  # the last one is empty, and gives what a decoder still holds
            except av.error.FFmpegError:
                continue
            for frame in frames:
                assert isinstance(frame, av.VideoFrame)
                yield _Look(
                    frame.time or 0.0, size_as_shown(frame, stream.sample_aspect_ratio), orientation(frame),
                    Colours.of(frame), bool(frame.interlaced_frame),
                )
    except av.error.FFmpegError as error:
        log.debug("looking stopped: %s", error)


@per_file
def layout(path: Path) -> Layout | None:
    """Of a video; None where no frame that stands alone decodes.

    Raises:
        InputError: no such file, or not media.
    """
    with open_media(path) as container:
        stream = video_stream(container)
        if stream is None:
            return None
        count, chosen = len(video_streams(container)), stream.index
        end_s = float((stream.duration or 0) * (stream.time_base or 0))
        looks = sorted(_looks(container, stream), key=lambda look: look.time_s)
    if not looks:
        return None
    notes = [f"picture track {chosen} of {count} is used, its default or the largest"] if count > 1 else []
    shown: Counter[tuple[int, int]] = Counter()
    for look, following in zip(looks, [*looks[1:], None], strict=True):
        until_s = following.time_s if following else max(end_s + looks[0].time_s, look.time_s + LOOK_EVERY_S)
        shown[look.size] += max(round(1000 * (until_s - look.time_s)), 1)
    size = _chosen(shown)
    if len(shown) > 1:
        sizes = ", ".join(f"{width}x{height}" for width, height in shown)
        notes.append(f"its size changes in mid-stream ({sizes}): {size[0]}x{size[1]} is used, the rest fitted into it")
    elif len({look.turn for look in looks}) > 1:
        notes.append("its rotation changes in mid-stream, which is followed")
    colours = looks[0].colours
    if colours.needs_conversion:
        notes.append(f"{colours.name} is brought to standard range (BT.709)")
    interlaced = any(look.interlaced for look in looks)
    if interlaced:
        notes.append("its frames consist of two fields (interlaced), which are taken apart")
    return Layout(*size, colours, interlaced, tuple(notes))


def _chosen(shown: Counter[tuple[int, int]]) -> tuple[int, int]:
    total = sum(shown.values())
    long = [size for size, time in shown.items() if time >= LARGE_SHARE * total]
    return max(long, key=lambda size: (size[0] * size[1], size)) if long else shown.most_common(1)[0][0]
