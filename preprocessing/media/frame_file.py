"""Frames kept on disk so that any of them is at hand at once: what a person's films are made from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

import av
import numpy as np
from av.video.reformatter import Interpolation

from foundation.errors import InputError
from preprocessing.media.writing import VideoWriter

CRF = 12  # hardly to be told from the original
# Whole pictures come so often that any frame is decoded in milliseconds. More often would be faster, and would boil: of
# whole pictures alone a still wall changed from frame to frame by 0.5 of a level; in the film itself by 0.14, here by
# 0.2.
CODEC = {"g": "8", "bf": "0", "sc_threshold": "0"}
INTERPOLATION = Interpolation.BICUBIC | Interpolation.ACCURATE_RND
KEPT = 24  # decoded frames in memory


def write_frame_file(path: Path, frames: Iterable[np.ndarray], fps: float, width_px: int, height_px: int) -> int:
    """Write frames `[H, W, 3]` uint8 RGB as one mp4 that `FrameFile` reads; how many they were.

    Raises:
        InputError: no frame came, or no space is left.
    """
    with VideoWriter(path, fps, width_px, height_px, crf=CRF, codec_options=CODEC) as writer:
        for frame in frames:
            writer.write(frame)
        return writer.frames


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
        try:
            self._container = av.open(f"file:{path.absolute()}")
            self._stream = self._container.streams.video[0]
        except (OSError, av.FFmpegError, IndexError) as error:
            raise InputError(
                f"{path} is absent or damaged", "the person's frames", "enroll the person again"
            ) from error
        assert self._stream.time_base is not None and self._stream.average_rate is not None
        self._ticks = float(1 / (self._stream.average_rate * self._stream.time_base))  # of the time base, a frame
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._one_at_a_time = Lock()
        self._next = -1  # the frame that decoding on would give

    def __len__(self) -> int:
        return int(self._stream.frames)

    def __getitem__(self, index: int) -> np.ndarray:
        """Frame `index`, from 0; read only, for it is shared."""
        assert 0 <= index < len(self), f"frame {index} of {len(self)}"
        with self._one_at_a_time:
            if index not in self._kept:
                self._kept[index] = self._decoded(index)
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(index)
            return self._kept[index]

    def _decoded(self, index: int) -> np.ndarray:
        if index != self._next:
            self._container.seek(round(index * self._ticks), stream=self._stream)
        try:
            for frame in self._container.decode(self._stream):
                if round((frame.pts or 0) / self._ticks) == index:
                    self._next = index + 1
                    whole = frame.reformat(format="rgb24", interpolation=INTERPOLATION, threads=1).to_ndarray()
                    picture = np.ascontiguousarray(whole[: self._size[0], : self._size[1]])
                    picture.flags.writeable = False
                    return picture
        except av.FFmpegError as error:
            raise self._damaged(index) from error
        raise self._damaged(index)

    def _damaged(self, index: int) -> InputError:
        return InputError(f"{self.path} is damaged at frame {index}", "a whole file", "enroll the person again")
