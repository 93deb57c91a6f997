"""Encoders by name, built only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from preprocessing.speech.encoder import SpeechEncoder


@dataclass(frozen=True)
class _Entry:
    summary: str
    build: Callable[[Path | None], SpeechEncoder]  # imports what it needs inside


def _log_mel(path: Path | None) -> SpeechEncoder:
    from preprocessing.speech.log_mel import LogMel

    if path is not None:
        raise InputError(f"weights at {path} for log_mel", "no path", "log_mel has nothing to load")
    return LogMel()


def _autocorrelation(path: Path | None) -> SpeechEncoder:
    from preprocessing.speech.autocorrelation import Autocorrelation

    if path is not None:
        raise InputError(f"weights at {path} for autocorrelation", "no path", "autocorrelation has nothing to load")
    return Autocorrelation()


def _phonetic(path: Path | None) -> SpeechEncoder:
    from preprocessing.speech.phonetic import PhoneticEncoder

    return PhoneticEncoder(path)


_ENTRIES: dict[str, _Entry] = {
    "log_mel": _Entry("80 mel bands at 50 Hz relative to the clip's speech level; nothing to load", _log_mel),
    "autocorrelation": _Entry("32 lags at 125 Hz (Karras 2017); nothing to load", _autocorrelation),
    "phonetic": _Entry("viseme posteriors and a phonetic bottleneck at 50 Hz, any language; weights ship", _phonetic),
}


def speech_encoders() -> dict[str, str]:
    """What `speech_encoder` can build: name -> one line about it."""
    return {name: entry.summary for name, entry in _ENTRIES.items()}


def speech_encoder(name: str, path: Path | None = None) -> SpeechEncoder:
    """The encoder of that name.

    Args:
        name: one of `speech_encoders()`.
        path: local weights, for encoders that can load some.

    Raises:
        InputError: an unknown name (the known ones are named), or weights that are missing or not wanted.
    """
    if name not in _ENTRIES:
        raise InputError(f"speech encoder '{name}'", f"one of {', '.join(sorted(_ENTRIES))}")
    return _ENTRIES[name].build(path)
