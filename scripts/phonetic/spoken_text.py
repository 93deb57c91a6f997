"""English that synthesisers say, with its text: what a network learns to spell from.

One safetensors file a voice: `sound` int16 at 16 kHz, `ends` of its sentences in samples, and their texts in the
symbols of DeepSpeech. The voices, their disturbances and the texts are those of the phonetic corpus, which keeps phones
instead.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from foundation.progress import track
from preprocessing.speech.phonetic.features import SAMPLE_RATE_HZ
from scripts.phonetic import voices
from scripts.phonetic.make_corpus import english
from scripts.phonetic.synthesisers import Espeak, Utterance, festival, flite
from scripts.phonetic.texts import fetch_texts

MINUTES = {"flite": 9.0, "festival": 7.0, "espeak": 30.0}
SHORTEST_S, LONGEST_S = 0.5, 6.0
_PLAIN, _ABBREVIATION = re.compile(r"[A-Za-z' ,.;:!?\"()-]+"), re.compile(r"[A-Z]{2}|\.\w|\b[A-Z]\.")
Spoken = tuple[np.ndarray, str]
"""Sound int16 at 16 kHz and its text in the 29 symbols."""
Said = Iterator[tuple[str, Utterance]]


class Voice(Protocol):
    """Says texts, each with a tempo and a pitch of its own."""

    def __call__(self, texts: Iterator[str], dice: random.Random) -> Said: ...


def spelled(text: str) -> str | None:
    """A text in space, a-z and apostrophe; None where a voice would say what is not written (figures, `Mr.`, `USA`)."""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("...", " ")
    if not _PLAIN.fullmatch(text) or _ABBREVIATION.search(text):
        return None
    words = (word.strip("'") for word in re.findall(r"[a-z']+", text.lower()))
    return " ".join(word for word in words if word) or None


def _flite_voice(name: str, pitch_hz: float) -> Voice:
    def say(texts: Iterator[str], dice: random.Random) -> Said:
        for text in texts:
            yield text, flite(text, name, dice.uniform(0.75, 1.3), pitch_hz * dice.uniform(0.85, 1.2))

    return say


def _festival_voice(name: str) -> Voice:
    def say(texts: Iterator[str], dice: random.Random) -> Said:
        while True:
            batch = [next(texts) for _ in range(20)]
            made = list(festival(batch, name, "ascii", None, dice))
            if len(made) == len(batch):  # else it is not known which sentence it failed on
                yield from zip(batch, made, strict=True)

    return say


def _espeak_voice(engine: Espeak) -> Voice:
    def say(texts: Iterator[str], dice: random.Random) -> Said:
        for text in texts:
            variant = dice.choice(voices.ESPEAK_VARIANTS)
            voice = dice.choice(voices.ESPEAK_LANGUAGES["C"]) + (f"+{variant}" if variant else "")
            yield text, engine.say(text, voice, dice.randint(120, 210), dice.randint(20, 80), dice.randint(20, 90))

    return say


def speakers() -> dict[str, Voice]:
    """File name -> voice: the English ones of the phonetic corpus."""
    made = {f"flite_{name}": _flite_voice(name, hz) for name, hz in voices.FLITE_VOICES.items()}
    names = (voice.name for voice in voices.FESTIVAL_VOICES if voice.language == "C")
    made |= {f"festival_{name}": _festival_voice(name) for name in names}
    return made | {"espeak_en": _espeak_voice(Espeak())}


def write_speech(path: Path, said: Said, minutes: float) -> None:
    """Gather sentences of a sane length until there are so many minutes, then write the file."""
    sounds: list[np.ndarray] = []
    texts: list[str] = []
    gathered = 0
    for text, utterance in said:
        letters = spelled(text)
        if letters and SHORTEST_S < len(utterance.sound) / SAMPLE_RATE_HZ < LONGEST_S:
            peak = max(float(np.abs(utterance.sound).max()), 1e-6)
            sounds.append((utterance.sound * (16384 / peak)).astype(np.int16))
            texts.append(letters)
            gathered += len(utterance.sound)
        if gathered > minutes * 60 * SAMPLE_RATE_HZ:
            break
    ends = np.cumsum([len(sound) for sound in sounds])
    write_tensors(path, {"sound": np.concatenate(sounds), "ends": ends}, {"texts": texts})


def make_speech(folder: Path) -> None:
    """Write a file for every voice; those that are there stay."""
    root = fetch_texts(folder)
    todo = speakers()
    for name, say in track(todo.items(), "speech", len(todo)):
        path = folder / f"{name}.safetensors"
        if not path.is_file():
            dice = random.Random(zlib.crc32(name.encode()))
            texts = (text for text in english(root, dice) if spelled(text))
            write_speech(path, say(texts, dice), MINUTES[name.split("_")[0]])


def load_speech(folder: Path) -> dict[str, list[Spoken]]:
    """Voice -> what it says, from the files of `make_speech`.

    Raises:
        InputError: the folder has none.
    """
    found: dict[str, list[Spoken]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors, facts = read_tensors(path)
        pieces = np.split(tensors["sound"], tensors["ends"][:-1])
        found[path.stem] = list(zip(pieces, facts["texts"], strict=True))
    if not found:
        raise InputError(f"no speech in {folder}", "files of scripts.phonetic.letters", "make them first")
    return found
