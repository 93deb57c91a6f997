"""What every motion model shares: reading between rows, silence in a window, lips at rest, one update."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from motion_models.augmentation import Silence
from motion_models.directions import Delivery
from motion_models.examples import held_at
from motion_models.learning import MODES, mode_of
from motion_models.lips import most_closed
from training.optimising import numbers, update


def test_rows_are_read_as_numpy_reads_them() -> None:
    values = np.random.default_rng(0).normal(size=(9, 3))
    at = np.array([-4.0, -0.1, 0.0, 0.25, 3.5, 7.999, 8.0, 8.3, 40.0])
    expected = np.stack([np.interp(at, np.arange(9), column) for column in values.T], axis=1)
    np.testing.assert_allclose(held_at(values, at), expected, atol=1e-12)


@pytest.mark.parametrize("start", [-7, 0, 30, 95])
def test_a_silence_stands_where_its_lips_are_closed(start: int) -> None:
    """Frame by frame: silent rows are those of the frames in it, and lips rest where it is long enough from both ends.
    """
    silence, before, window = Silence(start, 20), 8, 100
    rows = np.zeros(window + 2 * before, bool)
    rows[silence.rows(before, len(rows))] = True
    inside = [start <= frame < start + 20 for frame in range(-before, window + before)]
    np.testing.assert_array_equal(rows, inside)
    closed = silence.closed(window, closing=5, opening=4)
    for frame, share in enumerate(closed):
        if frame <= start or frame >= start + 20:
            assert share == 0
        if start + 5 <= frame <= start + 20 - 4:
            assert share == 1
    assert (np.diff(closed) <= 0.35).all(), "no jump"


def test_a_silence_is_drawn_so_that_half_of_it_lies_in_the_window() -> None:
    drawn = [Silence.drawn(20, 100, np.random.default_rng(seed)).start for seed in range(400)]
    assert min(drawn) >= -10 and max(drawn) <= 90 and min(drawn) < -5 and max(drawn) > 84


def test_lips_at_rest_are_those_of_the_tenth_that_is_most_closed() -> None:
    values = np.arange(20.0)[:, None] * [1.0, -2.0]
    np.testing.assert_allclose(most_closed(values, np.arange(20.0)[::-1]), [18.5, -37.0])


@pytest.mark.parametrize(("limit", "moved"), [(None, 30.0), (1.0, 1.0), (100.0, 30.0)])
def test_an_update_goes_no_further_than_the_limit(limit: float | None, moved: float) -> None:
    weight = torch.nn.Parameter(torch.zeros(9))
    loss = (10.0 * weight).sum()
    update(loss, torch.optim.SGD([weight], lr=1.0), [weight], limit)
    assert float(weight.detach().norm()) == pytest.approx(moved, rel=1e-4)
    assert numbers({"total": loss}) == {"total": 0.0}


def test_a_mode_and_a_delivery_say_what_they_are() -> None:
    assert [mode_of(name) for name in MODES] == ["general", "person"]
    with pytest.raises(InputError, match="mode 'both'; expected one of general, person"):
        mode_of("both")
    assert Delivery().given() == [] and Delivery().asked() == []
    assert Delivery("happy:0.5", style="ann").given() == ["emotion", "style"]
    assert Delivery("happy:0.5").asked()[0].intensity == 0.5
