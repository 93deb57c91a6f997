"""Sound as programs send it: samples as they are, or packets of Opus."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from foundation.errors import InputError
from talking_head.studio.live.wire import samples_of

OPUS_HZ = 48_000
OPUS_BYTES = 61_440  # 120 ms in 48 frames of the most that a frame may have
Hearing = Callable[[bytes], np.ndarray]
"""From a message to its samples `[N]`.

Raises:
    InputError: a message that is no such sound.
"""


class Opus:
    """Packets of Opus, one a message, one channel."""

    def __init__(self) -> None:
        made = av.CodecContext.create("opus", "r")
        assert isinstance(made, AudioCodecContext)
        made.sample_rate, made.layout = OPUS_HZ, "mono"
        self._decoder = made

    def __call__(self, message: bytes) -> np.ndarray:
        """The samples `[N]` of a packet, at `OPUS_HZ`."""
        try:
            if not 0 < len(message) <= OPUS_BYTES:
                raise ValueError
            frames = [frame.to_ndarray().reshape(-1) for frame in self._decoder.decode(av.Packet(message))]
        except ValueError as error:  # FFmpeg's errors too
            raise InputError(f"a message of {len(message)} bytes", "a packet of Opus") from error
        return np.concatenate([np.zeros(0, np.float32), *frames]).astype(np.float32)


def hearing(sound: str, rate_hz: int) -> tuple[Hearing, int]:
    """What hears such sound, and the rate of its samples.

    Args:
        sound: `pcm` or `opus`. rate_hz: of `pcm`.

    Raises:
        InputError: neither.
    """
    if sound == "opus":
        return Opus(), OPUS_HZ
    if sound != "pcm":
        raise InputError(f"sound '{sound[:40]}'", "pcm or opus")
    return samples_of, rate_hz
