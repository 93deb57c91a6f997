"""Frames kept on disk so that any of them is at hand at once: what a person's films are made from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import av
import numpy as np

from foundation.errors import InputError
from preprocessing.media.writing import VideoWriter
from preprocessing.media.yuv import Planes

CRF = 12  # hardly to be told from the original
# Whole pictures come so often that any frame is decoded in milliseconds. More often would be faster, and would boil: of
# whole pictures alone a still wall changed from frame to frame by 0.5 of a level; in the film itself by 0.14, here by
# 0.2. Entropy is coded the plain way: the same pictures, two thirds of the time to decode, a tenth more bits.
CODEC = {"g": "8", "bf": "0", "sc_threshold": "0", "x264-params": "cabac=0"}
KEPT_BYTES = 64 << 20  # of decoded frames in memory, as the decoder gives them
KEPT_PARTS_BYTES = 96 << 20  # likewise of the parts that are asked for again and again
EDGE_PX = 4  # of a part, whose colours know too little of what is beside it
KEPT_RGB = 6  # whole frames, as pictures
CURSORS = 4  # places that are decoded on from: head, mouth and eyes come from different ones
NEAR = int(CODEC["g"])  # frames: so far ahead decoding on is no slower than beginning at a whole picture


def write_frame_file(path: Path, frames: Iterable[np.ndarray], fps: float, width_px: int, height_px: int) -> int:
    """Write frames `[H, W, 3]` uint8 RGB as one mp4 that `FrameFile` reads; how many they were.

    Raises:
        InputError: no frame came, or no space is left.
    """
    return sum(1 for _ in writing_frame_file(path, frames, fps, width_px, height_px))


def writing_frame_file(
    path: Path, frames: Iterable[np.ndarray], fps: float, width_px: int, height_px: int
) -> Iterator[np.ndarray]:
    """`write_frame_file` of frames that pass through: each is given on. The file is there when they have ended.

    Raises:
        InputError: as `write_frame_file`.
    """
    with VideoWriter(path, fps, width_px, height_px, crf=CRF, codec_options=CODEC) as writer:
        for frame in frames:
            writer.write(frame)
            yield frame


class FrameFile:
    """A sequence of frames `[H, W, 3]` uint8 RGB, decoded as they are asked for, by any thread."""

    def __init__(self, path: Path, width_px: int, height_px: int) -> None:
        """
        Args:
            path: from `write_frame_file`. width_px, height_px: as they were given there.

        Raises:
            InputError: it is absent or no such file.
        """
        self.path, self._size = path, (height_px, width_px)
        self._cursors = [_Cursor(path)]
        self._planes: OrderedDict[int, Planes] = OrderedDict()
        self._pictures: OrderedDict[int, np.ndarray] = OrderedDict()
        self._boxes: np.ndarray | None = None
        self._parts: OrderedDict[int, _Placed] = OrderedDict()
        self._one_at_a_time = Lock()

    def __len__(self) -> int:
        return self._cursors[0].frames

    def __getitem__(self, index: int) -> np.ndarray:
        """Frame `index`, from 0; read only, for it is shared."""
        with self._one_at_a_time:
            kept = self._pictures.get(index)
            if kept is not None:
                self._pictures.move_to_end(index)
                return kept
        picture = self.window(index, slice(0, self._size[0]), slice(0, self._size[1]))
        picture.flags.writeable = False
        with self._one_at_a_time:
            self._pictures[index] = picture
            if len(self._pictures) > KEPT_RGB:
                self._pictures.popitem(last=False)
        return picture

    def keep_parts(self, boxes: np.ndarray) -> None:
        """Keep a part of each frame that has been decoded, while many more of these fit into memory than frames.

        Args:
            boxes: `[T, 4]`, top, left, bottom and right of a rectangle of each frame; those without a pixel are none.
        """
        height, width = (-(-side // 2) * 2 for side in self._size)  # the file's own, which are even
        low = np.maximum(boxes[:, :2], 0) // 2 * 2
        self._boxes = np.concatenate((low, np.minimum(-(-boxes[:, 2:] // 2) * 2, (height, width))), axis=1)

    def window(self, index: int, rows: slice, columns: slice) -> np.ndarray:
        """A rectangle of frame `index`, `[h, w, 3]`."""
        assert 0 <= index < len(self), f"frame {index} of {len(self)}"
        with self._one_at_a_time:
            kept: Planes | _Placed | None = self._parts.get(index)
            if isinstance(kept, _Placed) and kept.holds(rows, columns, *self._size):
                self._parts.move_to_end(index)
            else:
                kept = self._decoded(index)
        return kept.rgb(rows, columns)

    def planes(self, index: int) -> Planes:
        """Frame `index` as it is coded, a row or column larger where a side is odd; read only, for it is shared."""
        assert 0 <= index < len(self), f"frame {index} of {len(self)}"
        with self._one_at_a_time:
            return self._decoded(index)

    def _decoded(self, index: int) -> Planes:
        if index not in self._planes:
            self._decode(index)
        self._planes.move_to_end(index)
        return self._planes[index]

    def _decode(self, index: int) -> None:
        """Keep a frame, and those that had to be decoded before it."""
        cursor = self._cursor(index)
        for number, planes in cursor.until(index):
            self._planes[number] = planes
            self._keep_part(number, planes)
            most = max(2, KEPT_BYTES // planes.bytes)
            while len(self._planes) > most:
                self._planes.popitem(last=False)

    def _keep_part(self, index: int, planes: Planes) -> None:
        if self._boxes is None or index in self._parts:
            return
        top, left, bottom, right = map(int, self._boxes[index])
        if top < bottom and left < right:
            part = _Placed(planes.part(slice(top, bottom), slice(left, right)), top, left)
            self._parts[index] = part
            while len(self._parts) > max(2, KEPT_PARTS_BYTES // part.planes.bytes):
                self._parts.popitem(last=False)

    def _cursor(self, index: int) -> _Cursor:
        """The one that is nearest before a frame, or the one that was used least recently; it is now used last."""
        ahead = [c for c in self._cursors if 0 <= index - c.next < NEAR]
        if ahead:
            chosen = min(ahead, key=lambda c: index - c.next)
        elif len(self._cursors) < CURSORS:
            chosen = _Cursor(self.path)
        else:
            chosen = self._cursors[0]
        self._cursors = [*(c for c in self._cursors if c is not chosen), chosen]
        return chosen


@dataclass(frozen=True)
class _Placed:
    """A part of a frame, and where it begins."""

    planes: Planes
    top: int
    left: int

    def holds(self, rows: slice, columns: slice, height: int, width: int) -> bool:
        """Whether a rectangle of a frame of that size lies in it, where its colours are the frame's."""
        high, wide = self.planes.light.shape
        within = (
            (rows.start, rows.stop, self.top, self.top + high, height),
            (columns.start, columns.stop, self.left, self.left + wide, width),
        )
        return all(
            (start >= first + EDGE_PX or first == 0) and (stop <= last - EDGE_PX or last >= side)
            for start, stop, first, last, side in within
        )

    def rgb(self, rows: slice, columns: slice) -> np.ndarray:
        top, left = self.top, self.left
        return self.planes.rgb(
            slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        )


class _Cursor:
    """A decoder at one place of a file. next: the frame that decoding on gives."""

    def __init__(self, path: Path) -> None:
        self.path, self.next = path, -NEAR
        try:
            self._container = av.open(f"file:{path.absolute()}")
            self._stream = self._container.streams.video[0]
            self._stream.codec_context.thread_count = 1
        except (OSError, av.FFmpegError, IndexError) as error:
            raise InputError(
                f"{path} is absent or damaged", "the person's frames", "enroll the person again"
            ) from error
        assert self._stream.time_base is not None and self._stream.average_rate is not None
        self._ticks = float(1 / (self._stream.average_rate * self._stream.time_base))  # of the time base, a frame
        self.frames = int(self._stream.frames)
        self._decoded: Iterator[av.VideoFrame] = iter(())

    def until(self, index: int) -> Iterator[tuple[int, Planes]]:
        """The frames from here, or from the whole picture before it, to a frame, with their numbers.

        Raises:
            InputError: the file is damaged there.
        """
        damaged = InputError(f"{self.path} is damaged at frame {index}", "a whole file", "enroll the person again")
        try:
            if not 0 <= index - self.next < NEAR:
                self._container.seek(round(index * self._ticks), stream=self._stream)
                self._decoded = self._container.decode(self._stream)
            self.next = -NEAR  # until it is known again
            for frame in self._decoded:
                number = round((frame.pts or 0) / self._ticks)
                yield number, Planes.of(frame.to_ndarray())
                if number >= index:
                    self.next = number + 1
                    break
        except av.FFmpegError as error:
            raise damaged from error
        if self.next != index + 1:
            raise damaged
