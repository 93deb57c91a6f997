"""The UDP packet of the Live Link Face app, which Unreal's Live Link reads.

Big-endian: version (one byte, 6); the device's id and the subject's name, each a 32-bit length and UTF-8; the time, as
frame number (int32), share of a frame passed (float32), and frames a second as a fraction (two int32); the number of
values (one byte, 61) and the values (float32). They are those of the CSV in nearly the same order: jaw and mouth go
left before right here, right before left there.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from foundation.errors import InputError
from talking_head.formats.livelink import NAMES

VERSION = 6
DEFAULT_PORT = 11111
MAX_NAME_BYTES = 255
LARGEST_DENOMINATOR = 1001  # of a rate: 30000/1001
_SWAPPED = {"JawLeft": "JawRight", "MouthLeft": "MouthRight"}
_OTHER = _SWAPPED | {right: left for left, right in _SWAPPED.items()}
PACKET_NAMES = tuple(_OTHER.get(name, name) for name in NAMES)
_ORDER = [NAMES.index(name) for name in PACKET_NAMES]


@dataclass(frozen=True)
class Sender:
    """Who sends. subject: the name that Unreal lists. fps: frames a second. device: a UUID, as a phone has."""

    subject: str
    fps: float
    device: str = field(default_factory=lambda: str(uuid.uuid4()).upper())

    def __post_init__(self) -> None:
        size = len(self.subject.encode(errors="surrogateescape"))
        if not 0 < size <= MAX_NAME_BYTES or not self.subject.isprintable():  # bytes that are no UTF-8 do not print
            raise InputError(f"a subject name of {size} bytes", f"1 to {MAX_NAME_BYTES}, of letters that print")

    def packet(self, values: np.ndarray, time_s: float) -> bytes:
        """The packet of one frame. values: `[61]` in the order of `livelink.NAMES`. time_s: of the day."""
        rate = Fraction(self.fps).limit_denominator(LARGEST_DENOMINATOR)
        frame = time_s * self.fps
        head = struct.pack(">B", VERSION) + _text(self.device) + _text(self.subject)
        head += struct.pack(">ifii", int(frame), frame % 1.0, rate.numerator, rate.denominator)
        return head + struct.pack(f">B{len(NAMES)}f", len(NAMES), *np.asarray(values, np.float64)[_ORDER])


def _text(text: str) -> bytes:
    content = text.encode()
    return struct.pack(">i", len(content)) + content
