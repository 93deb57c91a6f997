"""Pictures as they are sent, each as soon as it is painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext

from foundation.errors import InputError
from talking_head.studio.live.wire import VIDEO, Packet

TICKS = 90_000  # a second
KEY_EVERY_S = 4.0  # a viewer who lost one waits no longer, also where nobody hears that they ask
JPEG_QUALITY = 85
# A face at 512: superfast takes 4.4 ms a frame and 0.4 Mbit/s, ultrafast 3.6 and 1.2, veryfast 5.4 and 0.3; vp8 6.7.
H264 = {"preset": "superfast", "tune": "zerolatency", "crf": "23"}
VP8 = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}
VP8_BITS = 1_500_000  # a second


class Encoder(Protocol):
    """Makes one packet of each picture."""

    def __call__(self, picture: np.ndarray, time_s: float, key: bool) -> Packet:
        """The packet of a picture `[H, W, 3]` uint8 RGB; key: whether a decoder must be able to begin with it."""
        ...


@dataclass(frozen=True)
class Codec:
    """mime: as a browser's decoder knows it."""

    mime: str
    make: Callable[[int, int, float], Encoder]


class Jpeg:
    """Each picture alone: the plainest way."""

    def __init__(self, width_px: int, height_px: int, fps: float) -> None:
        pass

    def __call__(self, picture: np.ndarray, time_s: float, key: bool) -> Packet:
        done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        assert done
        return Packet(VIDEO, True, (picture.shape[1], picture.shape[0]), time_s, data.tobytes())


class Av:
    """An encoder of PyAV that gives out each picture at once."""

    def __init__(
        self, name: str, options: dict[str, str], width_px: int, height_px: int, fps: float, bits: int | None = None
    ) -> None:
        self.width_px, self.height_px = width_px - width_px % 2, height_px - height_px % 2  # colours are at half size
        made = av.CodecContext.create(name, "w")
        assert isinstance(made, VideoCodecContext)
        made.width, made.height, made.pix_fmt = self.width_px, self.height_px, "yuv420p"
        made.time_base, made.framerate = Fraction(1, TICKS), Fraction(fps).limit_denominator(1001)
        made.gop_size = max(1, round(KEY_EVERY_S * fps))
        made.thread_count, made.options = 1, options  # several would each hold a picture back
        if bits is not None:
            made.bit_rate = bits
        self._made, self._last = made, -1

    def __call__(self, picture: np.ndarray, time_s: float, key: bool) -> Packet:
        even = np.ascontiguousarray(picture[: self.height_px, : self.width_px])
        frame = av.VideoFrame.from_ndarray(even, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = max(self._last + 1, round(time_s * TICKS)), Fraction(1, TICKS)
        self._last = frame.pts
        frame.pict_type = av.video.frame.PictureType.I if key else av.video.frame.PictureType.NONE
        packets = self._made.encode(frame)
        assert packets, "an encoder without delay"
        whole = b"".join(bytes(packet) for packet in packets)
        is_key = any(packet.is_keyframe for packet in packets)
        return Packet(VIDEO, is_key, (self.width_px, self.height_px), time_s, whole)


CODECS: dict[str, Codec] = {
    "h264": Codec("avc1.42E01F", lambda w, h, fps: Av("libx264", {**H264, "profile": "baseline"}, w, h, fps)),
    "vp8": Codec("vp8", lambda w, h, fps: Av("libvpx", VP8, w, h, fps, VP8_BITS)),
    "jpeg": Codec("image/jpeg", Jpeg),
}


def chosen_codec(asked: str | None) -> str:
    """The first of a comma-separated list that there is; None: h264.

    Raises:
        InputError: none of them.
    """
    names = [name.strip().lower() for name in (asked or "h264").split(",")]
    found = next((name for name in names if name in CODECS), None)
    if found is None:
        raise InputError(f"codec '{str(asked)[:40]}'", ", ".join(CODECS))
    return found
