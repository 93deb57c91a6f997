"""Files that ship inside the installed package `checkpoints`: general weights, the face model, built-in targets."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from pathlib import Path

from foundation.errors import InputError
from foundation.files import sha256

SUMS = "sha256.json"  # of every file that ships, made by `python -m scripts.hash_shipped`


def shipped(name: str) -> Path:
    """Path of a shipped file or folder, wherever the package is installed. Of an installation, not of a checkout where
    weights are made anew, the files' hashes are checked the first time that they are asked for.

    Raises:
        InputError: this installation lacks it, or a file is not the one that shipped.
    """
    root = Path(str(resources.files("checkpoints")))
    path = root / name
    if not path.exists():
        raise InputError(f"the installed package has no checkpoints/{name}", "a complete installation", "install again")
    if name and not (root.parent / ".git").exists():
        check_shipped(root, name)
    return path


@lru_cache(maxsize=64)
def check_shipped(root: Path, name: str) -> None:
    """Compare a shipped file, or all files of a shipped folder, with the hashes that shipped with them.

    Raises:
        InputError: one is another file, or the hashes are missing.
    """
    for path, known in sums(root).items():
        if (path == name or path.startswith(f"{name}/")) and (
            not (root / path).is_file() or sha256(root / path) != known
        ):
            received = f"checkpoints/{path} is not the file that shipped"
            raise InputError(received, "an unchanged installation", "install again")


def sums(root: Path) -> dict[str, str]:
    """Hashes of the files that ship, by their path below `checkpoints`.

    Raises:
        InputError: they are missing or damaged.
    """
    try:
        content = json.loads((root / SUMS).read_text(encoding="utf-8"))
        return {str(name): str(digest) for name, digest in content.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"checkpoints/{SUMS} cannot be read", "a complete installation", "install again") from error
