"""Binary messages: a head of 16 bytes, then what it is a head of. See docs/live_protocol.md."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from foundation.errors import InputError

HEAD = struct.Struct("<BBHId")  # kind, flags, width or 0, height or number of samples, second
VIDEO, SOUND = 1, 2
KEY = 1
Message = bytes


@dataclass(frozen=True)
class Packet:
    """One message. kind: VIDEO or SOUND. key: whether a decoder can begin with it. size: (width, height) of a picture,
    (0, samples) of sound. time_s: of its first instant, on the stream's clock.
    """

    kind: int
    key: bool
    size: tuple[int, int]
    time_s: float
    content: bytes

    def to_bytes(self) -> Message:
        """As it is sent."""
        return HEAD.pack(self.kind, KEY if self.key else 0, *self.size, self.time_s) + self.content

    @staticmethod
    def of(message: bytes) -> Packet:
        """What `to_bytes` made.

        Raises:
            InputError: no such message.
        """
        if len(message) < HEAD.size or message[0] not in (VIDEO, SOUND):
            raise InputError(f"a message of {len(message)} bytes", "one of docs/live_protocol.md")
        kind, flags, width, height, time_s = HEAD.unpack_from(message)
        return Packet(kind, bool(flags & KEY), (width, height), time_s, message[HEAD.size :])

    @property
    def samples(self) -> np.ndarray:
        """Sound `[N]` int16."""
        return np.frombuffer(self.content, "<i2")


def sound_packet(samples: np.ndarray, time_s: float) -> Packet:
    """Sound `[N]` float32 as a message."""
    quantised = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    return Packet(SOUND, True, (0, len(samples)), time_s, quantised.tobytes())


def samples_of(message: bytes) -> np.ndarray:
    """Sound `[N]` float32 that somebody sends: 16 bits, one channel, no head.

    Raises:
        InputError: an odd number of bytes.
    """
    if len(message) % 2:
        raise InputError(f"sound of {len(message)} bytes", "16-bit samples, one channel")
    return np.frombuffer(message, "<i2").astype(np.float32) / 32768
