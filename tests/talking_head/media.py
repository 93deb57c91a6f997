"""Small clips of a person, and of nobody, for tests of the product."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from preprocessing.media import probe, read_frames, read_sound
from tests.preprocessing.making import write_media

SPEECH_HZ = 16_000


def voice(duration_s: float, rate_hz: int = SPEECH_HZ) -> np.ndarray:
    """Something loud that comes and goes about four times a second."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    tone = np.sin(2 * np.pi * 140 * time_s) + 0.5 * np.sin(2 * np.pi * 700 * time_s)
    return (0.3 * tone * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * time_s))).astype(np.float32)


def nobody(count: int, size_px: int = 128) -> list[np.ndarray]:
    """Frames of a moving gradient."""
    ramp = np.linspace(0, 255, size_px)
    picture = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], ramp[::-1, None]), axis=-1).astype(np.uint8)
    return [np.roll(picture, 3 * k, axis=1) for k in range(count)]


def person(footage: Path, count: int, start: int = 0) -> list[np.ndarray]:
    """Consecutive frames of a film."""
    return list(itertools.islice(read_frames(footage), start, start + count))


def person_clip(footage: Path, path: Path, duration_s: float, start_s: float = 2.0) -> Path:
    """A piece of a film with its sound."""
    fps = probe(footage).fps
    frames = person(footage, round(duration_s * fps), round(start_s * fps))
    sound = read_sound(footage).samples[round(start_s * SPEECH_HZ) : round((start_s + duration_s) * SPEECH_HZ)]
    return write_media(path, frames, fps=fps, sound=sound)
