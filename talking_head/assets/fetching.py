"""Fetching an asset: file by file, checked, resumable; nothing half-written ever has a file's name."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import InputError
from foundation.files import atomic_path, sha256
from foundation.progress import Advance, progress
from talking_head.assets import Asset, AssetFile
from talking_head.home import HOME_OPTION, free_bytes, writable

TIMEOUT_S = 30
PIECE_BYTES = 1 << 18
TRIES = 3  # of each file: a connection that breaks now and then is not the user's mistake
PAUSE_S = 1.0
NETWORK_ERRORS = (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException)


@dataclass(frozen=True)
class Fetched:
    """folder: that holds all files now. fetched, kept: how many came over the network, and were there already."""

    folder: Path
    fetched: int
    kept: int


def fetch(asset: Asset, folder: Path | str | None = None, address: str | None = None) -> Fetched:
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
    return Fetched(goal, len(wanted), len(asset.files) - len(wanted))


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
        except NETWORK_ERRORS as error:
            answered = isinstance(error, urllib.error.HTTPError)
            if left == 0 or answered:
                raise InputError(
                    f"{url} cannot be fetched ({_reason(error)})", "a network that reaches it",
                    "run the same command again when it does: it goes on where it was; or give --from a copy",
                ) from error
            time.sleep(PAUSE_S)


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code}"
    return str(getattr(error, "reason", None) or error or type(error).__name__)


def _download(url: str, file: AssetFile, goal: Path, advance: Advance, done: int) -> None:
    count = 0
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer, goal.open("wb") as out:
        while piece := answer.read(PIECE_BYTES):
            out.write(piece)
            count += len(piece)
            if count > file.bytes:
                break
            advance(done + count, Path(file.path).name)
    if count < file.bytes:
        raise ConnectionError(f"it broke off after {count} of {file.bytes} bytes")
    if sha256(goal) != file.sha256:
        raise InputError(f"what {url} gave is another file", f"sha256 {file.sha256}", "give --from a copy")
