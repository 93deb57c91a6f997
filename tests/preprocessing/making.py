"""Small media files with known contents, written with bare PyAV (never with the code under test)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

TICKS = 90_000


def grey(level: int, height_px: int = 48, width_px: int = 64) -> np.ndarray:
    return np.full((height_px, width_px, 3), level, np.uint8)


def counted_opens(patch: pytest.MonkeyPatch, name: str) -> list[str]:
    """Grows by one whenever a file of that name is opened as media."""
    opened, own = list[str](), av.open

    def noted(path: str, *given: Any, **named: Any) -> Any:
        if str(path).endswith(f"/{name}"):
            opened.append(path)
        return own(path, *given, **named)

    patch.setattr(av, "open", noted)
    return opened


def write_media(
    path: Path, frames: Sequence[np.ndarray], times_s: Sequence[float] | None = None, fps: float = 25,
    rotation: int = 0, hflip: bool = False, sound: np.ndarray | None = None, rate_hz: int = 16_000,
    sound_start_s: float = 0.0, sound_codec: str = "aac", video_codec: str = "libx264",
) -> Path:
    """Frames shown from `times_s` (or evenly), and sound `[N]` or `[2, N]` that starts at `sound_start_s`."""
    times_s = [k / fps for k in range(len(frames))] if times_s is None else times_s
    with av.open(str(path), "w") as container:
        packets = []
        video = audio = None
        if frames:
            video = container.add_stream(video_codec, rate=Fraction(fps).limit_denominator(1001))
            video.height, video.width = frames[0].shape[:2]
            video.pix_fmt = "yuv444p" if video_codec == "libx264" else "yuv420p"
            video.codec_context.time_base = Fraction(1, TICKS)
            if rotation or hflip:
                video.set_display_rotation(rotation, hflip=hflip)
        if sound is not None:
            sound = np.atleast_2d(sound).astype(np.float32)
            audio = container.add_stream(sound_codec, rate=rate_hz, layout="mono" if len(sound) == 1 else "stereo")
            if sound_codec == "aac":
                audio.bit_rate = 128_000
        if video is not None:
            for time_s, frame in zip(times_s, frames, strict=True):
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                picture.pts, picture.time_base = round(time_s * TICKS), Fraction(1, TICKS)
                packets += video.encode(picture)
            packets += video.encode(None)
        if audio is not None:
            block = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout=audio.layout.name)
            block.rate, block.time_base = rate_hz, Fraction(1, rate_hz)
            block.pts = round(sound_start_s * rate_hz)
            packets += [*audio.encode(block), *audio.encode(None)]
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            container.mux(packet)
    return path


def beep(duration_s: float, at_s: float, rate_hz: int = 16_000, length_s: float = 0.2) -> np.ndarray:
    """Silence with a 1 kHz tone in it."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    sounding = (time_s >= at_s) & (time_s < at_s + length_s)
    return (0.5 * np.sin(2 * np.pi * 1000 * time_s) * sounding).astype(np.float32)


def onset_s(samples: np.ndarray, rate_hz: int = 16_000, level: float = 0.1) -> float:
    """When the sound first rises above `level`."""
    return float(np.argmax(np.abs(samples) > level)) / rate_hz
