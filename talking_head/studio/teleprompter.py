"""Sentences to read while recording, which cover the phones of a language."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from foundation.errors import InputError

router = APIRouter(prefix="/v1/teleprompter", tags=["new person"])
# Phones are those of `preprocessing.speech.phonetic.inventory`, as espeak-ng says the sentences; a test asks it again.
SENTENCES = Path(__file__).parent / "sentences.json"


class Sentence(BaseModel):
    text: str
    phones: list[str]


class Language(BaseModel):
    code: str
    name: str


class Prompts(BaseModel):
    """phones: all that the sentences cover together."""

    language: str
    languages: list[Language]
    sentences: list[Sentence]
    phones: list[str]


@cache
def _all() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(SENTENCES.read_text("utf-8"))
    return told


@router.get("")
def prompts(language: str = "en") -> Prompts:
    """Sentences to read aloud, each with the phones that it has."""
    found = _all().get(language)
    if found is None:
        raise InputError(f"language '{language[:20]}'", f"one of {', '.join(_all())}")
    sentences = [Sentence(**one) for one in found["sentences"]]
    return Prompts(
        language=language, languages=[Language(code=code, name=one["name"]) for code, one in _all().items()],
        sentences=sentences, phones=sorted({phone for one in sentences for phone in one.phones}),
    )
