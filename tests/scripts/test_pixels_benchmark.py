"""The benchmark of pictures: its own measures find what is planted, and its tables say what was missed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from benchmarks.pages import MARK, page, put_into
from benchmarks.pixels.__main__ import tables
from benchmarks.pixels.dubs import outside_db
from benchmarks.pixels.held_out import scores
from benchmarks.pixels.transitions import jumped, residuals, strongest_period, write_shuffled
from benchmarks.result_files import RESULTS, ROOT, Asked, Measure, part_table, read_results, write_results


def test_jumps_are_steps_of_more_than_two_frames_and_cuts() -> None:
    chosen = np.array([4, 5, 6, 6, 5, 7, 40, 41, 42])
    breaks = np.zeros(50, bool)
    assert np.flatnonzero(jumped(chosen, breaks)).tolist() == [6]
    breaks[42] = True
    assert np.flatnonzero(jumped(chosen, breaks)).tolist() == [6, 8]


def test_a_loop_is_found_at_its_length_and_wandering_is_none() -> None:
    frames = np.arange(15_000)
    there_and_back = np.abs((frames % 200) - 100)
    period_s, height = strongest_period(there_and_back, 25.0)
    assert period_s == pytest.approx(8.0, abs=0.1) and height > 0.9
    dice = np.random.default_rng(0)
    wandering = np.concatenate([dice.integers(0, 400) + np.arange(dice.integers(10, 60)) for _ in range(400)])
    assert strongest_period(wandering[:10_000], 25.0)[1] < 0.3


def test_flow_explains_what_moves_and_not_what_is_replaced() -> None:
    coarse = np.random.default_rng(0).uniform(0, 255, (40, 40, 3)).astype(np.float32)
    picture = np.clip(cv2.resize(coarse, (240, 240), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)
    pan = [np.roll(picture, k, axis=1)[:, 40:200] for k in range(6)]
    other = cv2.flip(picture, 0)[:, 40:200]
    whole, worst = residuals([*pan, other])
    assert len(whole) == 6 and whole[5] > 5 * whole[:5].max() and worst[5] > worst[:5].max()


def test_outside_is_what_the_painter_left_alone() -> None:
    real = np.full((64, 64, 3), 100, np.uint8)
    made = real.copy()
    made[20:40, 20:40] = 200
    film = np.clip(made.astype(int) + 1, 0, 255).astype(np.uint8)  # the encoder's own error: a level everywhere
    value, share = outside_db([film], [real], [made])
    assert value == pytest.approx(10 * np.log10(255**2), abs=0.01)
    assert share == pytest.approx(28**2 / 64**2)


def test_scores_are_means_over_frames_in_each_part() -> None:
    truth = [np.zeros((8, 8, 3), np.uint8)] * 2
    made = [np.full((8, 8, 3), 1, np.uint8), np.full((8, 8, 3), 10, np.uint8)]
    half = np.zeros((8, 8), bool)
    half[:4] = True
    found = scores("ours", made, truth, lambda k: {"half": half, "whole": None}, "", "part")
    expected = 10 * np.log10(255**2) - 10
    assert [(m.name, m.system) for m in found] == [("half, dB", "ours"), ("whole, dB", "ours")]
    assert all(m.value == pytest.approx(expected, abs=1e-3) for m in found)


def test_a_long_sound_does_not_repeat_and_is_always_the_same(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    soundfile.write(tmp_path / "short.wav", 0.1 * dice.standard_normal(4 * 16_000), 16_000)
    for name in ("one.wav", "two.wav"):
        write_shuffled(tmp_path / "short.wav", tmp_path / name, 30.0)
    one, two = (soundfile.read(tmp_path / name)[0] for name in ("one.wav", "two.wav"))
    assert len(one) == 30 * 16_000 and np.array_equal(one, two)
    first, later = one[: 4 * 16_000], one[4 * 16_000 : 8 * 16_000]
    assert abs(np.corrcoef(first, later)[0, 1]) < 0.9


def test_a_page_keeps_what_stands_before_its_tables(tmp_path: Path) -> None:
    target, mark = tmp_path / "page.md", MARK.format("a command")
    target.write_text(f"words\n\n{mark}\nold tables\n", encoding="utf-8")
    put_into("new tables\n", target, "a command")
    assert target.read_text(encoding="utf-8") == f"words\n\n{mark}\nnew tables\n"
    target.write_text("words alone\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no line"):
        put_into("new tables\n", target, "a command")


def test_results_are_read_back_and_tables_tell_what_was_missed(tmp_path: Path) -> None:
    measured = [
        Measure("dub", "mouth, dB", "footage", 25.5), Measure("dub", "mouth, dB", "fast", 27.25),
        Measure("dub", "lips", "footage", 0.5), Measure("other", "nothing", "fast", float("nan")),
    ]
    path = tmp_path / "results.json"
    write_results(path, "python -m x", "film.mp4", measured)
    content, again = read_results(path)
    assert again[:3] == measured[:3] and np.isnan(again[3].value)
    assert {"commit", "machine", "made", "command", "versions"} <= set(content)
    assert json.loads(path.read_text())["measured"][3]["value"] is None
    table = part_table(again, "dub", {"mouth, dB": Asked(26), "lips": Asked(0.4, 0.6)}, "footage").splitlines()
    assert table[0] == "| dub | footage | fast | asked |"
    assert table[2] == "| mouth, dB | 25.5 (missed) | 27.2 | >= 26 |"
    assert table[3] == "| lips | **0.5** | - | 0.4 to 0.6 |"
    assert "| nothing | - |" in tables(again)


def test_results_that_are_kept_say_where_they_come_from_and_are_those_of_the_page() -> None:
    kept = list(RESULTS.glob("pixels_*.json"))
    shown = (ROOT / "docs" / "pictures.md").read_text(encoding="utf-8")
    assert kept and all(page([path], tables) in shown for path in kept)
    for path in kept:
        content, measured = read_results(path)
        assert measured and len(content["commit"]) >= 40 and "benchmarks.pixels" in content["command"]
        assert " /" not in content["command"]
