"""Brows that rise at stressed syllables: by how much, when, and what else of the face stays."""

from __future__ import annotations

import numpy as np
import pytest

from face_model import mp478
from motion_models.brows import LEAST_APART_S, brow_raises, raise_direction, stresses

FPS = 25.0


def spoken(stressed_s: list[float], duration_s: float = 12.0) -> np.ndarray:
    """Loudness of syllables at 4 Hz, half as loud again where stressed, silent for the last two seconds."""
    time_s = np.arange(round(duration_s * FPS)) / FPS
    loud = 0.3 + 0.2 * np.cos(2 * np.pi * 4 * time_s)
    for at_s in stressed_s:
        loud += 0.6 * np.exp(-np.square((time_s - at_s) / 0.08))
    return np.where(time_s < duration_s - 2, loud, 0)


def test_stressed_syllables_are_found_and_no_others() -> None:
    planted = [1.0, 2.75, 4.5, 6.0, 8.25]
    np.testing.assert_allclose(stresses(spoken(planted), FPS) / FPS, planted, atol=0.06)
    assert len(stresses(np.zeros(100), FPS)) == 0


def test_brows_rise_before_some_of_the_stresses_and_come_down() -> None:
    planted = [1.0, 2.75, 4.5, 6.0, 8.25]
    raised = np.array([brow_raises(spoken(planted), FPS, seed) for seed in range(200)])
    assert raised.min() == 0 and 0.6 < raised.max() <= 1.9 and raised[:, -25:].max() == 0
    at = np.round(np.array(planted) * FPS).astype(int) - 2
    often = (raised[:, at] > 0.5).mean(axis=0)
    assert (np.abs(often - 0.6) < 0.12).all()  # by the seed, three in five
    assert (raised[:, at + 20] == 0).all()
    np.testing.assert_array_equal(brow_raises(spoken(planted), FPS, 3), raised[3])
    close = brow_raises(spoken([1.0, 1.5, 2.0, 2.5]), FPS, 0)
    starts = np.flatnonzero(np.diff((close > 0).astype(int)) == 1)
    assert np.diff(starts).min(initial=999) >= (LEAST_APART_S - 0.1) * FPS


def test_only_the_brows_rise() -> None:
    model = mp478.load()
    moved = np.einsum("e,evc->vc", raise_direction(), model.expression_mm.numpy())
    assert moved[list(mp478.RIGHT_BROW + mp478.LEFT_BROW), 1] == pytest.approx(1.0, abs=0.2)
    assert np.abs(moved[list(mp478.INNER_LIPS + mp478.OUTER_LIPS)]).max() < 0.15
    assert np.abs(moved[list(mp478.RIGHT_EYE + mp478.LEFT_EYE), 1]).max() < 0.25 and np.abs(moved[[1, 152]]).max() < 0.1
