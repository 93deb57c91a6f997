"""Pictures painted side by side, each by one thread: threads that share a picture wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

import cv2
import numpy as np
import torch

from foundation.memory import keep_freed_memory
from foundation.parallel import side_by_side

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def painted_side_by_side(paint: Callable[[ItemT], np.ndarray], items: Iterable[ItemT]) -> Iterator[np.ndarray]:
    """Pictures of items, in order."""
    return painting_side_by_side(side_by_side, paint, items)


def painting_side_by_side(
    how: Callable[[Callable[[ItemT], np.ndarray], Iterable[ItemT], Callable[[], None]], Iterator[ResultT]],
    paint: Callable[[ItemT], np.ndarray], items: Iterable[ItemT],
) -> Iterator[ResultT]:
    """`side_by_side` or `begun` of pictures."""
    keep_freed_memory()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield from how(paint, items, partial(torch.set_num_threads, 1))
    finally:
        cv2.setNumThreads(before)
