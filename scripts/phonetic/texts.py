"""Sentences to synthesise, in some forty languages: Debian's GNOME manual, fortune cookies, talk made up here.

Nothing of these texts is kept: they only give the synthesisers something to say.
"""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

from foundation.errors import InputError

TEXT_PACKAGES = ("gnome-user-docs", "fortunes-min", "fortunes-zh")
_TAG = re.compile(r"<[^>]+>")
_PARAGRAPH = re.compile(r"<(p|desc|title)(?: [^>]*)?>(.*?)</\1>", re.S)
_CREDIT = re.compile(r"<(info|mal:credit).*?</\1>", re.S)
_UNSPEAKABLE = re.compile(r"[\d{}<>&/_|\\@#\[\]]")
_SENTENCE_END = re.compile(r"(?<=[.!?।。！？])\s*")

def _choices(text: str) -> list[str]:
    return text.split("|")


_SUBJECTS = _choices(
    "I|you|we|they|he|she|my brother|our boss|the people here|that guy|mom|this team|her uncle|everybody"
)
_VERBS = _choices(
    "think about|bought|should fix|took|would love|forgot|can't find|really want|put away|gave up on|showed me|"
    "laughed at|have to carry|keep watching|borrowed|talked about|moved|threw out|joined|measured|chose"
)
_OBJECTS = _choices(
    "the old car|a big blue book|five more weeks|some good food|the whole thing|that weird noise|a cup of coffee|"
    "my favorite movie|the first question|enough money|a bunch of paper|both of those jobs|the weather|"
    "your phone number|the kitchen window|a very long journey|her birthday party|the other project|"
    "half of the pizza|these heavy boxes|everything else"
)
_ENDINGS = _choices(
    "before lunch|on the weekend|in the back yard|for a couple of hours|with his father|after a while|"
    "through the park|every day|last month|if that's okay|from the beginning|over there|because of the rain|"
    "right now|without any help|next to the school"
)
_FILLERS = _choices(
    "um|uh|well|so|yeah|okay|you know|I mean|actually|oh|mm|hmm|anyway|like"
)


def small_talk(generator: random.Random) -> str:
    """An English sentence as people say it: plain words, fillers, hesitations."""
    words = [generator.choice(part) for part in (_SUBJECTS, _VERBS, _OBJECTS, _ENDINGS)]
    for position in (3, 1, 0):
        if generator.random() < 0.35:
            words.insert(position, generator.choice(_FILLERS) + generator.choice((",", "", " ...")))
    if generator.random() < 0.3:
        words.append("and " + " ".join(generator.choice(part) for part in (_SUBJECTS, _VERBS, _OBJECTS)))
    return " ".join(words) + "."


def fetch_texts(folder: Path) -> Path:
    """Download and unpack the text packages under `folder` (once); return the root that they unpack to.

    Raises:
        InputError: apt is missing or refuses.
    """
    root = folder / "texts"
    if (root / "usr").is_dir():
        return root
    root.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", *TEXT_PACKAGES], cwd=root, check=True, capture_output=True)
        for package in sorted(root.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(
            f"cannot fetch the Debian packages {', '.join(TEXT_PACKAGES)} ({error})", "a Debian machine with apt"
        ) from error
    return root


def _split(paragraph: str, shortest: int, longest: int) -> list[str]:
    plain = " ".join(_TAG.sub("", paragraph).split())
    pieces = (piece.strip() for piece in _SENTENCE_END.split(plain))
    return [piece for piece in pieces if shortest <= len(piece) <= longest and not _UNSPEAKABLE.search(piece)]


def manual_sentences(root: Path, language: str) -> list[str]:
    """Sentences of the GNOME manual in one language (its folder name: `de`, `zh_CN`, `C` for English)."""
    shortest, longest = (6, 40) if language.startswith(("zh", "ja")) else (15, 110)
    found: dict[str, None] = {}
    for page in sorted((root / "usr/share/help" / language / "gnome-help").glob("*.page")):
        text = _CREDIT.sub("", page.read_text(encoding="utf-8"))
        for match in _PARAGRAPH.finditer(text):
            found.update(dict.fromkeys(_split(match.group(2), shortest, longest)))
    return list(found)


def cookie_sentences(root: Path) -> list[str]:
    """English sentences of the fortune cookies."""
    found: dict[str, None] = {}
    for file in sorted((root / "usr/share/games/fortunes").glob("*")):
        if file.suffix == "" and file.is_file():
            for cookie in file.read_text(encoding="utf-8", errors="ignore").split("\n%\n"):
                # Packages in other languages put their cookies here too.
                found.update(dict.fromkeys(s for s in _split(cookie, 15, 120) if s.isascii()))
    return list(found)
