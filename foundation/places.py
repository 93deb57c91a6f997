"""Where everything lies that is kept between runs, and what the environment says of it. All that knows it is here.

| what | where |
|---|---|
| home: targets, unfinished work, the certificate | `--home`, `TALKING_HEAD_HOME`, else the platform's data folder |
| fetched files | `HOME/assets` where a home was chosen, else the platform's cache folder |
| tracks of faces | `HOME/cache/tracks` where a home was chosen, else `cache/tracks` in the platform's cache folder |
| files of the user's own | `TALKING_HEAD_ASSETS`, looked at first, never written |
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from platformdirs import PlatformDirs

from foundation.errors import InputError

HOME_VARIABLE, ASSETS_VARIABLE = "TALKING_HEAD_HOME", "TALKING_HEAD_ASSETS"
OFFLINE_VARIABLE = "TALKING_HEAD_OFFLINE"
HOME_OPTION = f"--home or {HOME_VARIABLE}"
_SYSTEM = PlatformDirs("talking-head", appauthor=False)


@dataclass(frozen=True)
class Chosen:
    """What a call chose. home: None leaves it to the environment. offline: no server of a maker's is asked."""

    home: Path | None = None
    offline: bool = False


_NOTHING = Chosen()
_CHOSEN: ContextVar[Chosen] = ContextVar("chosen", default=_NOTHING)


def chosen() -> Chosen:
    """What the call that is running chose; a worker process gets it from the one that starts it."""
    return _CHOSEN.get()


@contextmanager
def choosing(home: Path | str | None = None, offline: bool | None = None) -> Iterator[None]:
    """Let all that runs inside keep its files in `home`, and ask no maker's server. None: as outside.

    Raises:
        InputError: `~NAME` of nobody on this machine.
    """
    inner = chosen()
    if home is not None:
        inner = replace(inner, home=absolute(home))
    if offline is not None:
        inner = replace(inner, offline=offline)
    token = _CHOSEN.set(inner)
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def is_offline() -> bool:
    """Whether no maker's server is to be asked: by the call, or by `TALKING_HEAD_OFFLINE` (not empty, not 0)."""
    return chosen().offline or os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0")


def chosen_home() -> Path | None:
    """The home that the call or `TALKING_HEAD_HOME` names; None when neither does.

    Raises:
        InputError: `~NAME` of nobody on this machine.
    """
    if (given := chosen().home) is not None:
        return given
    named = os.environ.get(HOME_VARIABLE)
    return absolute(named) if named else None


def home_folder() -> Path:
    """The folder of all that is kept: the chosen one, else the platform's place for an application's own data.

    Raises:
        InputError: none is chosen, and this user has no home of their own.
    """
    return chosen_home() or _of_user("data")


def assets_folder() -> Path:
    """Where fetched files are kept.

    Raises:
        InputError: as `home_folder`.
    """
    home = chosen_home()
    return home / "assets" if home else _of_user("cache")


def tracks_folder() -> Path:
    """Where tracks of faces are kept, by the content of the videos.

    Raises:
        InputError: as `home_folder`.
    """
    return (chosen_home() or _of_user("cache")) / "cache" / "tracks"


def asset_places(name: str) -> tuple[Path, ...]:
    """Where a file or folder of that name is looked for: the user's own assets, then where fetched files are kept; only
    the first where this user has no home.
    """
    own = os.environ.get(ASSETS_VARIABLE)
    folders = [absolute(own)] if own else []
    try:
        folders.append(assets_folder())
    except InputError:
        if not own:
            raise
    return tuple(folder / name for folder in folders)


def _of_user(kind: Literal["data", "cache"]) -> Path:
    """The platform's folder. Where nobody knows the user's home, platformdirs raises or, when old, leaves `~` in."""
    with suppress(RuntimeError):
        path = _SYSTEM.user_data_path if kind == "data" else _SYSTEM.user_cache_path
        if path.is_absolute():
            return path
    received = "this user has no home folder (HOME is not set, and the system knows none)"
    raise InputError(received, "a folder to keep files in", f"give one with {HOME_OPTION}")


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


def free_bytes(path: Path) -> int:
    """Free space where `path` is, or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
