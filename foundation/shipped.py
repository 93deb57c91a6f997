"""Files that ship inside the installed package `checkpoints`: general weights, the face model, built-in targets."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from foundation.errors import InputError


def shipped(name: str) -> Path:
    """Path of a shipped file or folder, wherever the package is installed.

    Raises:
        InputError: this installation lacks it.
    """
    path = Path(str(resources.files("checkpoints"))) / name
    if not path.exists():
        raise InputError(f"the installed package has no checkpoints/{name}", "a complete installation", "install again")
    return path
