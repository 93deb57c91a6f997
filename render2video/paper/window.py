"""Windows of consecutive pictures, made while the pictures stream by."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, repeat

import torch
from torch import Tensor


def sliding_windows(pictures: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """For each picture `[C, H, W]` the window `[size, C, H, W]` with it in the middle; the first and last pictures are
    held.

    Streams: keeps `size` pictures, and asks for `size // 2` beyond the one in the middle.

    Args:
        pictures: any number of them, also fewer than `size`.
        size: odd.
    """
    assert size % 2 == 1, f"a window of {size} has no middle"
    stream = iter(pictures)
    first = next(stream, None)
    if first is None:
        return
    half = size // 2
    kept: deque[Tensor] = deque(repeat(first, half), maxlen=size)
    last = first
    for picture in chain((first,), stream):
        last = picture
        kept.append(picture)
        if len(kept) == size:
            yield torch.stack(tuple(kept))
    # A clip shorter than half a window has not filled it yet: hold its last picture until each has had its turn.
    for _ in range(half):
        kept.append(last)
        if len(kept) == size:
            yield torch.stack(tuple(kept))
