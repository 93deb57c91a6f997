"""Shading against a light integrated by hand, and planted lights found again."""

from __future__ import annotations

import numpy as np
import torch

from face_model.illumination import fit_illumination, illumination_from_deng, illumination_to_deng
from render2video.shading import shade


def sphere(count: int, seed: int = 0) -> np.ndarray:
    """Unit vectors `[count, 3]`, uniform on the sphere."""
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_basis_is_the_cosine_lobe_of_smooth_light() -> None:
    """A light 1 + a.w + b x y over the sphere, integrated against max(0, n.w), is what nine coefficients shade."""
    directions, normals = sphere(400_000), sphere(20, seed=1)
    a, b = np.array([0.3, -0.2, 0.5]), 0.4
    light = 1 + directions @ a + b * directions[:, 0] * directions[:, 1]
    expected = np.stack([(light * np.maximum(0, directions @ n)).mean() * 4 * np.pi for n in normals])
    # Coefficients on orthonormal real harmonics in Deng's order 1, -y, z, -x, xy, ... Published constants of bands 1
    # and 2 are the clamped cosine's times sqrt(3) and sqrt(8), so the coefficients are smaller by as much.
    first, second = np.sqrt(4 * np.pi / 3) / np.sqrt(3), np.sqrt(4 * np.pi / 15) / np.sqrt(8)
    coefficients = np.zeros(9)
    coefficients[:5] = np.sqrt(4 * np.pi), -a[1] * first, a[2] * first, -a[0] * first, b * second
    got = shade(torch.ones(20, 3), torch.from_numpy(normals), torch.from_numpy(np.tile(coefficients, 3)))
    np.testing.assert_allclose(got[:, 0].numpy(), expected, rtol=0.02)
    assert torch.equal(got[:, 0], got[:, 2])


def test_a_planted_light_is_found_through_shade() -> None:
    rng = np.random.default_rng(0)
    normals, albedo = sphere(478).astype(np.float32), rng.uniform(0.2, 0.9, (478, 3)).astype(np.float32)
    light = rng.normal(0, 0.15, 27).astype(np.float32)
    light[[0, 9, 18]] = 1.1, 1.0, 0.9
    colours = shade(*(torch.from_numpy(v) for v in (albedo, normals, light))).numpy()
    colours[:25] = rng.random((25, 3))  # hair, glasses
    found = fit_illumination(albedo, normals, colours, np.ones(478, np.float32))
    again = shade(*(torch.from_numpy(v) for v in (albedo, normals, found))).numpy()
    assert np.abs(again[25:] - colours[25:]).mean() < 0.02
    assert np.corrcoef(found, light)[0, 1] > 0.98


def test_leading_axes_broadcast_and_channels_stay_apart() -> None:
    albedo, normals = torch.rand(5, 7, 3), torch.nn.functional.normalize(torch.randn(5, 7, 3), dim=-1)
    light = torch.zeros(5, 27)
    light[:, 9] = 2.0
    got = shade(albedo, normals, light)
    assert got.shape == (5, 7, 3) and bool((got[..., [0, 2]] == 0).all())
    torch.testing.assert_close(got[..., 1], albedo[..., 1] * 2 * np.pi / np.sqrt(4 * np.pi))


def test_a_light_of_dengs_regressor_is_white_where_it_says_nothing() -> None:
    """Its authors add 0.8 to the first of each colour's nine numbers before they shade: so a light of zeros lights a
    face evenly, by 0.8 sqrt(pi) / 2.
    """
    normals = torch.from_numpy(sphere(50).astype(np.float32))
    lit = shade(torch.ones(50, 3), normals, illumination_from_deng(torch.zeros(27)))
    torch.testing.assert_close(lit, torch.full((50, 3), 0.8 * np.pi / np.sqrt(4 * np.pi)))
    own = torch.randn(4, 27)
    torch.testing.assert_close(illumination_from_deng(illumination_to_deng(own)), own)
