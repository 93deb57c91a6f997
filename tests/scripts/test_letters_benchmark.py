"""The comparison of letters with phones: its regressions find what is there, and nothing where nothing is."""

from __future__ import annotations

import numpy as np

from benchmarks.letters import REACH_FRAMES, in_deviations, plain, ridge, ridge_fold, windowed
from face_model import mp478
from face_model.tracks import FaceMotion, SpeechFeatures
from motion_models.examples import MotionExample
from motion_models.lips import lip_gap_mm


def test_a_ridge_finds_a_linear_truth_and_does_not_learn_noise() -> None:
    dice = np.random.default_rng(0)
    given, weights = dice.standard_normal((400, 30)) * 5 + 2, dice.standard_normal((30, 2))
    group = np.arange(400) % 5
    wanted = given @ weights + 7
    fresh = dice.standard_normal((50, 30)) * 5 + 2
    np.testing.assert_allclose(ridge(given, wanted, group)(fresh), fresh @ weights + 7, atol=0.1 * np.abs(wanted).std())
    noise = dice.standard_normal((400, 2))
    assert ridge(given, noise, group)(fresh).std() < 0.2


def test_windows_hold_the_neighbours_and_the_ends() -> None:
    rows = np.arange(40.0)[:, None]
    made = windowed(rows)
    assert made.shape == (40, 2 * REACH_FRAMES + 1)
    np.testing.assert_array_equal(made[20], np.arange(20 - REACH_FRAMES, 20 + REACH_FRAMES + 1))
    assert made[0, 0] == 0 and made[-1, -1] == 39


def test_deviations_are_each_speakers_own() -> None:
    small, large = np.array([0.0, 1.0, 2.0]), np.array([10.0, 40.0])
    first, second, other = in_deviations([small, small + 1, large], ["a", "a", "b"])
    assert abs(np.concatenate([first, second]).mean()) < 1e-12 and abs(other.std() - 1) < 1e-12
    assert np.allclose(second - first, second[0] - first[0])


def example(speaker: str, seed: int, heard: bool) -> MotionExample:
    """A face that opens its lips as a smooth noise does, which the features tell, or do not."""
    dice = np.random.default_rng(seed)
    opening = np.convolve(dice.standard_normal(150), np.hanning(9), "same")
    model = mp478.load()
    direction = lip_gap_mm(model, np.eye(64)) - lip_gap_mm(model, np.zeros((1, 64)))
    expression = (opening[:, None] * direction / np.linalg.norm(direction) * (1 + seed % 3)).astype(np.float32)
    values = dice.standard_normal((150, 6)).astype(np.float32) * 0.1
    values[:, 2] += opening * heard
    zero = np.zeros((150, 3), np.float32)
    motion = FaceMotion(30.0, expression, zero, zero, np.zeros(150, np.float32))
    return MotionExample(SpeechFeatures(values, 30.0, "made", 5.0), motion, np.ones(150, bool), speaker)


def test_speakers_never_seen_are_told_by_what_was_heard_alone() -> None:
    for heard, low, high in ((True, 0.95, 1.0), (False, -0.5, 0.5)):
        examples = [example(speaker, seed, heard) for seed, speaker in enumerate("aabbccdd")]
        scores = ridge_fold(["c", "d"], examples)
        assert set(scores) == {"c", "d"}
        assert all(low <= correlation <= high for correlation, _ in scores.values())


def test_a_transcript_keeps_what_is_said() -> None:
    assert plain("Uh, I'm [adif] bunch <VOCNOISE> YEAH") == "uh i'm bunch yeah"
