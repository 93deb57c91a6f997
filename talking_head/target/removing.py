"""Forgetting people: deleting all that is kept of them here, finished or not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from foundation.errors import InputError
from foundation.places import choosing, tracks_folder
from talking_head.target.card import ID_PATTERN, checked_id, find_target
from talking_head.target.home import LOCK_SUFFIX, Home, discard

PREVIEWS, SERVER_LOCK = "previews", "server.lock"  # in the studio's folder
_UNFINISHED = re.compile(r"(.+)-[0-9a-f]{12}")  # a folder of `Home.work`: the target's id, and of what it is made
# By an enrollment or import that was killed as it ended.
_LEFT_BEHIND = re.compile(r"\.(?:building|replaced)-(.+)-[a-z0-9_]{8}")


@dataclass(frozen=True)
class RemoveResult:
    """What was deleted: of which targets, which files and folders, how large they were together."""

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    bytes: int


def remove_targets(ids: Sequence[str], home: Path | str | None = None) -> RemoveResult:
    """Delete all that is kept of these people: targets, unfinished work under any settings, what was imported under the
    name, and every cached track of a face, since nothing tells whose face a track is of.

    Raises:
        InputError: a bad id, nothing of that name (the nearest one is named), only a built-in target, or one in use;
            then nothing of anybody is deleted, or, where another command begins meanwhile, nothing of those after it.
    """
    with choosing(home):
        place = Home.find()
        for target_id in ids:
            if not _kept(place, checked_id(target_id)):
                find_target(place, target_id)  # tells an unknown name
                received = f"target '{target_id}' is built in"
                raise InputError(received, "a target of your own", "built-in ones cannot be removed")
        for target_id in ids:
            with place.lock(target_id):
                pass
        return _remove(place, tuple(dict.fromkeys(ids)))


def remove_all(home: Path | str | None = None) -> RemoveResult:
    """Delete all that is kept of anybody, in the studio too; what ships, fetched files and the certificate stay.

    Raises:
        InputError: one of them is in use, or a studio is at work.
    """
    with choosing(home):
        place = Home.find()
        ids = sorted(_names(place))
        if place.studio.is_dir():
            _no_studio_at_work(place)
        for target_id in ids:
            with place.lock(target_id):
                pass
        removed = _remove(place, tuple(ids))
        if not place.studio.is_dir():
            return removed
        size = _no_studio_at_work(place)
        shutil.rmtree(place.studio)
        return RemoveResult(removed.ids, (*removed.paths, place.studio), removed.bytes + size)


def _no_studio_at_work(home: Home) -> int:
    """Bytes of what the studio keeps.

    Raises:
        InputError: it is at work.
    """
    try:
        with FileLock(home.studio / SERVER_LOCK, blocking=False):
            return _bytes(home.studio)
    except Timeout as error:
        received = f"a studio at work in {home.path}"
        raise InputError(received, "none while all is forgotten", "end it, and run the same again") from error


def kept_of(target_id: str, home: Home) -> list[Path]:
    """Folders that `remove_targets` would delete of a person, the cached tracks of faces aside.

    Raises:
        InputError: a bad id.
    """
    return _kept(home, checked_id(target_id))


def forget_unfinished(target_id: str, home: Home) -> None:
    """Delete unfinished work on a target that nobody goes on with; a finished target stays.

    Raises:
        InputError: a bad id, or it is in use.
    """
    with home.lock(checked_id(target_id)):
        for path, name in list(_unfinished(home)):
            if name == target_id and path.parent == home.work:
                discard(path)


def _remove(home: Home, ids: tuple[str, ...]) -> RemoveResult:
    gone: list[Path] = []
    size = 0
    for target_id in ids:
        with home.lock(target_id):
            for path in _kept(home, target_id):
                size += _bytes(path)
                discard(path)
                gone.append(path)
    for path in [*_orphans(home), *_tracks()]:
        size += _bytes(path)
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        gone.append(path)
    return RemoveResult(ids, tuple(gone), size)


def _kept(home: Home, target_id: str) -> list[Path]:
    """Folders of that name, finished, unfinished and left behind."""
    found = [folder / target_id for folder in (home.targets, home.imported) if (folder / target_id).is_dir()]
    found += [path for path, name in _unfinished(home) if name == target_id]
    previews = home.studio / PREVIEWS
    if not found or not previews.is_dir():  # those of a built-in one are nobody's secret
        return found
    shown = re.compile(re.escape(target_id) + r"-[0-9a-f]{12}\.mp4")
    return found + [path for path in previews.iterdir() if shown.fullmatch(path.name)]


def _unfinished(home: Home) -> Iterator[tuple[Path, str]]:
    """Folders of what is not finished, and of which target."""
    for root, pattern in ((home.work, _UNFINISHED), (home.targets, _LEFT_BEHIND), (home.imported, _LEFT_BEHIND)):
        for path in sorted(root.iterdir()) if root.is_dir() else []:
            if (named := pattern.fullmatch(path.name)) is not None:
                yield path, named[1]


def _orphans(home: Home) -> list[Path]:
    """Folders that were being deleted when the power went, whoever's they are."""
    roots = (home.targets, home.work, home.imported)
    return [path for root in roots if root.is_dir() for path in root.glob(".removed-*")]


def _tracks() -> list[Path]:
    folder = tracks_folder()
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _names(home: Home) -> set[str]:
    """Every name that anything here bears, that of a lock whose holder was killed too."""
    names = {name for _, name in _unfinished(home)}
    for root in (home.targets, home.imported):
        names |= {path.name for path in root.iterdir()} if root.is_dir() else set()
    if home.locks.is_dir():
        names |= {path.name.removesuffix(LOCK_SUFFIX) for path in home.locks.glob(f"*{LOCK_SUFFIX}")}
    return {name for name in names if ID_PATTERN.fullmatch(name)}


def _bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
