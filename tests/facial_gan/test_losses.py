"""Losses against numbers worked out by hand, and what they must not see."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from face_model import mp478
from facial_gan.losses import (
    PRESETS,
    LossWeights,
    discriminator_adversarial,
    generator_adversarial,
    loss_weights,
    regression_losses,
    weighted_sum,
)
from foundation.errors import InputError
from motion_models.lips import Lips, lip_gap_mm, lips_of, rest_expression


def test_each_term_is_what_it_says() -> None:
    real, made = torch.zeros(1, 4, 71), torch.zeros(1, 4, 71)
    made[..., 6] = torch.tensor([0.0, 1.0, 2.0, 3.0])
    made[..., 7:] = 2.0
    made[..., :6] = -1.0
    losses = regression_losses(made, real, torch.zeros(1, 71), torch.ones(1, 4))
    assert losses["blink"].item() == pytest.approx((0 + 1 + 4 + 9) / 4)
    assert losses["blink_velocity"].item() == pytest.approx(1.0)
    assert losses["expression"].item() == pytest.approx(4.0) and losses["expression_velocity"].item() == 0
    assert losses["pose"].item() == pytest.approx(1.0)
    assert losses["initial"].item() == pytest.approx((6 * 1 + 64 * 2) / 71)
    total = weighted_sum(losses, LossWeights(1, 0, 10, 0, 0, 100, 0))
    assert total.item() == pytest.approx(4 + 10 + 100)


def test_masked_frames_do_not_count() -> None:
    real = torch.randn(2, 8, 71)
    made, mask = real.clone(), torch.ones(2, 8)
    made[0, 3:5] += 100.0
    mask[0, 3:5] = 0
    lips = Lips(torch.eye(64)[:, :3], torch.eye(64)[:, :2])
    for name, value in regression_losses(made, real, real[:, 0], mask, lips).items():
        assert value.item() == pytest.approx(0, abs=1e-6), name


def test_the_amplitude_term_sees_a_half_open_mouth() -> None:
    real = torch.zeros(1, 100, 71)
    real[0, :, 7] = torch.sin(torch.arange(100) * 0.3)
    lips = Lips(torch.eye(64)[:, :1], torch.eye(64)[:, :1])
    losses = regression_losses(0.5 * real, real, real[:, 0], torch.ones(1, 100), lips)
    assert losses["lip_amplitude"].item() == pytest.approx(0.5 * real[0, :, 7].std(unbiased=False).item(), rel=1e-3)


def test_least_squares_gan() -> None:
    assert generator_adversarial(torch.tensor([1.0, 0.0])).item() == 0.5
    assert discriminator_adversarial(torch.tensor([1.0]), torch.tensor([0.0])).item() == 0
    assert discriminator_adversarial(torch.tensor([0.0]), torch.tensor([1.0])).item() == 1


def test_presets_are_the_sources() -> None:
    paper, published = PRESETS["paper"], PRESETS["published"]
    assert (paper.expression, paper.pose, paper.blink, paper.expression_velocity, paper.initial, paper.adversarial) == (
        2, 1, 5, 10, 10, 0.1,
    )  # fmt: skip
    assert (published.initial, published.expression, published.expression_velocity) == (10, 20, 200)
    assert (published.blink, published.blink_velocity, published.pose, published.pose_velocity) == (0.5, 1, 1, 10)
    with pytest.raises(InputError, match="paper"):
        loss_weights("papers")


def test_lips_of_the_model() -> None:
    """The linear gap against the model's own vertices, and rest against its definition."""
    model = mp478.load()
    expression = np.random.default_rng(0).standard_normal((200, 64)).astype(np.float32)
    vertices = model.vertices(model.mean_mm, torch.from_numpy(expression), torch.zeros(200)).numpy()
    pairs = [(191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402), (310, 318), (415, 324)]
    expected = np.mean([vertices[:, a, 1] - vertices[:, b, 1] for a, b in pairs], axis=0)
    gap = lip_gap_mm(model, expression)
    np.testing.assert_allclose(gap, expected, atol=1e-3)
    rest = lip_gap_mm(model, rest_expression(model, expression)[None])[0]
    assert rest <= np.quantile(gap, 0.1)
    lips = lips_of(model, expression, scale=2.0)
    moved = torch.from_numpy(expression / 2.0) @ lips.gaps
    assert moved.var(0).mean().item() == pytest.approx(1.0, rel=0.05)
