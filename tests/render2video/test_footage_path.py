"""The path through the footage: cheapest, unbroken, bounded in what it sees, and never a loop."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from render2video.footage.config import FootageConfig
from render2video.footage.path import FAR, FootagePath, PathCosts

FPS = 25.0


def swaying(frames: int, seed: int = 0) -> np.ndarray:
    """`[frames]`: a head's place over time, smooth and never the same twice."""
    steps = np.random.default_rng(seed).normal(size=frames)
    kernel = np.hanning(40)
    return np.convolve(steps, kernel / kernel.sum(), mode="same") * 12


def path_of(places: np.ndarray, wanted: np.ndarray, costs: PathCosts | None = None, **kinds: np.ndarray) -> list[int]:
    usable = kinds.get("usable", np.ones(len(places), bool))
    breaks = kinds.get("breaks", np.zeros(len(places), bool))
    finder = FootagePath(places[:, None], usable, breaks, FPS, costs)
    return list(finder(np.abs(places - place) for place in wanted))


def test_a_motion_that_the_footage_has_is_played_as_it_was():
    places = 20 * swaying(200)
    assert path_of(places, places[40:120]) == list(range(40, 120))
    backward = path_of(places, places[120:40:-1])
    assert backward == list(range(120, 40, -1))


def test_the_path_is_the_cheapest_of_all():
    """Against every path there is."""
    generator = np.random.default_rng(3)
    places, wanted = generator.normal(size=4) * 5, generator.normal(size=4) * 5
    costs = PathCosts(jump=2.0, hold=0.5, backward=0.2, skip=0.7, turn=1.0, again=0.0, look_ahead_s=10.0)
    finder = FootagePath(places[:, None], np.ones(4, bool), np.zeros(4, bool), FPS, costs)

    def spent(states: tuple[int, ...]) -> float:
        total = 0.0
        for time, state in enumerate(states):
            total += abs(places[state % 4] - wanted[time])
            if time:
                ways = finder.from_states[state] == states[time - 1]
                total += float(finder.step_costs[state][ways].min()) if ways.any() else FAR
        return total

    cheapest = min(itertools.product(range(8), repeat=4), key=spent)
    found = finder._best([np.abs(places - place).astype(np.float32) for place in wanted], None)
    assert spent(tuple(found)) == pytest.approx(spent(cheapest), rel=1e-5)


def test_where_any_frame_may_follow_any_the_nearest_is_taken():
    """For mouths: a jump costs its price, however little two frames look alike."""
    generator = np.random.default_rng(0)
    places, wanted = generator.normal(size=300) * 10, generator.normal(size=60) * 10
    finder = FootagePath(None, np.ones(300, bool), np.zeros(300, bool), FPS, PathCosts(jump=0.0, again=0.0))
    path = list(finder(np.abs(places - place) * 100 for place in wanted))
    assert path == [int(np.abs(places - place).argmin()) for place in wanted]


def test_cuts_are_not_played_across_and_lost_frames_not_shown():
    places = swaying(120)
    breaks, usable = np.zeros(120, bool), np.ones(120, bool)
    breaks[60], usable[80:90] = True, False
    path = path_of(places, swaying(400, seed=1), breaks=breaks, usable=usable)
    assert not set(path) & set(range(80, 90))
    for one, other in itertools.pairwise(path):
        assert not (min(one, other) < 60 <= max(one, other) and abs(one - other) <= 2), "played across the cut"


def test_it_sees_no_further_than_it_says():
    places, costs = swaying(100), PathCosts(look_ahead_s=0.4, commit_s=0.2)
    taken = 0

    def wanted():
        nonlocal taken
        for place in swaying(200, seed=2):
            taken += 1
            yield np.abs(places - place)

    finder = FootagePath(places[:, None], np.ones(100, bool), np.zeros(100, bool), FPS, costs)
    for given, _ in enumerate(finder(wanted()), start=1):
        assert taken <= given + round(0.6 * FPS) or taken == 200


def test_it_neither_trembles_nor_freezes_on_a_head_that_hardly_moves():
    path = np.array(path_of(swaying(300), np.full(500, 0.3) + 0.2 * swaying(500, seed=5)))
    held = max(len(list(run)) for step, run in itertools.groupby(np.diff(path)) if step == 0) if (
        np.diff(path) == 0
    ).any() else 0
    turns = (np.diff(np.sign(np.diff(path)[np.diff(path) != 0])) != 0).mean()
    assert held <= 3 and turns < 0.15


def test_ten_minutes_from_twenty_seconds_show_no_loop():
    """No period below 20 s in the autocorrelation of what is shown, and no stretch longer than it was recorded."""
    path = np.array(path_of(swaying(500), swaying(15000, seed=7)), float)
    spread = path - path.mean()
    spectrum = np.abs(np.fft.rfft(spread, 2 * len(spread))) ** 2
    correlation = np.fft.irfft(spectrum)[: len(spread)] / (spread**2).sum()
    nearest = round(5 * FPS)  # of slow footage any two neighbours are alike
    assert correlation[nearest : round(20 * FPS)].max() < 0.5
    runs = [len(list(run)) for step, run in itertools.groupby(np.diff(path)) if step == 1]
    assert max(runs) < 500


def test_a_path_that_sees_one_frame_ahead_comes_as_near_as_one_that_plans():
    """As near, with about as many jumps; without its weight it would stay where it is."""
    places, wanted = 10 * swaying(400, seed=1), 10 * swaying(300, seed=2)

    def away(costs: PathCosts) -> tuple[float, int]:
        finder = FootagePath(places[:, None], np.ones(400, bool), np.zeros(400, bool), FPS, costs)
        path = np.array(list(finder((places - place) ** 2 / 20 for place in wanted)))
        return float(np.abs(places[path] - wanted).mean()), int((np.abs(np.diff(path)) > 2).sum())

    (planned, jumps), (near, more) = away(PathCosts()), away(FootageConfig().within(0.04).head)
    (stays, _) = away(replace(FootageConfig().within(0.04).head, weight=1.0))
    assert near < 1.33 * planned + 0.5 < stays and more <= 2 * jumps + 2


def test_no_jump_goes_from_or_to_unrest():
    """Where lids move, no frame is jumped to or from, though its head would fit."""
    generator = np.random.default_rng(2)
    places, wanted = generator.normal(size=200) * 4, generator.normal(size=150) * 4
    unrest = np.where(np.arange(200) % 20 < 6, 500.0, 0.0)

    def jumped(costs: np.ndarray | None) -> set[int]:
        finder = FootagePath(
            places[:, None], np.ones(200, bool), np.zeros(200, bool), FPS, PathCosts(jump=1.0, weight=5.0), costs
        )
        path = list(finder(np.abs(places - place) for place in wanted))
        return {frame for pair in itertools.pairwise(path) if abs(pair[1] - pair[0]) > 2 for frame in pair}

    restless = set(np.flatnonzero(unrest).tolist())
    assert jumped(None) & restless
    calm = jumped(unrest)
    assert calm and not calm & restless
