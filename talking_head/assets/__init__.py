"""What can be fetched: public files of a pinned version, each with its size and checksum; and where they then lie."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from foundation.errors import InputError
from foundation.files import read_json
from foundation.places import asset_places

TABLES = {"ict-facekit": "ict_facekit.json"}


@dataclass(frozen=True)
class AssetFile:
    """path: below the asset's folder, and below its address. bytes, sha256: of the content."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Asset:
    """name: as the command line has it. address: of the files, ends in a slash. source, commit: whose and which."""

    name: str
    title: str
    licence: str
    source: str
    commit: str
    address: str
    files: tuple[AssetFile, ...]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def folders(self) -> tuple[Path, ...]:
        """Where it may lie: in `TALKING_HEAD_ASSETS`, and where `get` puts it."""
        return asset_places(self.name)

    def found(self) -> Path | None:
        """The folder that holds all its files in their sizes, None when there is none."""
        for folder in self.folders():
            if all(_size(folder / file.path) == file.bytes for file in self.files):
                return folder
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def asset(name: str) -> Asset:
    """The asset of that name.

    Raises:
        InputError: there is none.
    """
    if name not in TABLES:
        raise InputError(f"asset '{name}'", f"one of {', '.join(TABLES)}")
    content = read_json(Path(str(resources.files("talking_head.assets"))) / TABLES[name])
    return Asset(**content | {"files": tuple(AssetFile(**file) for file in content["files"])})


def assets() -> tuple[Asset, ...]:
    """Everything that can be fetched."""
    return tuple(asset(name) for name in TABLES)
