"""Frames of a video at a constant rate."""

from __future__ import annotations

import logging
import math
from collections.abc import Container, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from foundation.confined import confined
from foundation.errors import InputError
from preprocessing.media.layout import layout
from preprocessing.media.once import warn_once
from preprocessing.media.probing import probe
from preprocessing.media.rgb import ToRgb, deinterlaced
from preprocessing.media.source import FALLBACK_FPS, declared_end_s, decoded, open_media, video_stream

log = logging.getLogger(__name__)

JITTER = 0.05  # of a frame: time stamps rounded to milliseconds must not double or drop frames


def _timed_frames(path: Path | str) -> Iterator[tuple[float, float, av.VideoFrame, Fraction | None]]:
    """(seconds since the first frame, how long it is shown or 0, frame, pixel aspect), in order of presentation.

    A time stamp that is missing, runs backwards or lies beyond the declared end continues evenly from the one before.
    """
    with open_media(path) as container:
        stream = video_stream(container)
        if stream is None:
            raise InputError(f"{path} has no pictures", "a video", "give a file with a video stream")
        step_s = 1 / float(stream.average_rate or FALLBACK_FPS)
        end_s = declared_end_s(container, stream)
        limit_s = end_s + 1.0 if end_s else math.inf
        origin_s, last_s, shown_s = 0.0, -1.0, step_s
        for frame in _whole_frames(container, stream, path):
            if last_s < 0:
                origin_s = frame.time or 0.0
            time_s = last_s + step_s if frame.time is None else frame.time - origin_s
            if not last_s <= time_s <= limit_s:
                time_s = last_s + step_s
            last_s = max(time_s, 0.0)
            shown_s = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else step_s
            yield last_s, shown_s, frame, stream.sample_aspect_ratio
    if last_s < 0:
        raise InputError(f"{path}: not one frame decodes", "a whole video", "export or copy it again")
    if end_s and last_s + shown_s < end_s - 0.5:
        log.warning("%s ends after %.2f s of the promised %.2f s; it may be cut short", path, last_s + shown_s, end_s)


def _whole_frames(container: InputContainer, stream: av.VideoStream, path: Path | str) -> Iterator[av.VideoFrame]:
    frames = (frame for frame in decoded(container, stream, path) if isinstance(frame, av.VideoFrame))
    found = layout(path)
    return deinterlaced(frames) if found is not None and found.interlaced else frames


@confined(tuple)
def frames_at(
    path: Path | str, indices: Container[int] | None = None, fps: float | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """(index, frame) as `read_frames` gives them, of some frames only; the others are decoded, but never converted.

    Raises:
        InputError: as `read_frames`.
    """
    if fps is None:
        fps = probe(path).fps or FALLBACK_FPS
    if not (math.isfinite(fps) and 0 < fps <= 1000):
        raise InputError(f"a frame rate of {fps}", "a number of frames a second between 0 and 1000")
    convert: ToRgb | None = None
    shown: av.VideoFrame | None = None
    count, end_s = 0, 0.0

    def given(until: int) -> Iterator[tuple[int, np.ndarray]]:
        wanted = [k for k in range(count, until) if indices is None or k in indices]
        if wanted and shown is not None and convert is not None:
            picture = convert(shown)
            yield from ((k, picture.copy()) for k in wanted)

    for time_s, shown_s, frame, pixel_aspect in _timed_frames(path):
        convert = convert or _converter(path, pixel_aspect)
        until = math.ceil(time_s * fps - 0.5 + JITTER)  # frames before this one still show the picture before
        if shown is not None and until > count:
            yield from given(until)
            count = until
        shown, end_s = frame, time_s + shown_s
    yield from given(max(round(end_s * fps), 1))


@confined(tuple)
def timed_frames(path: Path | str) -> Iterator[tuple[float, np.ndarray]]:
    """(seconds since the first frame, frame `[H, W, 3]` uint8 RGB) of every frame that a file has, upright.

    Raises:
        InputError: as `read_frames`.
    """
    convert: ToRgb | None = None
    for time_s, _, frame, pixel_aspect in _timed_frames(path):
        convert = convert or _converter(path, pixel_aspect)
        yield time_s, convert(frame)


def _converter(path: Path | str, pixel_aspect: Fraction | None) -> ToRgb:
    found = layout(path)
    for note in found.notes if found is not None else ():
        warn_once(f"{path}: {note}")
    return ToRgb(pixel_aspect) if found is None else ToRgb(pixel_aspect, found.width_px, found.height_px)


def read_frames(path: Path | str, fps: float | None = None) -> Iterator[np.ndarray]:
    """Frames `[H, W, 3]` uint8 RGB at a constant rate, one by one; frame k shows the instant k / fps.

    Rotation metadata and non-square pixels are honoured. Frames are chosen by presentation time: each is held until the
    next one comes, with half a frame of tolerance, so evenly spaced video at its own rate gives each frame once.
    A truncated video gives what decodes, with a warning.

    Args:
        path: any video.
        fps: frames a second; None for the video's own (`probe(path).fps`).

    Raises:
        InputError: no such file, no pictures, nothing decodes, or `fps` is not a positive number.
    """
    yield from (frame for _, frame in frames_at(path, None, fps))
