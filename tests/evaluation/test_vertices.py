"""Vertex errors in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.metrics.vertices import dynamics_deviation_mm, jitter_mm, lip_vertex_error_mm


def test_closed_forms() -> None:
    truth = np.zeros((4, 3, 3))
    moved = truth.copy()
    moved[:, 0] = [3, 4, 0]
    assert lip_vertex_error_mm(moved, truth) == pytest.approx((5 / 3, 5.0))
    time_s = np.arange(3000) / 30
    wave = np.zeros((3000, 2, 3))
    wave[:, 0, 1] = 10 + 2 * np.sin(2 * np.pi * time_s)  # deviation sqrt(2) about the neutral, 10 mm away
    assert dynamics_deviation_mm(wave, np.zeros_like(wave), np.zeros((2, 3))) == pytest.approx(np.sqrt(2) / 2, rel=1e-3)
    assert dynamics_deviation_mm(wave, wave, np.zeros((2, 3))) == 0
    # The second difference of a sine is (2 - 2 cos w) times it.
    expected = 2 / np.sqrt(2) * (2 - 2 * np.cos(2 * np.pi / 30)) / np.sqrt(2)
    assert jitter_mm(wave) == pytest.approx(expected, rel=1e-2)
    assert jitter_mm(np.cumsum(np.ones((9, 2, 3)), axis=0)) == pytest.approx(0, abs=1e-9)
