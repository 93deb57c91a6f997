"""Uploads as they are kept: files that clients send, under names of ours, until no job needs them."""

from __future__ import annotations

import asyncio
import base64
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from foundation.errors import InputError
from foundation.files import read_json, write_json
from foundation.places import free_bytes
from talking_head.studio.answers import StudioError, not_found, without_paths
from talking_head.studio.content import Content
from talking_head.studio.place import KEY, StudioPlace, new_key
from talking_head.studio.sandbox import Sandbox
from talking_head.studio.settings import Limits

LONGEST_NAME = 120
LOOK_INTO = "talking_head.studio.looking:look_into"
CARD, STILL, PARTIAL = "upload.json", "still.jpg", ".partial-"
# What some readers know a file by; all others are told by their content.
SUFFIXES = (".safetensors", ".npz", ".csv", ".webm", ".wav", ".mp3", ".mp4", ".jpg", ".png")
PIECE_BYTES = 1 << 18
SPARE_BYTES = 500_000_000  # left free on the disk


@dataclass(frozen=True)
class Kept:
    """An upload. name: as the client calls it, for people only. path: of its content."""

    upload: str
    name: str
    path: Path
    bytes: int
    content: Content
    made_at: float

    def described(self) -> dict[str, Any]:
        """For clients."""
        what = asdict(self.content)
        return {"upload": self.upload, "name": self.name, "bytes": self.bytes, "made_at": self.made_at} | what


def find_upload(place: StudioPlace, upload: str) -> Kept:
    """The upload of that key.

    Raises:
        StudioError: there is none.
    """
    folder = place.uploads / upload
    if not KEY.fullmatch(upload) or not (folder / CARD).is_file():
        raise not_found("an upload that is not here", "upload it again")
    card = read_json(folder / CARD)
    return Kept(upload, card["name"], folder / card["file"], card["bytes"], Content(**card["content"]), card["made_at"])


def all_uploads(place: StudioPlace) -> list[Kept]:
    """Every upload, the newest first."""
    found = []
    for path in place.uploads.iterdir():
        with suppress(InputError, FileNotFoundError):  # half-way here, or deleted since
            found.append(find_upload(place, path.name))
    return sorted(found, key=lambda kept: -kept.made_at)


def forget_upload(place: StudioPlace, upload: str) -> None:
    """Delete an upload."""
    if KEY.fullmatch(upload):
        shutil.rmtree(place.uploads / upload, ignore_errors=True)


def sweep_uploads(place: StudioPlace, limits: Limits, needed: set[str], begun: bool = False) -> None:
    """Delete what is too old and no job needs. begun: what a killed server left half-way goes too."""
    for folder in place.uploads.glob(f"{PARTIAL}*") if begun else []:
        shutil.rmtree(folder, ignore_errors=True)
    for kept in all_uploads(place):
        if kept.upload not in needed and time.time() - kept.made_at > limits.kept_s:
            forget_upload(place, kept.upload)


def display_name(said: str) -> str:
    """A client's name of a file, as text that can be shown: its last part, without anything that does not print."""
    last = unquote(said).replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:LONGEST_NAME].strip() or "file"


async def keep(
    place: StudioPlace, limits: Limits, sandbox: Sandbox, name: str, pieces: AsyncIterator[bytes]
) -> Kept:
    """Store what comes in, and look into it; whole or absent.

    Raises:
        InputError: it is empty, too large, too long, needs more than a process may use, or does not fit on the disk.
    """
    key = new_key()
    folder = place.uploads / f"{PARTIAL}{key}"
    folder.mkdir(mode=0o700)
    path = folder / f"upload{next((s for s in SUFFIXES if name.lower().endswith(s)), '')}"
    try:
        size = await _written(path, pieces, min(limits.upload_bytes, free_bytes(folder) - SPARE_BYTES))
        found = await sandbox.run_for_upload(
            LOOK_INTO, str(path), limits.frame_pixels, seconds=limits.decode_s, memory_bytes=limits.decode_bytes
        )
        still = base64.b64decode(found.pop("still"))
        content = Content(**found)
        if content.seconds > limits.upload_s:
            most = f"at most {limits.upload_s / 60:g} minutes"
            raise StudioError(413, f"{name}, which lasts {content.seconds / 60:.0f} minutes", most, "cut it")
        why = without_paths(content.why, {str(path): name})
        content = Content(**asdict(content) | {"why": why})
        card = {"name": name, "file": path.name, "bytes": size, "content": asdict(content), "made_at": time.time()}
        if still:
            (folder / STILL).write_bytes(still)
        write_json(folder / CARD, card)
        folder.replace(place.uploads / key)
    except InputError as error:
        received = without_paths(error.received, {str(path): name})
        raise StudioError(getattr(error, "status", 400), received, error.expected, error.remedy) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return find_upload(place, key)


async def _written(path: Path, pieces: AsyncIterator[bytes], most: int) -> int:
    """Write pieces to a file; returns their bytes."""
    size, waiting = 0, bytearray()
    with path.open("wb") as file:
        async for piece in pieces:
            size += len(piece)
            if size > most:
                raise StudioError(413, "a file that is too large", f"at most {most / 1e6:.0f} MB", "cut or reduce it")
            waiting += piece
            if len(waiting) >= PIECE_BYTES:
                await asyncio.to_thread(file.write, bytes(waiting))
                waiting.clear()
        file.write(waiting)
    if not size:
        raise StudioError(400, "an empty file", "a video, photo or sound", "send the file as the request's body")
    return size
