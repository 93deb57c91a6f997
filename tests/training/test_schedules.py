"""Schedules and durations against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from foundation.errors import InputError
from training import Duration, cosine_decay, linear_decay_from
from training.schedules import set_learning_rate


def test_linear_decay_is_the_papers() -> None:
    """50 epochs, falling from epoch 30 (FACIAL, section 4)."""
    assert [linear_decay_from(epoch / 50, 30 / 50) for epoch in (0, 30, 40, 50)] == pytest.approx([1, 1, 0.5, 0])


def test_cosine_decay() -> None:
    assert cosine_decay(0.01) == pytest.approx(1.0)
    assert cosine_decay(0.505) == pytest.approx(0.505)
    assert cosine_decay(1.0) == pytest.approx(0.01)
    assert cosine_decay(0.0) == pytest.approx(0.05) and cosine_decay(0.005) == pytest.approx(0.5)


def test_factors_do_not_compound() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
    for factor in (0.5, 0.5, 0.25):
        set_learning_rate(optimizer, factor)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)


def test_duration_ends_with_whichever_comes_first() -> None:
    assert Duration(steps=10).progress(5, 1e9) == 0.5
    assert Duration(budget_s=10).progress(10**9, 2.5) == 0.25
    assert Duration(10, 10).progress(5, 8) == 0.8 and Duration(10, 10).progress(11, 0) == 1.0


@pytest.mark.parametrize("given", [{}, {"steps": 0}, {"budget_s": -1.0}])
def test_a_duration_without_an_end_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Duration(**given)  # type: ignore[arg-type]
