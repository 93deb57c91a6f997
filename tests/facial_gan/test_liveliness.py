"""Blinks and sway against the statistics that they are made from."""

from __future__ import annotations

import numpy as np
import pytest

from facial_gan.liveliness import BlinkHabit, BlinkProcess, PoseProcess, find_blinks, measure_blinks, within_range

MINUTES = 10


@pytest.mark.parametrize("rate_a_min", [12.0, 17.0, 26.0])
def test_blinks_come_at_the_persons_rate_and_close_the_eye(rate_a_min: float) -> None:
    habit = BlinkHabit(rate_a_min=rate_a_min, duration_s=0.2)
    curve = BlinkProcess(habit, 30.0, seed=0)(np.zeros(MINUTES * 1800, np.float32))
    frames, durations = find_blinks(curve, 30.0)
    assert len(frames) / MINUTES == pytest.approx(rate_a_min, rel=0.15)
    assert curve[frames].min() > 4.0 and curve.max() <= 5.0 and curve.min() >= 0.0
    assert np.median(durations) == pytest.approx(0.2, abs=0.05)


def test_habit_is_found_again() -> None:
    curve = BlinkProcess(BlinkHabit(22.0, 0.25, 4.6), 30.0, seed=1)(np.zeros(MINUTES * 1800, np.float32))
    habit = measure_blinks([curve], 30.0)
    assert habit.rate_a_min == pytest.approx(22.0, rel=0.15)
    assert habit.duration_s == pytest.approx(0.25, abs=0.06) and habit.peak == pytest.approx(4.6, abs=0.15)


def test_someone_who_did_not_blink_still_will() -> None:
    assert 10 <= measure_blinks([np.zeros(300, np.float32)], 30.0).rate_a_min <= 28


def test_the_network_can_ask_for_a_blink() -> None:
    wanted = np.zeros(300, np.float32)
    wanted[150:156] = 4.0
    process = BlinkProcess(BlinkHabit(rate_a_min=10.0), 30.0, seed=0)
    process._next = 10**6  # none of its own
    frames, _ = find_blinks(process(wanted), 30.0)
    assert len(frames) == 1 and 150 <= frames[0] <= 162


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
    lag = round(0.4 * 30)
    assert np.corrcoef(pose[lag:, 3], pose[:-lag, 3])[0, 1] == pytest.approx(0.5, abs=0.06)


def test_range_is_kept_and_the_middle_left_alone() -> None:
    limit = np.array([2.0])
    pose = np.linspace(-10, 10, 101)[:, None]
    kept = within_range(pose, limit)
    assert np.abs(kept).max() <= 2.0 and (np.diff(kept[:, 0]) >= 0).all()
    np.testing.assert_array_equal(kept[np.abs(pose) <= 1.5], pose[np.abs(pose) <= 1.5])
