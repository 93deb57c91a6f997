"""Where targets, unfinished work and caches live."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from foundation.errors import InputError
from foundation.files import sync_folder, sync_tree
from foundation.places import absolute, home_folder, writable

LOCK_SUFFIX = ".lock"
_RANDOM = "[a-z0-9_]{8}"  # at the end of names that `tempfile` makes


@dataclass(frozen=True)
class Home:
    """The folder that holds everything this product keeps between runs."""

    path: Path

    @classmethod
    def find(cls, path: Path | str | None = None) -> Home:
        """`path` when given, else the one that the call or `TALKING_HEAD_HOME` chose, else the platform's default.

        Raises:
            InputError: none is chosen, and this user has no home; `~NAME` of nobody.
        """
        return cls(absolute(path) if path else home_folder())

    @property
    def targets(self) -> Path:
        return self.path / "targets"

    @property
    def work(self) -> Path:
        """Unfinished enrollments, kept so that the same command resumes."""
        return self.path / "work"

    @property
    def imported(self) -> Path:
        """People taken over from the published FACIAL code."""
        return self.path / "imported"

    @property
    def films(self) -> Path:
        """Notes of where films made here lie."""
        return self.path / "films"

    @property
    def studio(self) -> Path:
        """What the studio keeps: uploads, jobs and their films, previews."""
        return self.path / "studio"

    @property
    def locks(self) -> Path:
        return self.path / "locks"

    @contextmanager
    def lock(self, target_id: str) -> Iterator[None]:
        """Keep a target's name to this process; the system lets go of it even after a crash. No file with the name
        stays behind.

        Raises:
            InputError: another process holds it, or the home cannot be written.
        """
        path = writable(self.locks) / f"{target_id}{LOCK_SUFFIX}"
        # Held for an instant: nobody may open a lock's file while it is deleted.
        guard = FileLock(self.locks / f".guard{LOCK_SUFFIX}")
        lock = FileLock(path)
        try:
            with guard:
                lock.acquire(blocking=False)
        except Timeout as error:
            raise InputError(
                f"another command is working on '{target_id}'", "one at a time", "wait for it or stop it"
            ) from error
        try:
            yield
        finally:
            with guard:
                lock.release()
                path.unlink(missing_ok=True)


@contextmanager
def new_folder(place: Path, name: str) -> Iterator[Path]:
    """A folder to fill; it takes the place of `place / name` when the block ends well, or vanishes.

    One that is there already is whole until the new one is: killed at any moment, `sweep_folder` finds one of the two.

    Raises:
        InputError: the place cannot be written.
    """
    goal = writable(place) / name
    building = Path(tempfile.mkdtemp(prefix=f".building-{name}-", dir=place))
    building.chmod(0o755)
    try:
        yield building
        _put(building, goal)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _put(building: Path, goal: Path) -> None:
    """Rename a folder to its goal; what is there goes aside, and is deleted last. All of it is on the disk before, so
    that a power cut leaves one of the two whole.
    """
    sync_tree(building)
    if not goal.exists():
        building.replace(goal)
        sync_folder(goal.parent)
        return
    aside = goal.with_name(f".replaced-{goal.name}-{building.name[-8:]}")
    goal.replace(aside)
    try:
        building.replace(goal)
    except OSError:
        aside.replace(goal)
        raise
    sync_folder(goal.parent)
    shutil.rmtree(aside, ignore_errors=True)


def interrupted(place: Path) -> list[str]:
    """Names of folders that a kill left aside, with nothing in their place; `sweep_folder` puts them back."""
    names = (re.fullmatch(rf"\.replaced-(.+)-{_RANDOM}", path.name) for path in place.glob(".replaced-*"))
    return sorted({found[1] for found in names if found and not (place / found[1]).exists()})


def sweep_folder(place: Path, name: str) -> None:
    """Delete what killed builds of that folder left, and put the old one back where a kill took it away before the new
    one came; call it while nobody else builds it.
    """
    for kind in ("replaced", "building"):
        for folder in place.glob(f".{kind}-{name}-*"):
            if not re.fullmatch(_RANDOM, folder.name.removeprefix(f".{kind}-{name}-")):
                continue
            if kind == "replaced" and not (place / name).exists():
                folder.replace(place / name)
            else:
                shutil.rmtree(folder, ignore_errors=True)


def discard(folder: Path) -> None:
    """Delete a folder so that a crash half-way leaves nothing that looks whole."""
    doomed = Path(tempfile.mkdtemp(prefix=".removed-", dir=folder.parent))
    os.replace(folder, doomed / folder.name)
    shutil.rmtree(doomed)
