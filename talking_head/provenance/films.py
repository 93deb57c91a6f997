"""Films made here: where each was put, so that a person who is forgotten is forgotten in films too."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.files import read_json, write_json
from talking_head.provenance.claims import Claims, Provenance, sidecar_of, verify
from talking_head.target.home import Home

log = logging.getLogger(__name__)

SUFFIXES = (".mp4", ".webm")


@dataclass(frozen=True)
class MadeFilm:
    """A film made here. note: the file that remembers it; None where it was found in a folder."""

    path: Path
    claims: Claims
    note: Path | None


def remember(film: Path, claims: Claims, home: Home) -> None:
    """Note where a film lies and whose it is. Where the home cannot be written the film is made all the same."""
    place = film.absolute()
    note = home.films / f"{hashlib.sha256(str(place).encode(errors='surrogateescape')).hexdigest()[:24]}.json"
    try:
        home.films.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_json(note, {"path": str(place), "target": claims.target, "created": claims.created})
    except (OSError, InputError) as error:
        log.warning("%s is not remembered (%s): `talking-head forget %s` will not find it", film, error, claims.target)


def films_of(target_id: str, home: Home, folders: Iterable[Path] = ()) -> Iterator[MadeFilm]:
    """Films of a target that are still what was made here: those remembered, and those in folders that say so
    themselves. One that was changed or replaced since is nobody's to delete.
    """
    seen = set()
    for path, note in [*_noted(target_id, home), *_found(folders)]:
        claims = _claims(path, home)
        if claims is not None and claims.target == target_id and path not in seen:
            seen.add(path)
            yield MadeFilm(path, claims, note)


def forget_notes(target_id: str, home: Home) -> None:
    """Delete what is remembered of a target's films."""
    for _, note in list(_noted(target_id, home)):
        note.unlink(missing_ok=True)


def delete(film: MadeFilm) -> int:
    """Delete a film, what lies beside it, and the note; returns how many bytes there were."""
    size = 0
    for path in (film.path, sidecar_of(film.path), film.note):
        if path is not None and path.is_file():
            size += path.stat().st_size
            path.unlink()
    return size


def _noted(target_id: str, home: Home) -> Iterator[tuple[Path, Path]]:
    for note in sorted(home.films.glob("*.json")):
        with suppress(InputError):
            content = read_json(note)
            if isinstance(content, dict) and content.get("target") == target_id:
                yield Path(str(content.get("path"))), note


def _found(folders: Iterable[Path]) -> Iterator[tuple[Path, None]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                yield path.absolute(), None


def _claims(path: Path, home: Home) -> Claims | None:
    """What a film says of itself; None when it says nothing, or was changed."""
    try:
        said = verify(path, home=home.path, picture=False)
    except (InputError, OSError):
        return None
    return said.claims if isinstance(said, Provenance) else None
