"""Directions in a text become curves, and curves move a face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from face_model import mp478
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from motion_models.lips import lip_gap_mm
from talking_head.motion.curves import Curves
from talking_head.voices.acting import curves_of
from talking_head.voices.cues import Cue, read_script, stretches

TIMES_S = np.arange(0, 6, 0.01)


def still(frames: int = 150, fps: float = 25.0) -> FaceMotion:
    return FaceMotion.unpack(np.zeros((frames, 71), np.float32), fps)


def test_words_and_directions_come_in_order() -> None:
    parts = read_script(r"Well [smile 0.6], \[1] [look left 2s] there.[pause 0.4s][nod]")
    assert parts == [
        "Well ", Cue("smile", "", 0.6), ", [1] ", Cue("look", "left", 1.0, 2.0), " there.", Cue("pause", "", 0.4),
        Cue("nod"),
    ]


@pytest.mark.parametrize(
    "text", ["[laugh]", "[look]", "[look north]", "[smile -1]", "[smile 9]", "[nod 1 2]", "[pause 900]", "[]", "  "]
)
def test_what_is_no_direction_is_told(text: str) -> None:
    with pytest.raises(InputError):
        read_script(text)


def test_a_pause_cuts_and_other_directions_keep_their_place() -> None:
    first, second = stretches(read_script("One two [nod]three. [pause 0.4] Four"))
    assert (first.words, first.after_s, second.words, second.after_s) == ("One two three.", 0.4, "Four", 0.0)
    assert first.cues == ((6 / 11, Cue("nod")),)  # six of eleven letters stand before it


def test_a_smile_stays_until_the_next_and_a_glance_does_not() -> None:
    smile = [(1.0, Cue("smile", "", 0.6)), (4.0, Cue("smile", "", 0.0))]
    curves = curves_of([*smile, (1.0, Cue("look", "left"))])
    smiling, looking = curves.at("smile", TIMES_S), curves.at("yaw_deg", TIMES_S)
    assert smiling[TIMES_S < 1].max() == 0 and smiling[(TIMES_S > 1.5) & (TIMES_S < 4)].min() == pytest.approx(0.6)
    assert smiling[-1] == 0 and np.abs(np.diff(smiling)).max() < 0.05
    assert looking.max() == pytest.approx(9) and looking[-1] == 0


def test_what_comes_later_takes_over_without_a_jump() -> None:
    curves = curves_of([(1.0, Cue("look", "left")), (1.2, Cue("look", "right")), (2.0, Cue("shake"))])
    yaw = curves.at("yaw_deg", TIMES_S)
    assert yaw.min() < -6 and np.abs(np.diff(yaw)).max() < 1.1  # 110 degrees a second


def test_curves_move_the_head_in_degrees_and_the_face_as_they_say() -> None:
    model = mp478.load()
    rows = [(0.0, "yaw_deg", 9.0), (0.0, "smile", 1.0), (0.0, "blink", 1.0), (0.0, "brows", 1.0)]
    made = Curves.of(rows).on(still(2))
    assert np.degrees(made.rotation[0, 1]) == pytest.approx(9) and made.blink[0] == pytest.approx(5)
    basis = model.expression_mm.numpy()
    moved_mm = np.einsum("e,evc->vc", made.expression[0], basis)
    left, right = moved_mm[mp478.LIP_WIDTH[1]], moved_mm[mp478.LIP_WIDTH[0]]
    assert left[0] - right[0] > 2 and left[1] > 0.5 and right[1] > 0.5  # corners go apart and up
    assert moved_mm[list(mp478.RIGHT_BROW + mp478.LEFT_BROW), 1].mean() > 2
    assert lip_gap_mm(model, Curves.of(rows[1:2]).on(still(1)).expression) == pytest.approx(
        lip_gap_mm(model, still(1).expression), abs=0.05)  # p, b and m close smiling lips too


def test_pieces_of_a_motion_get_what_the_whole_gets() -> None:
    curves, motion = curves_of([(0.5, Cue("nod")), (1.0, Cue("smile"))]), still()
    whole = curves.on(motion).pack()
    parts = [curves.on(motion[start : start + 40], start / 25.0).pack() for start in range(0, 150, 40)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_a_file_comes_back_as_it_was_edited(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    curves_of([(1.0, Cue("nod"))]).save(path)
    path.write_text(path.read_text().replace(",7.0", ",12.5"))
    assert Curves.load(path).at("pitch_deg", TIMES_S).max() == pytest.approx(12.5, abs=0.01)


@pytest.mark.parametrize("text", ["", "a,b\n", "time_s,curve,value\n1,grin,1\n", "time_s,curve,value\nnan,smile,1\n",
                                  "time_s,curve,value\n1,smile,77\n", "time_s,curve,value\n1,smile\n"])
def test_a_file_that_is_none_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    path.write_text(text)
    with pytest.raises(InputError):
        Curves.load(path)


def test_a_face_of_another_model_turns_its_head_alone() -> None:
    other = FaceMotion.unpack(np.zeros((5, 71), np.float32), 25.0, "flame")
    assert np.degrees(Curves.of([(0.0, "yaw_deg", 9.0)]).on(other).rotation[0, 1]) == pytest.approx(9)
    with pytest.raises(InputError, match="flame"):
        Curves.of([(0.0, "smile", 1.0)]).on(other)
