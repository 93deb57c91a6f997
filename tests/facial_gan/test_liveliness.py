"""Blinks and sway against the statistics that they are made from."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.metrics.blinks import rate_per_min
from face_model.blinks import find_blinks, seen_curves
from face_model.tracks import resample
from motion_models.liveliness import BlinkHabit, BlinkProcess, PoseProcess, measure_blinks, within_range

MINUTES = 10


@pytest.mark.parametrize("rate_a_min", [12.0, 17.0, 26.0])
def test_blinks_come_at_the_persons_rate_and_close_the_eye(rate_a_min: float) -> None:
    habit = BlinkHabit(rate_a_min=rate_a_min, duration_s=0.2)
    curve = BlinkProcess(habit, 30.0, seed=0)(np.zeros(MINUTES * 1800, np.float32))
    found = find_blinks(curve, 30.0)
    assert len(found) / MINUTES == pytest.approx(rate_a_min, rel=0.15)
    assert curve.max() <= 5.0 and curve.min() >= 0.0
    assert np.median([one.half_s for one in found]) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 50.0])
@pytest.mark.parametrize("duration_s", [0.12, 0.2, 0.35])
def test_a_blink_closes_the_eye_at_every_frame_rate(fps: float, duration_s: float) -> None:
    """A motion has 30 frames a second, films have their own: no rate may miss the moment in which the lids meet."""
    curve = BlinkProcess(BlinkHabit(30.0, duration_s), 30.0, seed=1)(np.zeros(3600, np.float32))
    film = resample(curve, 30.0, fps, round(120 * fps))
    found = find_blinks(film, fps)
    assert len(found) == pytest.approx(60, abs=8) and min(one.peak for one in found) == pytest.approx(5.0, abs=1e-3)
    assert np.median([one.half_s for one in found]) == pytest.approx(duration_s, abs=0.02)


def test_nobody_blinks_in_the_first_second() -> None:
    asking = np.full(31, 5.0, np.float32)
    for seed in range(300):
        assert BlinkProcess(BlinkHabit(40.0), 30.0, seed)(asking).max() < 2.0
    soon = [find_blinks(BlinkProcess(BlinkHabit(), 30.0, seed)(np.zeros(120, np.float32)), 30.0) for seed in range(60)]
    assert np.mean([len(found) > 0 for found in soon]) > 0.5  # but most do in the first four
    assert len({found[0].frame for found in soon if found}) > 15  # and at no set moment


def test_habit_is_found_again() -> None:
    curve = BlinkProcess(BlinkHabit(22.0, 0.25), 30.0, seed=1)(np.zeros(MINUTES * 1800, np.float32))
    habit = measure_blinks([curve], 30.0)
    assert habit.rate_a_min == pytest.approx(22.0, rel=0.15) and habit.duration_s == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("blinks, made", [(0, (6, 8)), (3, (10, 15)), (10, (25, 29)), (22, (40, 40))])
def test_twenty_seconds_tell_a_persons_rate_within_peoples_range(blinks: int, made: tuple[int, int]) -> None:
    """Each blink of 20 s is three a minute: 30 a minute are not taken for 20, and 66 are nobody's."""
    curve = np.zeros(600, np.float32)
    for frame in np.linspace(20, 570, blinks).astype(int):
        curve[frame - 2 : frame + 4] = [2.0, 5.0, 5.0, 4.0, 2.0, 1.0]
    assert made[0] <= measure_blinks([curve], 30.0).rate_a_min <= made[1]


def test_a_habit_of_an_earlier_version_is_read() -> None:
    assert BlinkHabit.from_json(BlinkHabit(12.0).to_json() | {"peak": 4.8}) == BlinkHabit(12.0)


def test_someone_who_did_not_blink_still_will() -> None:
    assert 6 <= measure_blinks([np.zeros(300, np.float32)], 30.0).rate_a_min <= 28


def test_the_network_can_ask_for_a_blink() -> None:
    wanted = np.zeros(300, np.float32)
    wanted[150:156] = 4.0
    process = BlinkProcess(BlinkHabit(rate_a_min=10.0), 30.0, seed=0)
    process._next = 10**6  # none of its own
    (found,) = find_blinks(process(wanted), 30.0)
    assert 150 <= found.frame <= 162


def test_pieces_of_a_process_join() -> None:
    factor, deviation = np.eye(6), np.ones(6)
    whole = PoseProcess(deviation, factor, 0.5, 30.0, 3)(300)
    parts = PoseProcess(deviation, factor, 0.5, 30.0, 3)
    np.testing.assert_allclose(np.concatenate([parts(100), parts(1), parts(199)]), whole)
    blink, joined = BlinkProcess(BlinkHabit(), 30.0, 3), BlinkProcess(BlinkHabit(), 30.0, 3)
    network = np.zeros(300, np.float32)
    np.testing.assert_array_equal(np.concatenate([joined(network[:77]), joined(network[77:])]), blink(network))


def test_sway_has_the_asked_deviation_correlation_and_memory() -> None:
    correlation = np.eye(6)
    correlation[0, 1] = correlation[1, 0] = 0.8
    deviation = np.array([1.0, 2.0, 0.5, 1.0, 1.0, 1.0])
    pose = PoseProcess(deviation, np.linalg.cholesky(correlation), 0.4, 30.0, 0)(60_000)
    np.testing.assert_allclose(pose.std(0), deviation, rtol=0.08)
    assert np.corrcoef(pose[:, 0], pose[:, 1])[0, 1] == pytest.approx(0.8, abs=0.05)
    own = PoseProcess(deviation, np.eye(6), np.array([0.2, 0.4, 0.8, 0.4, 0.4, 1.6]), 30.0, 0)(60_000)
    np.testing.assert_allclose(own.std(0), deviation, rtol=0.08)
    for column, lag in ((0, 6), (2, 24), (5, 48)):
        assert np.corrcoef(own[lag:, column], own[:-lag, column])[0, 1] == pytest.approx(0.5, abs=0.08)
    lag = round(0.4 * 30)
    assert np.corrcoef(pose[lag:, 3], pose[:-lag, 3])[0, 1] == pytest.approx(0.5, abs=0.06)


def test_range_is_kept_and_the_middle_left_alone() -> None:
    limit = np.array([2.0])
    pose = np.linspace(-10, 10, 101)[:, None]
    kept = within_range(pose, limit)
    assert np.abs(kept).max() <= 2.0 and (np.diff(kept[:, 0]) >= 0).all()
    np.testing.assert_array_equal(kept[np.abs(pose) <= 1.5], pose[np.abs(pose) <= 1.5])
    aside = within_range(pose, limit, np.array([1.0]))
    assert -1.0 <= aside.min() <= -0.99 and 2.99 <= aside.max() <= 3.0


def test_lids_that_nobody_saw_did_not_rest() -> None:
    """Half of the footage does not show the face, and was interpolated: the rate is that of the other half. A frame
    lost in the middle of a blink leaves it one.
    """
    seen_s, rate = 120.0, 25.0
    time_s = np.arange(round(seen_s * 30)) / 30
    curve = 5.0 * np.exp(-(((time_s % (60 / rate)) - 1.2) ** 2) / (2 * 0.06**2))
    valid = np.ones(2 * len(curve), bool)
    valid[len(curve) :] = False
    lost = np.flatnonzero(curve > 4.5)[::3]
    valid[lost] = False
    curves = seen_curves(np.concatenate([curve, np.zeros(len(curve))]), valid, 30.0)
    assert measure_blinks(curves, 30.0).rate_a_min == pytest.approx(
        measure_blinks([curve], 30.0).rate_a_min, rel=0.03
    )
    assert rate_per_min(np.concatenate([curve, np.zeros(len(curve))]), 30.0, valid) == pytest.approx(rate, rel=0.05)
