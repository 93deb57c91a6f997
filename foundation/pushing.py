"""Chains of generators fed by hand: whoever has an item pushes it, and gets what the chain makes of it.

A chain of generators asks its source for the next item when it needs one; a caller who is given sound piece by piece
cannot wait there. So the chain runs in a thread of its own, which works only while the caller waits for it: from the
push of an item until the chain asks for the next. What comes out is therefore decided by what went in alone.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

InT = TypeVar("InT")
OutT = TypeVar("OutT")
MOST_WAITING = 16  # results that wait to be fetched: a long item does not fill the memory
_POLL_S = 0.1  # how often a chain that waits looks whether it was closed


class _ClosedError(Exception):
    """The chain is not wanted any more."""


class _Mark:
    """Between results: the chain asks for the next item, or has ended."""


_HUNGRY, _ENDED = _Mark(), _Mark()


class Pushed(Generic[InT, OutT]):
    """A chain that items are pushed into.

    Args:
        chain: from the items to the results; runs in another thread, never at the same time as the caller.
    """

    def __init__(self, chain: Callable[[Iterator[InT]], Iterator[OutT]]) -> None:
        self._chain = chain
        self._items: queue.Queue[InT | None] = queue.Queue()
        self._results: queue.Queue[OutT | _Mark | BaseException] = queue.Queue(MOST_WAITING)
        self._closed, self._ended = threading.Event(), False
        self._left: deque[OutT] = deque()  # made of earlier items and not fetched
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._waiting = False  # for an item
        self._thread.start()

    def push(self, item: InT) -> Iterator[OutT]:
        """What the chain makes before it asks for the item after this one; made as it is fetched. The item counts
        whether or not anything is fetched: what is left comes with the next push.
        """
        self._left.extend(self._made())
        self._give(item)
        return self._fetched()

    def finish(self) -> Iterator[OutT]:
        """What is left once there are no more items."""
        self._left.extend(self._made())
        self._give(None)
        return self._fetched()

    def close(self) -> None:
        """End the chain wherever it is; its generators are closed."""
        self._closed.set()
        self._thread.join()
        self._ended = True

    def _give(self, item: InT | None) -> None:
        if not self._ended:
            self._waiting = False
            self._items.put(item)

    def _fetched(self) -> Iterator[OutT]:
        while self._left:
            yield self._left.popleft()
        yield from self._made()

    def _made(self) -> Iterator[OutT]:
        """Results until the chain waits for an item, or ends."""
        while not (self._waiting or self._ended):
            result = self._results.get()
            if isinstance(result, BaseException):
                self._ended = True
                raise result
            if isinstance(result, _Mark):
                self._waiting, self._ended = result is _HUNGRY, result is _ENDED
            else:
                yield result

    def _source(self) -> Iterator[InT]:
        while True:
            self._put(_HUNGRY)
            while True:
                if self._closed.is_set():
                    raise _ClosedError
                try:
                    item = self._items.get(timeout=_POLL_S)
                    break
                except queue.Empty:
                    continue
            if item is None:
                return
            yield item

    def _put(self, result: OutT | _Mark | BaseException) -> None:
        while True:
            if self._closed.is_set():
                raise _ClosedError
            try:
                self._results.put(result, timeout=_POLL_S)
                return
            except queue.Full:
                continue

    def _work(self) -> None:
        try:
            results = self._chain(self._source())
            for result in results:
                self._put(result)
            self._put(_ENDED)
        except _ClosedError:
            return
        except BaseException as error:  # handed to whoever waits for results
            try:
                self._put(error)
            except _ClosedError:
                return
