"""What ships: general weights and built-in targets; the README beside gives origin, licence and sha256 of each."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def find(name: str) -> Path | None:
    """A shipped file or folder by its path below this one, None when it is absent."""
    path = FOLDER / name
    return path if path.exists() else None
