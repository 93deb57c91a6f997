"""Files that are whole or absent: write to a temporary name beside the goal, then rename."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundation.errors import FULL, InputError, unreadable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:  # what keeps JSON alone does not wait for it
    import numpy as np

KEPT_NAME_BYTES = 64  # of the goal's name in a temporary one


@contextmanager
def atomic_path(goal: Path | str) -> Iterator[Path]:
    """A temporary path in the goal's folder that becomes the goal when the block ends well, and vanishes otherwise.

    The suffix is kept, since media muxers choose their format by it. A full disk is told as an `InputError`.
    """
    goal = Path(goal)
    goal.parent.mkdir(parents=True, exist_ok=True)
    held, temporary = _partial(goal)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(goal)
        sync_folder(goal.parent)
    except OSError as error:
        if error.errno in FULL:
            raise InputError(f"no space left to write {goal}", "free disk space", "free some and run again") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
        if held is not None:
            os.close(held)


def _start(goal: Path) -> str:
    """How names of its partial files start, behind the dot."""
    return os.fsencode(goal.stem)[:KEPT_NAME_BYTES].decode(errors="ignore")  # no longer than a name may be


def _partial(goal: Path) -> tuple[int | None, Path]:
    """A new partial file, and the handle that tells `sweep_partials` that somebody works on it; None on Windows."""
    while True:
        handle, name = tempfile.mkstemp(dir=goal.parent, prefix=f".{_start(goal)}-", suffix=f".partial{goal.suffix}")
        if fcntl is None:
            os.close(handle)
            return None, Path(name)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # it is just being swept away
            os.close(handle)
            continue
        except OSError:  # a file system without locks, where nothing is swept either
            pass
        if os.path.lexists(name):
            return handle, Path(name)
        os.close(handle)


def sweep_partials(goal: Path | str) -> None:
    """Delete partial files of a goal that killed processes left."""
    goal = Path(goal)
    if fcntl is None or not goal.parent.is_dir():
        return
    part = r"-[a-z0-9_]{8}\.partial"  # twice where it is signed: a partial one of a partial one
    ours = re.compile(rf"\.+{re.escape(_start(goal))}({part}){{1,2}}{re.escape(goal.suffix)}")
    for path in goal.parent.iterdir():
        if not ours.fullmatch(path.name):
            continue
        with suppress(OSError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def sync_folder(folder: Path) -> None:
    """Let the names in a folder outlive a power cut; what it holds is synced file by file."""
    if os.name == "nt":  # which opens no folders, and keeps names by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems of networks cannot
            raise
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Let a folder, and all files in it and below, outlive a power cut."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        elif path.is_dir():
            sync_folder(path)
    sync_folder(folder)


def write_json(path: Path | str, content: Any) -> None:
    """Write JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Read JSON.

    Raises:
        InputError: no such file, one that cannot be read, or not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", "a JSON file") from error
    except OSError as error:
        raise unreadable(path, error) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error})", "a JSON file", "make it again") from error


def write_tensors(path: Path | str, tensors: dict[str, np.ndarray], metadata: dict[str, Any] | None = None) -> None:
    """Write arrays and JSON-able metadata (under the header key ``json``) as one safetensors file, whole or not at
    all.
    """
    import numpy as np
    from safetensors.numpy import save_file

    header = {"json": json.dumps(metadata or {}, sort_keys=True)}
    with atomic_path(path) as temporary:
        save_file({name: np.asarray(value, order="C") for name, value in tensors.items()}, temporary, metadata=header)


def read_tensors(path: Path | str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and metadata of a file that `write_tensors` wrote.

    Raises:
        InputError: no such file, one that cannot be read, not safetensors (wrong magic, truncated), or a NaN or
            infinity in a tensor.
    """
    import numpy as np
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with path.open("rb"):  # what is behind its name is told by Python, not by safetensors
            pass
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", "a safetensors file") from error
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = json.loads((file.metadata() or {}).get("json", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            if not isinstance(metadata, dict):
                raise ValueError(f"its metadata is a {type(metadata).__name__}")
    except (SafetensorError, ValueError, TypeError) as error:  # TypeError: numbers of a kind that numpy lacks
        received = f"{path} is not a whole safetensors file ({error})"
        raise InputError(received, "a safetensors file", "make it again") from error
    for name, value in tensors.items():
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
            raise InputError(f"{path}: tensor '{name}' holds NaN or infinity", "finite numbers", "train it again")
    return tensors, metadata


def content_digest(tensors: Mapping[str, np.ndarray]) -> str:
    """Hex digest of arrays and their names, whatever file keeps them in whatever order; shapes are not looked at."""
    import numpy as np

    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value).data)
    return digest.hexdigest()


def sha256(path: Path | str) -> str:
    """Hex digest of a file, read in pieces."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
