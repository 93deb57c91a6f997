"""Three families of speech synthesisers that tell when they say which phone: espeak-ng, flite, festival.

Debian packages: espeak-ng, flite, festival, and the `festvox-*`, `festival-*` voices named in `voices.py`.
"""

from __future__ import annotations

import ctypes
import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from foundation.errors import InputError
from preprocessing.speech.phonetic.features import SAMPLE_RATE_HZ
from preprocessing.speech.phonetic.inventory import parse_arpabet, parse_ipa


@dataclass(frozen=True)
class Utterance:
    """Sound `[N]` at 16 kHz and its segments: (start_s, end_s, phones); phones None where the symbol is not known.

    marks_bursts: stops begin at their burst, not at their closure.
    """

    sound: np.ndarray
    segments: list[tuple[float, float, tuple[str, ...] | None]]
    marks_bursts: bool = False


def _to_16k(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    sound = sound.astype(np.float32)
    return sound if rate_hz == SAMPLE_RATE_HZ else soxr.resample(sound, rate_hz, SAMPLE_RATE_HZ)


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
        ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p), ("id", _EventId),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """espeak-ng through its C API (speak_lib.h): synchronous retrieval with IPA phoneme events."""

    RETRIEVAL, PHONEME_EVENTS, PHONEME_IPA, UTF8 = 1, 1, 2, 1
    LIST_TERMINATED, PHONEME = 0, 7
    RATE, PITCH, RANGE = 1, 3, 4

    def __init__(self) -> None:
        try:
            self.library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            remedy = "apt-get install espeak-ng"
            raise InputError("libespeak-ng.so.1 is not there", "espeak-ng installed", remedy) from error
        self.rate_hz = self.library.espeak_Initialize(2, 0, None, self.PHONEME_EVENTS | self.PHONEME_IPA)
        self._pieces: list[np.ndarray] = []
        self._events: list[tuple[int, str]] = []
        self._callback = _CALLBACK(self._receive)  # kept alive: C holds the pointer
        self.library.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._pieces.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type != self.LIST_TERMINATED:
            if events[index].type == self.PHONEME:
                self._events.append((events[index].sample, events[index].id.string.decode("utf-8", "ignore")))
            index += 1
        return 0

    def say(self, text: str, voice: str, rate_wpm: int, pitch: int, pitch_range: int) -> Utterance:
        """Synthesise; `voice` as in `en-us+f2`; pitch and range 0-100."""
        self._pieces.clear()
        self._events.clear()
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(f"espeak-ng has no voice '{voice}'", "one that `espeak-ng --voices` lists")
        for parameter, value in ((self.RATE, rate_wpm), (self.PITCH, pitch), (self.RANGE, pitch_range)):
            self.library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        self.library.espeak_Synth(data, len(data) + 1, 0, 1, 0, self.UTF8, None, None)
        self.library.espeak_Synchronize()
        sound = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        marks = [(sample / self.rate_hz, symbol) for sample, symbol in self._events if not symbol.startswith("(")]
        ends = [start_s for start_s, _ in marks[1:]] + [len(sound) / self.rate_hz]
        segments = [
            (start_s, end_s, parse_ipa(symbol))
            for (start_s, symbol), end_s in zip(marks, ends, strict=True) if end_s > start_s
        ]
        return Utterance(_to_16k(sound / 32768.0, self.rate_hz), segments, marks_bursts=True)


def flite(text: str, voice: str, stretch: float, pitch_hz: float) -> Utterance:
    """Synthesise with a voice of `flite -lv`; stretch 1 is the voice's own tempo."""
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "out.wav"
        command = [
            "flite", "-voice", voice, "-psdur", "--setf", f"duration_stretch={stretch}",
            "--setf", f"int_f0_target_mean={pitch_hz}", "-t", text, "-o", str(wave),
        ]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        sound, rate_hz = soundfile.read(wave, dtype="float32")
    segments, start_s = [], 0.0
    for item in printed.split():
        symbol, end = item.rsplit(":", 1)
        segments.append((start_s, float(end), parse_arpabet(symbol)))
        start_s = float(end)
    return Utterance(_to_16k(sound, rate_hz), segments)


def festival(
    texts: Sequence[str], voice: str, encoding: str, alphabet: dict[str, tuple[str, ...]] | None,
    generator: random.Random,
) -> Iterator[Utterance]:
    """Synthesise several sentences with one festival voice; `alphabet` reads its symbols (None: ARPAbet).

    Sentences that the voice fails on are left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"(voice_{voice})"]
        for index, text in enumerate(texts):
            spoken = text.replace("\\", " ").replace('"', " ")
            lines += [
                f"(Parameter.set 'Duration_Stretch {generator.uniform(0.8, 1.25):.2f})",
                f'(set! u (SynthText "{spoken}"))',
                f'(utt.save.segs u "{folder}/{index}.segs")', f'(utt.save.wave u "{folder}/{index}.wav")',
                '(set! u nil)',
            ]
        # --pipe goes on after an error in one sentence, a batch file would not.
        script = "\n".join(lines).encode(encoding, errors="ignore")
        subprocess.run(["festival", "--pipe"], input=script, capture_output=True, check=False)
        for index in range(len(texts)):
            wave, marks = Path(folder, f"{index}.wav"), Path(folder, f"{index}.segs")
            if wave.is_file() and marks.is_file():
                sound, rate_hz = soundfile.read(wave, dtype="float32")
                yield Utterance(_to_16k(sound, rate_hz), _festival_segments(marks, alphabet))


def _festival_segments(
    path: Path, alphabet: dict[str, tuple[str, ...]] | None
) -> list[tuple[float, float, tuple[str, ...] | None]]:
    segments, start_s = [], 0.0
    for line in path.read_text(encoding="latin-1").splitlines()[1:]:
        end, _, symbol = line.split()
        phones = parse_arpabet(symbol) if alphabet is None else alphabet.get(symbol)
        segments.append((start_s, float(end), phones))
        start_s = float(end)
    return segments
