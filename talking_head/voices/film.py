"""A text in, an mp4 of a target saying it out."""

from __future__ import annotations

import tempfile
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from face_model.tracks import Sound
from talking_head.motion.curves import Curves
from talking_head.motion.directions import Directions
from talking_head.synth.film import Synthesis, synthesize
from talking_head.voices.choosing import voice_named
from talking_head.voices.interface import Voice
from talking_head.voices.speaking import spoken


def say(
    text: str, target: str, output: Path | str, *, voice: str | Voice | None = None, curves: Curves | None = None,
    directions: Directions | None = None, **options: Any,
) -> Synthesis:
    """Make an mp4 of a target saying a text.

    Args:
        text: with directions in brackets or without; see `talking_head.voices.cues`.
        voice: see `voice_named`; None for the one at hand.
        curves: instead of those that the text's directions become.
        directions: which motion model speaks, and how.
        options: the others of `synthesize`.

    Raises:
        InputError: as `spoken`, `voice_named` and `synthesize`.
    """
    speaks = voice_named(voice) if voice is None or isinstance(voice, str) else voice
    said = spoken(text, speaks)
    how = replace(
        directions or Directions(), curves=said.curves if curves is None else curves, lips_closed=said.lips_closed
    )
    with tempfile.TemporaryDirectory(prefix="talking-head-") as folder:
        heard = Path(folder) / "said.wav"
        write_wav(heard, said.sound)
        return synthesize(heard, target, output, directions=how, **options)


def write_wav(path: Path, sound: Sound) -> None:
    """16 bits, one channel."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate_hz)
        file.writeframes(np.round(np.clip(sound.samples, -1, 1) * 32767).astype("<i2").tobytes())
