"""Where targets, unfinished work and caches live."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from foundation.errors import InputError

VARIABLE = "TALKING_HEAD_HOME"
HOME_OPTION = f"--home or {VARIABLE}"


def default_home() -> Path:
    """The platform's place for an application's own data."""
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "talking-head"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "talking-head"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "talking-head"


@dataclass(frozen=True)
class Home:
    """The folder that holds everything this product keeps between runs."""

    path: Path

    @classmethod
    def find(cls, path: Path | str | None = None) -> Home:
        """`path` when given, else the environment's `TALKING_HEAD_HOME`, else the platform's default."""
        chosen = path or os.environ.get(VARIABLE)
        return cls(absolute(chosen) if chosen else default_home())

    @property
    def targets(self) -> Path:
        return self.path / "targets"

    @property
    def work(self) -> Path:
        """Unfinished enrolments, kept so that the same command resumes."""
        return self.path / "work"

    @contextmanager
    def lock(self, target_id: str) -> Iterator[None]:
        """Keep a target's name to this process; the system lets go of it even after a crash.

        Raises:
            InputError: another process holds it, or the home cannot be written.
        """
        folder = self.path / "locks"
        writable(folder)
        lock = FileLock(folder / f"{target_id}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise InputError(
                f"another command is working on target '{target_id}'", "one at a time", "wait for it or stop it"
            ) from error
        try:
            yield
        finally:
            lock.release()


def absolute(path: Path | str) -> Path:
    """The path from the root, `~` resolved.

    Raises:
        InputError: `~NAME` of nobody on this machine.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise InputError(f"'{path}', whose home is unknown", "a folder", "write the path out") from error


def writable(folder: Path, option: str = HOME_OPTION) -> Path:
    """The folder, made where it is missing. option: what the user chooses it with.

    Raises:
        InputError: it cannot be made or written.
    """
    expected, remedy = "a folder that can be written", f"choose another with {option}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror})", expected, remedy) from error
    try:  # permissions do not tell all: in /proc a folder is writable and takes no file
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return folder  # told by whoever writes, who knows what for
        raise InputError(f"{folder} cannot be written ({error.strerror})", expected, remedy) from error
    return folder


@contextmanager
def new_folder(place: Path, name: str) -> Iterator[Path]:
    """A folder to fill; it takes the place of `place / name` when the block ends well, or vanishes.

    Raises:
        InputError: the place cannot be written.
    """
    goal = writable(place) / name
    building = Path(tempfile.mkdtemp(prefix=f".building-{name}-", dir=place))
    building.chmod(0o755)
    try:
        yield building
        if goal.exists():
            discard(goal)
        building.replace(goal)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def sweep_folder(place: Path, name: str) -> None:
    """Delete what killed builds of that folder left; call it while nobody else builds it."""
    for folder in place.glob(f".building-{name}-*"):
        if re.fullmatch(r"[a-z0-9_]{8}", folder.name.removeprefix(f".building-{name}-")):
            shutil.rmtree(folder, ignore_errors=True)


def discard(folder: Path) -> None:
    """Delete a folder so that a crash half-way leaves nothing that looks whole."""
    doomed = Path(tempfile.mkdtemp(prefix=".removed-", dir=folder.parent))
    os.replace(folder, doomed / folder.name)
    shutil.rmtree(doomed)


def free_bytes(path: Path) -> int:
    """Free space where `path` is, or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
