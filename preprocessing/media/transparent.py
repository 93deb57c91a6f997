"""Writing webm with transparency: VP9 pictures with alpha as they are made, Opus sound of a file in a stream."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from foundation.errors import InputError
from foundation.files import atomic_path
from preprocessing.media.writing import SoundTrack

OPUS_HZ = 48_000
OPUS_BITS_A_SECOND = {1: 96_000, 2: 160_000}
# Quality 0-63, lower is better; as quick as libvpx encodes well.
OPTIONS = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "6", "row-mt": "1", "auto-alt-ref": "0"}


class TransparentWriter:
    """A context manager that writes RGBA frames, and the sound of a file, as one webm: the counterpart of `VideoWriter`
    for editors and browsers, which put such a film over anything.

    Colours are not multiplied by coverage. The file appears when the block ends well, and not at all otherwise.

    Args:
        path: the webm to write.
        fps: frames a second.
        width_px, height_px: of the frames, even.
        sound_source: any file with sound, or None.
        metadata: tags such as `{"comment": "synthetic"}`.

    Raises:
        InputError: the sound cannot be read, no frame was written, no space left on the disk.
    """

    def __init__(
        self, path: Path | str, fps: float | Fraction, width_px: int, height_px: int,
        sound_source: Path | str | None = None, metadata: dict[str, str] | None = None,
    ) -> None:
        assert width_px % 2 == 0 == height_px % 2, f"{width_px}x{height_px}"
        self.path, self.fps = Path(path), Fraction(fps).limit_denominator(1001)
        self.width_px, self.height_px, self.frames = width_px, height_px, 0
        self._metadata = metadata or {}
        self._sound = SoundTrack(Path(sound_source), rate_hz=OPUS_HZ) if sound_source is not None else None
        self._exit = ExitStack()

    def __enter__(self) -> TransparentWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            self._container = stack.enter_context(av.open(f"file:{temporary.absolute()}", "w", format="webm"))
            self._container.metadata.update(self._metadata)
            video = self._container.add_stream("libvpx-vp9", rate=self.fps, options=OPTIONS)
            video.width, video.height, video.pix_fmt = self.width_px, self.height_px, "yuva420p"
            context = video.codec_context
            context.colorspace, context.color_range = int(Colorspace.ITU709), int(ColorRange.MPEG)
            context.time_base = 1 / self.fps
            self._video, self._opus = video, None
            if self._sound is not None:
                layout = "mono" if self._sound.channels == 1 else "stereo"
                self._opus = self._container.add_stream("libopus", rate=OPUS_HZ, layout=layout)
                self._opus.bit_rate = OPUS_BITS_A_SECOND[self._sound.channels]
            self._exit = stack.pop_all()
        return self

    def write(self, frame_rgba: np.ndarray) -> None:
        """Append one frame `[H, W, 4]` uint8, colour and coverage, and the sound that goes with it."""
        expected = (self.height_px, self.width_px, 4)
        assert frame_rgba.shape == expected, f"a frame {frame_rgba.shape}, not {expected}"
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame_rgba), format="rgba").reformat(
            format="yuva420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, threads=1
        )
        picture.pts, picture.time_base = self.frames, 1 / self.fps
        self._container.mux(self._video.encode(picture))
        self.frames += 1
        if self._sound is not None and self._opus is not None:
            start = self._sound.given
            count = round(self.frames * OPUS_HZ / self.fps) - start
            self._container.mux(self._opus.encode(self._sound.block(count)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._exit:  # closes the container, then keeps or removes the file
            if error is not None:
                raise error
            if self.frames == 0:
                raise InputError(f"no frame for {self.path}", "at least one frame")
            self._container.mux(self._video.encode(None))
            if self._opus is not None:
                self._container.mux(self._opus.encode(None))
