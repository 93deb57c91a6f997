"""Sound from the system's microphone, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from face_model.tracks import SPEECH_RATE_HZ
from foundation.errors import InputError


def sound_inputs() -> ModuleType:
    """The package `sounddevice`.

    Raises:
        InputError: it is not installed, or the system's PortAudio is not.
    """
    try:
        import sounddevice
    except ImportError as error:
        remedy = "pip install 'talking-head[live]', or give a sound file"
        raise InputError("the microphone without sounddevice", "the package sounddevice", remedy) from error
    except OSError as error:  # it is there, the system's PortAudio is not
        install = "install libportaudio2 (Debian, Ubuntu) or portaudio (brew), or give a sound file"
        raise InputError(f"the microphone without PortAudio ({error})", "the system's PortAudio", install) from error
    return sounddevice


def microphone(seconds: float | None = None, hop_s: float = 0.2) -> Iterator[np.ndarray]:
    """Sound from the system's microphone, 16 kHz mono, `hop_s` at a time, for so long or until stopped.

    Raises:
        InputError: as `sound_inputs`, or there is no microphone.
    """
    sounddevice = sound_inputs()
    size = round(hop_s * SPEECH_RATE_HZ)
    left = None if seconds is None else max(1, round(seconds / hop_s))
    try:
        with sounddevice.InputStream(SPEECH_RATE_HZ, size, channels=1, dtype="float32", latency="high") as source:
            while left is None or left > 0:
                yield source.read(size)[0][:, 0].copy()
                left = None if left is None else left - 1
    except sounddevice.PortAudioError as error:
        expected = "a sound input that can record at 16 kHz"
        raise InputError(f"no microphone ({error})", expected, "give a sound file") from error
