"""What a user may ask for, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundation.errors import InputError
from motion_models.directions import AskedEmotion, read_emotion, read_emotions


def test_a_name_and_a_share() -> None:
    assert read_emotion("happy") == AskedEmotion("happy", 1.0)
    assert read_emotion(" happy:0.7") == AskedEmotion("happy", 0.7)


@pytest.mark.parametrize("text", ["", ":0.5", "happy:much", "happy:1.5", "happy:nan"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_emotion(text)


def test_a_table_over_time(tmp_path: Path) -> None:
    path = tmp_path / "emotions.csv"
    path.write_text("emotion,time_s,intensity\nsad,2,0.5\nhappy,0.5,\n")
    assert read_emotions(path) == [AskedEmotion("happy", 1.0, 0.5), AskedEmotion("sad", 0.5, 2.0)]


@pytest.mark.parametrize(
    "text", ["time_s,mood\n1,happy\n", "time_s,emotion\n", "time_s,emotion\nnow,happy\n", "time_s,emotion\n1,a\n1,b\n",
             "time_s,emotion\ninf,a\n", "time_s,emotion\n1\n"],
)  # fmt: skip
def test_other_tables_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "emotions.csv"
    path.write_text(text)
    with pytest.raises(InputError):
        read_emotions(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_emotions(tmp_path / "absent.csv")
