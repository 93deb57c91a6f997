"""Curve filters against closed forms: what they keep, what they take away, how far they see."""

from __future__ import annotations

import numpy as np
import pytest

from foundation.errors import InputError
from motion_models.arkit.filters import (
    BUTTERWORTH_HZ,
    DEFAULT,
    GAUSSIAN_S,
    MOST_GAIN,
    ONE_EURO_HZ,
    SWING_S,
    WHITTAKER_HZ,
    curve_filter,
    curve_filters,
    one_euro,
    savitzky_golay,
    whittaker,
)

FPS = 60.0
MIDDLE = slice(120, -120)


def wave(hz: float, seconds: float = 10.0, fps: float = FPS) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * fps)) / fps)[:, None]


def gain(name: str, hz: float, fps: float = FPS) -> float:
    """How much of a swing a filter leaves."""
    plain = wave(hz, fps=fps)
    middle = slice(round(2 * fps), -round(2 * fps))
    return float(curve_filter(name)(plain, fps)[middle].std() / plain[middle].std())


@pytest.mark.parametrize("name", curve_filters())
def test_every_filter_keeps_stillness_shape_and_slow_motion(name: str) -> None:
    still = np.full((50, 3), 0.4)
    assert np.allclose(curve_filter(name)(still, FPS), still)
    for count in (1, 2, 3, 4, 7):
        few = np.random.default_rng(0).random((count, 2))
        assert curve_filter(name)(few, FPS).shape == few.shape
    assert gain(name, 1.0) > (0.85 if name == "one_euro" else 0.93)


@pytest.mark.parametrize("name", [n for n in curve_filters() if n not in ("none", "one_euro")])
def test_a_filter_means_the_same_at_every_rate(name: str) -> None:
    assert gain(name, 5.0, 60.0) == pytest.approx(gain(name, 5.0, 120.0), abs=0.05)
    assert gain(name, 20.0) < 0.25


def test_responses_are_the_published_ones() -> None:
    assert gain("whittaker", WHITTAKER_HZ) == pytest.approx(0.5, abs=0.01)
    assert gain("butterworth", BUTTERWORTH_HZ) == pytest.approx(0.5, abs=0.01)  # -3 dB, there and back
    assert gain("gaussian", 4.0) == pytest.approx(np.exp(-0.5 * (2 * np.pi * 4.0 * GAUSSIAN_S) ** 2), abs=0.01)


def test_the_default_gives_the_swing_back() -> None:
    once = np.exp(-0.5 * (2 * np.pi * 2.0 * SWING_S) ** 2)
    assert once < 0.8 and gain("swing", 2.0) == pytest.approx(1.0, abs=0.06)
    once = np.exp(-0.5 * (2 * np.pi * 6.0 * SWING_S) ** 2)
    assert gain("swing", 6.0) == pytest.approx(MOST_GAIN * once, abs=0.03)
    trembling = wave(2.0) + 0.05 * np.random.default_rng(0).standard_normal((600, 1))
    calm = curve_filter("swing")(trembling, FPS)
    assert np.diff(calm, 2, axis=0).std() < np.diff(trembling, 2, axis=0).std() / 3  # the sine bends too
    assert np.allclose(calm[MIDDLE], wave(2.0)[MIDDLE], atol=0.15)


def test_a_cubic_passes_savitzky_golay_and_a_line_passes_whittaker() -> None:
    time = np.linspace(-1, 1, 80)[:, None]
    cubic = time**3 - time**2 + 0.5
    assert np.allclose(savitzky_golay(cubic, FPS), cubic)
    assert np.allclose(whittaker(time, FPS), time)


def test_one_euro_at_rest_is_an_exponential_mean() -> None:
    step = np.concatenate([np.zeros((1, 1)), np.full((30, 1), 1e-6)])  # so slow that the cut-off does not rise
    keep = 1 - 1 / (1 + FPS / (2 * np.pi * ONE_EURO_HZ))
    assert np.allclose(one_euro(step, FPS)[1:, 0] / 1e-6, 1 - keep ** np.arange(1, 31), atol=1e-3)
    fast, slow = one_euro(wave(3.0), FPS), one_euro(0.01 * wave(3.0), FPS)
    assert fast.std() > 1.3 * slow.std() / 0.01  # what moves much is followed closely


@pytest.mark.parametrize("name", curve_filters())
def test_no_filter_sees_further_than_it_says(name: str) -> None:
    kind, curves = curve_filter(name), np.random.default_rng(0).random((600, 2))
    changed = curves.copy()
    changed[300] += 1.0
    moved = np.abs(kind(changed, FPS) - kind(curves, FPS)).max(axis=1)
    reach = int(np.ceil(kind.reach_s * FPS))
    assert moved[300 + reach + 1 :].max() < 2e-3
    assert moved[: 300 if kind.causal else 300 - reach].max() < (1e-12 if kind.causal else 2e-3)


def test_unknown_names_are_told() -> None:
    assert DEFAULT in curve_filters()
    with pytest.raises(InputError, match="one_euro"):
        curve_filter("blur")
