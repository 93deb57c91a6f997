"""Chains that are fed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from foundation.pushing import MOST_WAITING, Pushed


def with_the_next(items: Iterator[int]) -> Iterator[tuple[int, int]]:
    """A chain that looks one item ahead, and tells how the last one ends."""
    last = None
    for last in pairwise(items):
        yield last
    yield (-1, -1) if last is None else (last[1], -1)


def test_a_push_gives_what_is_decided_by_it() -> None:
    chain = Pushed(with_the_next)
    assert list(chain.push(1)) == []
    assert list(chain.push(2)) == [(1, 2)]
    assert list(chain.push(3)) == [(2, 3)]
    assert list(chain.finish()) == [(3, -1)]
    assert list(chain.finish()) == []
    chain.close()


def test_what_was_not_fetched_comes_with_the_next_push() -> None:
    chain = Pushed(with_the_next)
    for item in range(5):
        given = chain.push(item)  # counts, although nobody looks at what comes
    assert next(given) == (0, 1)
    assert list(chain.push(5)) == [(1, 2), (2, 3), (3, 4), (4, 5)]
    chain.close()


def test_results_are_made_as_they_are_fetched() -> None:
    made: list[int] = []

    def many(items: Iterator[int]) -> Iterator[int]:
        for count in items:
            for number in range(count):
                made.append(number)
                yield number

    chain = Pushed(many)
    results = chain.push(10_000)
    assert next(results) == 0
    assert len(made) <= MOST_WAITING + 3
    chain.close()


def test_what_goes_wrong_is_told_where_it_is_waited_for() -> None:
    def wrong(items: Iterator[int]) -> Iterator[float]:
        for item in items:
            yield 1 / item

    chain = Pushed(wrong)
    assert list(chain.push(2)) == [0.5]
    with pytest.raises(ZeroDivisionError):
        list(chain.push(0))
    assert list(chain.push(2)) == []
    chain.close()


def test_closing_ends_the_chain_in_the_middle() -> None:
    ended: list[bool] = []

    def endless(items: Iterator[int]) -> Iterator[int]:
        try:
            for item in items:
                while True:
                    yield item
        finally:
            ended.append(True)

    chain = Pushed(endless)
    assert next(chain.push(1)) == 1
    chain.close()
    assert ended == [True]
