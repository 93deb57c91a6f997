"""The drawing of the imports: every arrow down, none that follows from others, nothing left out."""

from __future__ import annotations

from graphlib import CycleError

import pytest

from scripts.draw_imports import laid_out, layers_of, needed
from scripts.imports import FOLDERS, ROOMS, arrows_of_folders, arrows_of_rooms

SMALL = {"film": {"paint", "speak", "files"}, "paint": {"files"}, "speak": {"files", "words"}, "files": set(),
         "words": set()}  # fmt: skip


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    expected = {"film": {"paint", "speak"}, "paint": {"files"}, "speak": {"files", "words"}}
    assert needed(SMALL) == expected | {"files": set(), "words": set()}
    assert layers_of(SMALL) == {"film": 0, "paint": 1, "speak": 1, "files": 2, "words": 2}


def test_every_arrow_points_down_and_boxes_stand_apart() -> None:
    for arrows in (SMALL, arrows_of_rooms(), arrows_of_folders()):
        drawn = laid_out(arrows)
        assert set(drawn.boxes) == set(arrows) and len(drawn.lines) == sum(map(len, needed(arrows).values()))
        for line in drawn.lines:
            assert all(b > a for (_, a), (_, b) in zip(line, line[1:], strict=False))
        by_layer: dict[float, list[float]] = {}
        for x, y in drawn.boxes.values():
            by_layer.setdefault(y, []).append(x)
        assert all(len(set(places)) == len(places) for places in by_layer.values())


def test_the_house_is_all_there() -> None:
    assert set(arrows_of_rooms()) == set(ROOMS) and set(arrows_of_folders()) == set(FOLDERS)
    assert "motion" in arrows_of_folders()["synth"] and "facial_gan" in arrows_of_rooms()["talking_head"]


def test_a_circle_cannot_be_drawn() -> None:
    with pytest.raises(CycleError):
        laid_out({"a": {"b"}, "b": {"a"}})
