"""What is read of targets stays at hand while many films are made."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

LoadedT = TypeVar("LoadedT")
MOST = 4  # of a kind, in a process
_STORE: dict[str, OrderedDict[Hashable, Any]] = {}
_KEEPS: ContextVar[bool] = ContextVar("keeps", default=False)


@contextmanager
def keeping() -> Iterator[None]:
    """What `loaded` reads inside is kept by this process, for the next time that it is inside."""
    token = _KEEPS.set(True)
    try:
        yield
    finally:
        _KEEPS.reset(token)


def loaded(kind: str, key: Hashable, load: Callable[[], LoadedT]) -> LoadedT:
    """What `load` gives, or gave for that key while `keeping`; those used least recently are let go of.

    Args:
        kind: of thing. key: tells which one, and changes when its files do.
    """
    if not _KEEPS.get():
        return load()
    kept = _STORE.setdefault(kind, OrderedDict())
    if key not in kept:
        kept[key] = load()
        if len(kept) > MOST:
            kept.popitem(last=False)
    kept.move_to_end(key)
    found: LoadedT = kept[key]
    return found
