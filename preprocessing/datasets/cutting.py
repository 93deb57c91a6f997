"""Clips cut out of a long video, in time and in the picture, with their sound."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from foundation.errors import InputError
from preprocessing.media import MediaInfo, VideoWriter, probe, read_frames
from preprocessing.media.writing import SoundTrack

TOLERATED_OUTSIDE = 0.02  # of its size that a crop may lie outside of the picture; it is then moved in
TOLERATED_LOSS_S = 1.0  # that may be missing at a clip's end


@dataclass(frozen=True)
class Cut:
    """What to cut. crop_px: x, y, width, height in pictures of `height_px`; size_px: of the square that is written."""

    goal: Path
    start_s: float
    end_s: float
    crop_px: tuple[int, int, int, int]
    height_px: int
    size_px: int


def cut_clips(video: Path | str, cuts: list[Cut]) -> Iterator[tuple[Cut, InputError | None]]:
    """Write clips of one video, decoding it and its sound once unless clips overlap; each is whole or absent.

    A crop is scaled to the height that the video has. Pictures keep their rate; sound starts and ends with them.

    Yields:
        Each cut when it is done, with what was wrong with it.

    Raises:
        InputError: the video cannot be read, or has no pictures or no sound.
    """
    info = probe(video)
    if not (info.has_video and info.has_sound):
        raise InputError(f"{video} has no {'sound' if info.has_video else 'pictures'}", "a video of a person speaking")
    frames, sound = _Counted(read_frames(video, info.fps)), SoundTrack(Path(video))
    for cut in sorted(cuts, key=lambda cut: (cut.start_s, cut.end_s)):
        start, end = (math.ceil(at_s * info.fps - 1e-6) for at_s in (cut.start_s, cut.end_s))
        if start < frames.count:
            frames = _Counted(read_frames(video, info.fps))
        try:
            left, top, right, bottom = crop_in(info, cut)
            if not sound.forward(start / info.fps):
                sound = SoundTrack(Path(video))
                sound.forward(start / info.fps)
            piece = itertools.islice(frames, start - frames.count, end - frames.count)
            _write(video, (frame[top:bottom, left:right] for frame in piece), cut, end - start, info.fps, sound)
        except InputError as error:
            yield cut, error
        else:
            yield cut, None


class _Counted:
    """Frames, and how many of them were taken, whatever became of them."""

    def __init__(self, frames: Iterator[np.ndarray]) -> None:
        self._frames, self.count = frames, 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> np.ndarray:
        frame = next(self._frames)
        self.count += 1
        return frame


def crop_in(info: MediaInfo, cut: Cut) -> tuple[int, int, int, int]:
    """Left, top, right, bottom in pixels of the video.

    Raises:
        InputError: the crop lies outside of the picture.
    """
    scale = info.height_px / cut.height_px
    x, y, width, height = (value * scale for value in cut.crop_px)
    outside = max(-x, -y, x + width - info.width_px, y + height - info.height_px)
    if min(width, height) < 1 or outside > TOLERATED_OUTSIDE * max(width, height) + 1:
        where = f"{cut.crop_px[2]}x{cut.crop_px[3]} at ({cut.crop_px[0]}, {cut.crop_px[1]})"
        raise InputError(
            f"a crop of {where} in {cut.height_px} rows for pictures of {info.width_px}x{info.height_px}",
            "one inside of the picture", "use the video of the listed resolution",
        )
    across, down = min(round(width), info.width_px), min(round(height), info.height_px)
    left = min(max(round(x), 0), info.width_px - across)
    top = min(max(round(y), 0), info.height_px - down)
    return left, top, left + across, top + down


def _write(
    video: Path | str, pictures: Iterator[np.ndarray], cut: Cut, count: int, fps: float, sound: SoundTrack
) -> None:
    size = (cut.size_px, cut.size_px)
    with VideoWriter(cut.goal, fps, *size, sound_source=sound, crf=16) as writer:
        for picture in pictures:
            shrinks = picture.shape[0] > cut.size_px
            how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
            writer.write(cv2.resize(np.ascontiguousarray(picture), size, interpolation=how))
        missing_s = (count - writer.frames) / fps
        if missing_s > TOLERATED_LOSS_S or not writer.frames:
            received = f"{video} is over before {cut.goal.stem} is ({missing_s:.1f} s are missing)"
            raise InputError(received, "the whole video", "download it again")
