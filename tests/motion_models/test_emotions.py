"""What a user writes about emotions is read as meant, and a slip is told with its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foundation.errors import InputError
from motion_models.emotions import read_emotions, steady_emotion

KNOWN = ("neutral", "happy", "sad")


@pytest.mark.parametrize(("text", "expected"), [("happy", [0, 1, 0]), ("sad:0.25", [0, 0, 0.25])])
def test_a_name_with_or_without_a_share(text: str, expected: list[float]) -> None:
    assert np.allclose(steady_emotion(text, KNOWN).at(np.array([0.0, 9.0])), [expected, expected])


@pytest.mark.parametrize("text", ["glad", "happy:2", "happy:-1", "happy:much", "happy:nan", ""])
def test_a_slip_is_told(text: str) -> None:
    with pytest.raises(InputError):
        steady_emotion(text, KNOWN)


def test_a_file_is_blended_between_its_times(tmp_path: Path) -> None:
    path = tmp_path / "emotions.csv"
    path.write_text("time_s, sad, happy\n1, 0, 0.5\n\n3, 1,\n", encoding="utf-8")
    shares = read_emotions(path, KNOWN).at(np.array([0.0, 1.0, 2.0, 3.0, 8.0]))
    assert np.allclose(shares, [[0, 0.5, 0], [0, 0.5, 0], [0, 0.25, 0.5], [0, 0, 1], [0, 0, 1]])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no emotions"), ("time_s,happy\n", "no emotions"), ("time_s,joy\n0,1\n", "column 'joy'"),
        ("time_s,happy\n0,1\n0,0\n", "line 3"), ("time_s,happy\n0,1.5\n", "line 2"), ("time_s,happy\n0\n", "line 2"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_told_with_its_line(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "emotions.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_emotions(path, KNOWN)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_emotions(tmp_path / "none.csv", KNOWN)
