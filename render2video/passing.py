"""Frames that nobody waits for any more are passed over, in their place among those that are painted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from face_model.tracks import FaceMotion

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def always() -> bool:
    """Every frame is wanted."""
    return True


class Passing(Generic[ItemT]):
    """Lets through the items that are wanted, and tells of the others where results come out: `told(f(kept(items)))`.

    Args:
        wanted: asked before each item.
    """

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self._wanted, self._passed = wanted, 0

    def kept(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """The items that are wanted."""
        for item in items:
            if self._wanted():
                yield item
            else:
                self._passed += 1

    def told(self, results: Iterable[ResultT]) -> Iterator[ResultT | None]:
        """The results, each made of the item that was asked for last, and None for each item before it that was not
        wanted.
        """
        for result in results:
            yield from [None] * self._passed
            self._passed = 0
            yield result
        yield from [None] * self._passed


def single_frames(pieces: Iterable[FaceMotion]) -> Iterator[FaceMotion]:
    """The frames of a motion that comes in pieces, one at a time."""
    return (piece[frame : frame + 1] for piece in pieces for frame in range(len(piece)))
