"""Who watches long work sees it now and then, and the work does not notice."""

from __future__ import annotations

import numpy as np
import pytest

from foundation import watching


def test_a_picture_is_painted_only_for_who_watches_and_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, painted, seen = [100.0], list[int](), list[int]()
    monkeypatch.setattr(watching.time, "monotonic", lambda: now_s[0])

    def paint() -> np.ndarray:
        painted.append(len(painted))
        now_s[0] += 2.0
        return np.full((1, 1, 3), len(painted), np.uint8)

    watching.show(paint)
    assert not painted
    with watching.watching(lambda picture: seen.append(int(picture[0, 0, 0]))):
        for _ in range(300):
            watching.show(paint)
            now_s[0] += 1.0
    watching.show(paint)
    assert seen == [1, 2, 3, 4, 5] and len(painted) == 5  # two seconds each, 3% of the time
