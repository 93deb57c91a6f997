"""Things about a file that are found out, or told, once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, lru_cache, wraps
from pathlib import Path
from typing import TypeVar

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")


def per_file(function: Callable[[Path], _Result]) -> Callable[[Path | str], _Result]:
    """The function, called once for the same content of a file."""

    @lru_cache(maxsize=32)
    def remembered(path: Path, size: int, changed_ns: int) -> _Result:
        return function(path)

    @wraps(function)
    def call(path: Path | str) -> _Result:
        path = Path(path)
        return remembered(*facts_of(path)) if path.is_file() else function(path)

    return call


def facts_of(path: Path) -> tuple[Path, int, int]:
    """What is another when a file's content is: path, size, and when it changed (ns)."""
    facts = path.stat()
    return path, facts.st_size, facts.st_mtime_ns


@cache
def warn_once(message: str) -> None:
    """Warn of something that every reading of a file would come upon again."""
    log.warning("%s", message)
