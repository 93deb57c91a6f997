"""Work side by side comes in order, is bounded, and tells its errors."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from foundation.parallel import AHEAD, begun, side_by_side
from tests.waiting import PATIENCE_S


def nothing() -> None:
    pass


def test_results_come_in_order_whatever_takes_longest():
    def slow(number: int) -> int:
        time.sleep(0.02 * (number % 3))
        return number * number

    assert list(side_by_side(slow, range(12), nothing, workers=3)) == [n * n for n in range(12)]


def test_no_more_is_begun_than_is_said():
    taken = itertools.count()
    results = side_by_side(lambda number: number, (next(taken) for _ in range(100)), nothing, workers=2)
    next(results)
    assert next(taken) <= AHEAD * 2 + 2
    results.close()


def test_each_thread_begins_once_and_works_beside_the_others():
    started, met = [], threading.Barrier(2, timeout=PATIENCE_S)

    def together(_: int) -> int:
        return met.wait()

    list(side_by_side(together, range(4), lambda: started.append(threading.get_ident()), workers=2))
    assert len(set(started)) == len(started) == 2


def test_an_error_is_told():
    def wrong(number: int) -> int:
        raise ValueError(f"item {number}")

    with pytest.raises(ValueError, match="item 0"):
        list(side_by_side(wrong, range(3), nothing, workers=2))


def test_work_is_given_out_when_it_has_begun() -> None:
    """Nothing waits for the next item: a future comes before the item after its own is asked for."""
    taken = 0

    def counted() -> Iterator[int]:
        nonlocal taken
        for number in range(6):
            taken = number + 1
            yield number

    for number, future in enumerate(begun(lambda n: n * n, counted(), nothing, workers=2)):
        assert taken == number + 1 and future.result() == number * number
