"""Live Link Face recordings with their sound, as motion models learn from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from face_model.tracks import MOTION_FPS, SPEECH_RATE_HZ, Sound
from foundation.errors import InputError
from motion_models.examples import MotionExample
from preprocessing.media import read_sound
from preprocessing.speech import speech_encoder
from talking_head.formats.arkit import motion_of_live_link, values_of_live_link
from talking_head.formats.livelink import read_live_link

SOUND_SUFFIXES = (".wav", ".flac", ".m4a", ".mp3", ".ogg", ".aac", ".mov", ".mp4")  # the app's film lies beside its CSV
LONGEST_GAP_S = 0.1  # between frames; over a longer one the face was not seen
SHORTEST_S = 1.0


def sound_beside(recording: Path) -> Path | None:
    """The sound of the same name in the same folder, if there is one."""
    return next((path for s in SOUND_SUFFIXES if (path := recording.with_suffix(s)).is_file()), None)


def is_recording(path: Path) -> bool:
    """Whether a CSV is of the app and has its sound beside it."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.readline().lower().startswith("timecode,") and sound_beside(path) is not None
    except (OSError, UnicodeDecodeError):
        return False


def recording_example(
    recording: Path | str, sound: Path | str, speech: str, speaker: str = "", sound_late_s: float = 0.0
) -> MotionExample:
    """A Live Link Face CSV and the sound recorded with it, as an example with ARKit values.

    Args:
        recording: the CSV. sound: any file with sound, which begins with the CSV's first frame.
        speech: name of the speech encoder.
        speaker: whose it is.
        sound_late_s: how much later the sound is than the face.

    Raises:
        InputError: one of them cannot be read, or less than a second of them overlaps.
    """
    curves = read_live_link(recording)
    even = curves.even(MOTION_FPS)
    heard = read_sound(sound)
    samples = heard.samples[round(max(0.0, sound_late_s) * SPEECH_RATE_HZ) :]
    samples = np.pad(samples, (round(max(0.0, -sound_late_s) * SPEECH_RATE_HZ), 0))
    count = min(len(even), int(len(samples) / SPEECH_RATE_HZ * MOTION_FPS))
    if count < SHORTEST_S * MOTION_FPS:
        received = f"{count / MOTION_FPS:.2g} s of {recording} with {sound}"
        raise InputError(received, f"at least {SHORTEST_S:g} s of both")
    after = np.clip(np.searchsorted(curves.time_s, even.time_s[:count]), 1, max(1, len(curves) - 1))
    valid = np.diff(curves.time_s)[after - 1] <= LONGEST_GAP_S
    motion = motion_of_live_link(curves, MOTION_FPS, np.zeros(3), np.zeros(3))[:count]
    encoder = speech_encoder(speech)
    features = encoder(Sound(samples[: round(count / MOTION_FPS * SPEECH_RATE_HZ)]))
    silence = encoder(Sound(np.zeros(2 * SPEECH_RATE_HZ, np.float32))).values
    arkit = values_of_live_link(even)[:count].astype(np.float32)
    return MotionExample(features, motion, valid, speaker, silence[len(silence) // 2], arkit)
