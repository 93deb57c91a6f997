"""Processor time by stage, each without those that it calls."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType
from typing import Any

import cv2
import numpy as np


class Stages:
    """Processor seconds of this thread by stage; a stage inside another one is not counted to that."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)
        self._inner_s: list[float] = []
        self._replaced: list[tuple[Any, str, Any]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside to a stage."""
        self._inner_s.append(0.0)
        begun_s = time.thread_time()
        try:
            yield
        finally:
            whole_s = time.thread_time() - begun_s
            self.seconds[name] += whole_s - self._inner_s.pop()
            self.calls[name] += 1
            if self._inner_s:
                self._inner_s[-1] += whole_s

    def watch(self, owner: type | ModuleType | object, attribute: str, name: str) -> None:
        """Count a function or method to a stage, until `leave`."""
        whole = getattr(owner, attribute)
        self._replaced.append((owner, attribute, owner.__dict__.get(attribute, whole)))

        @wraps(whole)
        def counted(*given: Any, **named: Any) -> Any:
            with self.stage(name):
                return whole(*given, **named)

        setattr(owner, attribute, counted)

    def watch_items(self, owner: type | ModuleType | object, attribute: str, name: str) -> None:
        """Likewise a function that gives an iterator: the time that its items take."""
        whole: Callable[..., Iterator[Any]] = getattr(owner, attribute)
        self._replaced.append((owner, attribute, owner.__dict__.get(attribute, whole)))

        @wraps(whole)
        def counted(*given: Any, **named: Any) -> Iterator[Any]:
            items = iter(whole(*given, **named))
            while True:
                with self.stage(name):
                    item = next(items, self)
                if item is self:
                    return
                yield item

        setattr(owner, attribute, counted)

    def leave(self) -> None:
        """Put everything back."""
        while self._replaced:
            setattr(*self._replaced.pop())

    def milliseconds(self, frames: int) -> dict[str, float]:
        """Of each stage, a frame."""
        return {name: 1000 * value / frames for name, value in self.seconds.items()}


def reference_ms() -> float:
    """Processor milliseconds of a fixed piece of work, alike to painting: processors that share caches and threads with
    others are slower even in processor time, and runs are compared by it.
    """
    picture = np.random.default_rng(0).random((512, 512, 3), np.float32)
    matrix = picture[..., 0]
    found = []
    for _ in range(15):
        begun_s = time.thread_time()
        soft = cv2.GaussianBlur(picture, (0, 0), 2.0)
        np.rint(255 * soft).astype(np.uint8)
        _ = matrix @ matrix
        found.append(time.thread_time() - begun_s)
    return 1000 * float(np.median(found))
