"""Synthesisers that are programs. Each is run as a process of its own, so that its licence stays its own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from face_model.tracks import Sound
from foundation.errors import InputError
from preprocessing.media import read_sound
from preprocessing.speech.phonetic.inventory import VISEME_OF_PHONE, VISEMES, parse_arpabet, timed_phones
from talking_head.voices.interface import FINISH_S, RATE_HZ, Span, Utterance

WORDS_OF_STDERR = 160  # characters of what a program says when it fails
LIPS_CLOSED = list(VISEMES).index("lips_closed")


@dataclass(frozen=True)
class Espeak:
    """espeak-ng. voice: one of `espeak-ng --voices`, `en-us+f3` say. It tells phones, but not when it says them."""

    voice: str = "en-us"
    program = "espeak-ng"
    remedy = "apt-get install espeak-ng (or your system's way)"

    @property
    def name(self) -> str:
        return f"{self.program}:{self.voice}"

    def say(self, text: str) -> Utterance:
        """See `Voice`."""
        return _said([found(self.program, self.remedy), "-v", self.voice, "-w", "{wav}", "--stdin"], text, self.name)


@dataclass(frozen=True)
class Flite:
    """flite. voice: one of `flite -lv`. It tells when each of its phones ends."""

    voice: str = "slt"
    program = "flite"
    remedy = "apt-get install flite (or your system's way)"

    @property
    def name(self) -> str:
        return f"{self.program}:{self.voice}"

    def say(self, text: str) -> Utterance:
        """See `Voice`."""
        program = found(self.program, self.remedy)
        voices = _run([program, "-lv"], "", self.name).decode(errors="replace").partition(":")[2].split()
        if voices and self.voice not in voices and not Path(self.voice).is_file():
            raise InputError(f"--voice {self.name}", f"flite:{', flite:'.join(voices)}")  # it would say it in another
        command = [program, "-voice", self.voice, "-psdur", "-f", "{text}", "-o", "{wav}"]
        return _said(command, text, self.name, phones=True)


@dataclass(frozen=True)
class Piper:
    """piper. model: its .onnx, with the .onnx.json beside it."""

    model: Path
    program = "piper"
    remedy = "pip install piper-tts"

    @property
    def name(self) -> str:
        return f"{self.program}:{self.model}"

    def say(self, text: str) -> Utterance:
        """See `Voice`."""
        if not self.model.is_file():
            raise InputError(f"--voice {self.name}", "a piper model, MODEL.onnx", "give the path of one")
        command = [found(self.program, self.remedy), "--model", str(self.model), "--output_file", "{wav}"]
        return _said(command, " ".join(text.split()), self.name)  # each line would be a file of its own


@dataclass(frozen=True)
class Command:
    """Any program: text on its standard input, a sound file (wav, say) on its standard output."""

    line: str

    @property
    def name(self) -> str:
        return f"command:{self.line}"

    def say(self, text: str) -> Utterance:
        """See `Voice`."""
        try:
            words = shlex.split(self.line)
        except ValueError as error:
            raise InputError(f"--voice {self.name} ({error})", "command:PROGRAM and its words") from error
        if not words:
            raise InputError(f"--voice {self.name}", "command:PROGRAM and its words")
        given = _run([found(words[0], "name a program that is there"), *words[1:]], text, self.name)
        with tempfile.TemporaryDirectory(prefix="talking-head-") as folder:
            heard = Path(folder) / "said.wav"
            heard.write_bytes(given)
            return Utterance(_heard(heard, self.name))


def found(program: str, remedy: str) -> str:
    """Where a program is.

    Raises:
        InputError: nowhere.
    """
    path = shutil.which(program)
    if path is None:
        raise InputError(f"voice '{program}', which is not on this machine", "an installed program", remedy)
    return path


def _said(command: list[str], text: str, name: str, phones: bool = False) -> Utterance:
    """What a program writes into `{wav}` when it is given a text, in `{text}` or on its standard input."""
    with tempfile.TemporaryDirectory(prefix="talking-head-") as folder:
        places = {"{wav}": str(Path(folder) / "said.wav"), "{text}": str(Path(folder) / "text.txt")}
        Path(places["{text}"]).write_text(text, encoding="utf-8")
        printed = _run([places.get(word, word) for word in command], text, name)
        sound = _heard(Path(places["{wav}"]), name)
    return Utterance(sound, lip_closures(printed.decode(errors="replace")) if phones else None)


def _run(command: list[str], text: str, name: str) -> bytes:
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=FINISH_S, check=False)
    except subprocess.TimeoutExpired as error:
        received = f"voice '{name}', which takes longer than {FINISH_S:g} s"
        raise InputError(received, "one that answers", "say less at once") from error
    except OSError as error:
        raise InputError(f"voice '{name}', which does not start ({error.strerror})", "a program") from error
    if done.returncode != 0:
        told = " ".join(done.stderr.decode(errors="replace").split())[-WORDS_OF_STDERR:]
        raise InputError(f"voice '{name}' failed: {told or f'exit code {done.returncode}'}", "a voice that speaks")
    return done.stdout


def _heard(wav: Path, name: str) -> Sound:
    if not wav.is_file() or wav.stat().st_size == 0:
        raise InputError(f"voice '{name}', which gave no sound", "a wav", "look at what the program prints")
    try:
        return read_sound(wav, RATE_HZ)
    except InputError as error:
        raise InputError(f"voice '{name}', which gave no sound that can be read", "a wav") from error


def lip_closures(printed: str) -> tuple[Span, ...]:
    """Spans of p, b and m in what `flite -psdur` prints: phones with the second at which each ends."""
    spans: list[Span] = []
    start_s = 0.0
    for item in printed.split():
        symbol, _, end = item.rpartition(":")
        try:
            end_s = float(end)
        except ValueError:
            continue
        for a, b, phone in timed_phones(parse_arpabet(symbol) or ("SIL",), start_s, end_s):
            if VISEME_OF_PHONE[phone] == LIPS_CLOSED:
                spans.append((a, b))
        start_s = end_s
    return tuple(spans)

