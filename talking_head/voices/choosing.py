"""Voices by name, and which of them are on this machine."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from talking_head.voices.interface import Voice
from talking_head.voices.programs import Command, Espeak, Flite, Piper
from talking_head.voices.server import Server

VOICE_VARIABLE = "TALKING_HEAD_VOICE"  # what speaks unless --voice says otherwise
MORE = f"piper:MODEL.onnx, openai:URL or command:PROGRAM with --voice, or in {VOICE_VARIABLE}"

ENGINES: dict[str, Callable[[str], Voice]] = {
    "piper": lambda rest: Piper(Path(rest)),
    "espeak-ng": lambda rest: Espeak(rest) if rest else Espeak(),
    "flite": lambda rest: Flite(rest) if rest else Flite(),
    "openai": Server,
    "command": Command,
}
"""Name -> what makes a voice from the words behind its colon."""
NEEDS = {"piper": "MODEL.onnx", "openai": "URL", "command": "PROGRAM"}
FIRST = (Espeak, Flite)  # that need no word more, the better known first


_PROGRAMS_OWN = re.compile(r"(espeak-ng|flite)(:[A-Za-z0-9][A-Za-z0-9+_-]{0,40})?")


@dataclass(frozen=True)
class VoiceHere:
    """A voice, and whether it is on this machine. language: empty where nobody says. remedy: how to get it."""

    name: str
    engine: str
    language: str
    at_hand: bool
    found: str
    remedy: str = ""


def voice_named(name: str | None = None) -> Voice:
    """A voice: `piper:MODEL.onnx`, `espeak-ng[:VOICE]`, `flite[:VOICE]`, `openai:URL` or `command:PROGRAM WORDS`.

    Args:
        name: None for what `VOICE_VARIABLE` names, else the first program of `FIRST` that is installed.

    Raises:
        InputError: no such engine; an engine without the word that it needs; no voice at all on this machine.
    """
    chosen = name or os.environ.get(VOICE_VARIABLE)
    if not chosen:
        here = next((kind for kind in FIRST if shutil.which(kind.program)), None)
        if here is None:
            raise InputError("no voice on this machine", "a speech synthesiser", f"{FIRST[0].remedy}; or {MORE}")
        return here()
    engine, _, rest = chosen.partition(":")
    if engine not in ENGINES:
        raise InputError(f"--voice '{chosen}'", ", ".join(f"{e}:{NEEDS[e]}" if e in NEEDS else e for e in ENGINES))
    if engine in NEEDS and not rest:
        raise InputError(f"--voice '{chosen}'", f"{engine}:{NEEDS[engine]}")
    return ENGINES[engine](rest)


def voice_for_others(name: str | None = None) -> Voice:
    """`voice_named` for names that come over a network: an installed program's voice, or what the environment names;
    never a command, a file or an address of somebody else's choice.

    Raises:
        InputError: another voice, or as `voice_named`.
    """
    named = os.environ.get(VOICE_VARIABLE, "")
    if name and name == name_for_others(named):
        return voice_named(named)
    if name and not _PROGRAMS_OWN.fullmatch(name):
        expected = f"{', '.join(kind.program for kind in FIRST)}, or what {VOICE_VARIABLE} names where this runs"
        raise InputError(f"voice '{name[:80]}'", expected)
    return voice_named(name)


def name_for_others(name: str) -> str:
    """What a voice is called over a network: its engine alone, where the rest is a file, a command or an address."""
    return name if _PROGRAMS_OWN.fullmatch(name) else name.partition(":")[0]


def voices_here() -> list[VoiceHere]:
    """Every engine, and what the environment names."""
    known = []
    for kind in (*FIRST, Piper):
        path = shutil.which(kind.program)
        needs = f":{NEEDS[kind.program]}" if kind.program in NEEDS else ""
        language = "" if needs else "en"  # of the voice that speaks unless another is named
        found = path or "not installed"
        known.append(VoiceHere(kind.program + needs, kind.program, language, bool(path), found,
                               "" if path else kind.remedy))
    if named := os.environ.get(VOICE_VARIABLE):
        known.insert(0, _named(named))
    return known


def _named(name: str) -> VoiceHere:
    engine = name.partition(":")[0]
    try:
        voice = voice_named(name)
        if isinstance(voice, Espeak | Flite | Piper) and not shutil.which(voice.program):
            return VoiceHere(name, engine, "", False, f"{VOICE_VARIABLE}, which is not installed", voice.remedy)
        return VoiceHere(voice.name, engine, "", True, f"named by {VOICE_VARIABLE}")
    except InputError as error:
        return VoiceHere(name, engine, "", False, error.received, f"set {VOICE_VARIABLE} to {error.expected}")
