"""A stand-in for a synthesiser: a hum as long as the text, as a wav on standard output."""

from __future__ import annotations

import io
import sys
import wave
from pathlib import Path

import numpy as np

RATE_HZ, LETTER_S = 16_000, 0.05
COMMAND = f"command:{sys.executable} {Path(__file__)}"


def hum(text: str) -> bytes:
    """A wav of `LETTER_S` for each of its characters."""
    time_s = np.arange(round(len(text) * LETTER_S * RATE_HZ)) / RATE_HZ
    samples = 8000 * np.sin(2 * np.pi * 150 * time_s)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()


if __name__ == "__main__":
    if "--fail" in sys.argv:
        sys.exit("out of breath")
    sys.stdout.buffer.write(hum(sys.stdin.read()))
