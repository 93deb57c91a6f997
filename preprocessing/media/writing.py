"""Writing mp4: H.264 pictures as they are made, AAC sound taken from a file in a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from foundation.errors import InputError
from foundation.files import atomic_path
from preprocessing.media.sound import sound_blocks
from preprocessing.media.yuv import packed

FILM_CRF = 16  # of films for people: at 18 a face lost a tenth of its finest detail
# Measured on films of 512 and 1080 rows: the first two take half of x264's time, for a twelfth more bits and 0.06 dB.
# The others keep what is finest where it moves: small coefficients are rounded rather than dropped, and plain walls
# give bits to faces. A painted mouth keeps 0.93 of its detail and a face 0.96, of 0.86 and 0.93 without, for a fifth
# more bits (at crf 17, 0.90 and 0.95, for none more). A dead zone of 6 keeps 0.98, but a plain wall boils.
FILM_OPTIONS = {"x264-params": "subme=1:partitions=i8x8,i4x4:deadzone-inter=12:aq-strength=0.4"}
TICK = Fraction(1, 90_000)  # of timed films: divides the common frame rates, and milliseconds
KNEE = 0.9  # of full scale, above which mixed sound is bent
AAC_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
AAC_BITS_A_SECOND = {1: 96_000, 2: 160_000}
# Those that the mp4 muxer keeps.
KNOWN_TAGS = {"title", "artist", "album", "comment", "description", "copyright", "date", "genre", "synopsis"}


def _aac_rate_hz(rate_hz: int) -> int:
    """The lowest rate of AAC that keeps all of the sound, 48 kHz at most."""
    return next((known for known in AAC_RATES_HZ if known >= rate_hz), AAC_RATES_HZ[-1])


class SoundTrack:
    """The sound of a file, moved by an offset and handed out sample by sample; silence when it is over.

    rate_hz: of the samples; None: the lowest of AAC's that keeps all of the sound.
    """

    def __init__(self, path: Path, offset_s: float = 0.0, rate_hz: int | None = None) -> None:
        blocks = sound_blocks(path, mono=False)
        own_hz, first = next(blocks)
        self.rate_hz, self.channels = rate_hz or _aac_rate_hz(own_hz), len(first)
        self._blocks: Iterator[tuple[int, np.ndarray]] = chain([(own_hz, first)], blocks)
        if self.rate_hz != own_hz:
            self._blocks = sound_blocks(path, self.rate_hz, mono=False)
        self._kept = np.zeros((self.channels, max(0, round(-offset_s * self.rate_hz))), np.float32)
        self._skip = max(0, round(offset_s * self.rate_hz))
        self._over = False
        self._before, self.given = 0, 0  # samples skipped, and handed out since

    def take(self, count: int) -> np.ndarray:
        """The next `count` samples `[C, count]`."""
        parts, have = [self._kept], self._kept.shape[1]
        while have < count and not self._over:
            block = next(self._blocks, None)
            if block is None:
                self._over = True
                break
            skipped = min(self._skip, block[1].shape[1])
            self._skip -= skipped
            parts.append(block[1][:, skipped:])
            have += parts[-1].shape[1]
        joined = np.concatenate(parts, axis=1)
        joined = np.pad(joined, ((0, 0), (0, max(0, count - have))))
        self._kept = joined[:, count:]
        self.given += count
        return np.ascontiguousarray(joined[:, :count])

    def forward(self, start_s: float) -> bool:
        """Skip to a time of the file, and count what is given from there on; False where it is over already."""
        ahead = round(start_s * self.rate_hz) - self._before - self.given
        if ahead < 0:
            return False
        while ahead > 0:
            ahead -= self.take(min(ahead, self.rate_hz)).shape[1]
        self._before, self.given = self._before + self.given, 0
        return True

    def block(self, count: int) -> av.AudioFrame:
        """The next `count` samples, as an encoder takes them."""
        start, layout = self.given, "mono" if self.channels == 1 else "stereo"
        block = av.AudioFrame.from_ndarray(self.take(count), format="fltp", layout=layout)
        block.rate, block.pts, block.time_base = self.rate_hz, start, Fraction(1, self.rate_hz)
        return block


class MixedSound(SoundTrack):
    """The sound of a file with that of another one under it, each at its own level; where together they reach beyond
    full scale, they are bent back below it.
    """

    def __init__(self, path: Path, under: Path, offset_s: float = 0.0) -> None:
        super().__init__(path, offset_s)
        self._under = SoundTrack(under)
        if self._under.rate_hz != self.rate_hz:
            rate_hz = max(self.rate_hz, self._under.rate_hz)
            super().__init__(path, offset_s, rate_hz)
            self._under = SoundTrack(under, rate_hz=rate_hz)
        self._own, self.channels = self.channels, max(self.channels, self._under.channels)

    def take(self, count: int) -> np.ndarray:
        """The next `count` samples `[C, count]`."""
        mixed = super().take(count) + self._under.take(count)  # one channel goes to both
        over = np.maximum(np.abs(mixed) - KNEE, 0) / (1 - KNEE)
        bent: np.ndarray = np.sign(mixed) * (np.minimum(np.abs(mixed), KNEE) + (1 - KNEE) * np.tanh(over))
        return np.ascontiguousarray(bent)


class VideoWriter:
    """A context manager that writes RGB frames, and the sound of a file, as one mp4.

    H.264 (yuv420p, BT.709, tagged so) and AAC, index at the front, playable everywhere. Frames and sound are
    interleaved as they come, so memory does not grow with length. The sound is cut or padded with silence to the
    pictures' length. The file appears when the block ends well, and not at all otherwise. A picture of odd width or
    height grows by one repeated column or row.

    Args:
        path: the mp4 to write.
        fps: frames a second; 29.97 and 30000/1001 are both understood.
        width_px, height_px: of the frames that `write` gets.
        sound_source: any file with sound, or a track of one from where it stands; None for a silent film.
        sound_offset_s: how late the source's sound is: it is moved earlier by so much (negative: later).
        crf: x264 quality, 0 lossless to 51.
        metadata: tags such as `{"comment": "synthetic"}`.
        preset, codec_options: x264's, for files that are not films for people; None: `FILM_OPTIONS`.
        background: any file with sound, from time 0 on under that of the source.
        timed: whether each frame is written with its time; fps then only tells how long the last one is shown.

    Raises:
        InputError: the sound cannot be read, an unknown tag, no frame was written, no space left on the disk.
    """

    def __init__(
        self, path: Path | str, fps: float | Fraction, width_px: int, height_px: int,
        sound_source: Path | str | SoundTrack | None = None, sound_offset_s: float = 0.0, crf: int = FILM_CRF,
        metadata: dict[str, str] | None = None, preset: str = "veryfast", codec_options: dict[str, str] | None = None,
        timed: bool = False, background: Path | str | None = None,
    ) -> None:
        self.path, self.fps = Path(path), Fraction(fps).limit_denominator(1001)
        if self.fps <= 0:
            raise InputError(f"{fps} frames a second", "a positive frame rate")
        if unknown := set(metadata or {}) - KNOWN_TAGS:
            raise InputError(f"metadata tag '{min(unknown)}'", f"one that mp4 keeps: {', '.join(sorted(KNOWN_TAGS))}")
        self.width_px, self.height_px, self.frames = width_px, height_px, 0
        self.timed, self._last_pts = timed, -1
        self._options = {"preset": preset, "crf": str(crf)} | (FILM_OPTIONS if codec_options is None else codec_options)
        self._metadata = metadata or {}
        self._sound = sound_source if isinstance(sound_source, SoundTrack) else None
        if isinstance(sound_source, Path | str):
            self._sound = SoundTrack(Path(sound_source), sound_offset_s)
            if background is not None:
                self._sound = MixedSound(Path(sound_source), Path(background), sound_offset_s)
        self._exit = ExitStack()

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            self._container = stack.enter_context(
                av.open(f"file:{temporary.absolute()}", "w", format="mp4", options={"movflags": "+faststart"})
            )
            self._container.metadata.update(self._metadata)
            self._add_streams()
            self._exit = stack.pop_all()
        return self

    def _add_streams(self) -> None:
        video = self._container.add_stream("libx264", rate=self.fps, options=self._options)
        video.width, video.height = self.width_px + self.width_px % 2, self.height_px + self.height_px % 2
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.colorspace, context.color_range = int(Colorspace.ITU709), int(ColorRange.MPEG)
        context.color_primaries, context.color_trc = int(ColorPrimaries.BT709), int(ColorTrc.BT709)
        context.time_base = TICK if self.timed else 1 / self.fps
        self._video, self._aac = video, None
        if self._sound is not None:
            layout = "mono" if self._sound.channels == 1 else "stereo"
            self._aac = self._container.add_stream("aac", rate=self._sound.rate_hz, layout=layout)
            self._aac.bit_rate = AAC_BITS_A_SECOND[self._sound.channels]

    def write(self, frame_rgb: np.ndarray, time_s: float | None = None) -> None:
        """Append one frame `[H, W, 3]` uint8 RGB, and the sound that goes with it.

        Args:
            time_s: when it is shown, for films whose frames do not come evenly; None: at its turn. A film has all its
                frames of one kind.
        """
        expected = (self.height_px, self.width_px, 3)
        assert frame_rgb.shape == expected, f"a frame {frame_rgb.shape}, not {expected}"
        assert frame_rgb.dtype == np.uint8, f"a frame of {frame_rgb.dtype}, not uint8"
        if self.height_px % 2 or self.width_px % 2:
            frame_rgb = np.pad(frame_rgb, ((0, self.height_px % 2), (0, self.width_px % 2), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(packed(frame_rgb), format="yuv420p")
        picture.colorspace, picture.color_range = int(Colorspace.ITU709), int(ColorRange.MPEG)
        picture.pts, picture.time_base = self.frames, 1 / self.fps
        if self.timed:
            assert time_s is not None, "a frame without a time in a film of timed ones"
            picture.pts, picture.time_base = max(round(time_s / TICK), self._last_pts + 1), TICK
            self._last_pts = picture.pts
        self._container.mux(self._video.encode(picture))
        self.frames += 1
        self._write_sound()

    def _write_sound(self) -> None:
        """Bring the sound up to the end of the last frame."""
        if self._sound is None or self._aac is None:
            return
        start = self._sound.given
        end_s = self.frames / self.fps if not self.timed else self._last_pts * TICK + 1 / self.fps
        count = max(0, round(end_s * self._sound.rate_hz) - start)
        if count:
            self._container.mux(self._aac.encode(self._sound.block(count)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._exit:  # closes the container, then keeps or removes the file
            if error is not None:
                raise error
            if self.frames == 0:
                raise InputError(f"no frame for {self.path}", "at least one frame")
            self._container.mux(self._video.encode(None))
            if self._aac is not None:
                self._container.mux(self._aac.encode(None))
