"""Spherical-harmonics light: 3 x 9 coefficients (bands 0-2) that shade a surface by its normal.

Basis and order follow Deng et al. 2019 (and Ramamoorthi & Hanrahan 2001): 1, y, z, x, xy, yz, 3z^2 - 1, xz, x^2 -
y^2, each with its
clamped-cosine constant.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_BAND = (np.pi, 2 * np.pi / np.sqrt(3.0), 2 * np.pi / np.sqrt(8.0))  # clamped cosine, bands 0, 1, 2
_NORM = (1 / np.sqrt(4 * np.pi), np.sqrt(3.0) / np.sqrt(4 * np.pi), 3 * np.sqrt(5.0) / np.sqrt(12 * np.pi))
CONSTANT_TERM = _BAND[0] * _NORM[0]  # the basis function of band 0, the same for every normal
DENG_CONSTANT = 0.8  # Deng et al. 2019: their regressor's coefficients leave this much of the constant term out
AMBIENT = np.tile(np.eye(1, 9)[0] / CONSTANT_TERM, 3).astype(np.float32)  # white light that leaves the albedo as it is


def sh_basis(normals: Tensor) -> Tensor:
    """Basis values `[..., 9]` at unit normals `[..., 3]` (camera frame)."""
    x, y, z = normals.unbind(-1)
    first, second = _BAND[1] * _NORM[1], _BAND[2] * _NORM[2]
    values = (
        torch.full_like(x, CONSTANT_TERM),
        -first * y, first * z, -first * x,
        second * x * y, -second * y * z, second * (3 * z * z - 1) / (2 * np.sqrt(3.0)),
        -second * x * z, second * (x * x - y * y) / 2,
    )
    return torch.stack(values, dim=-1)


def shading(normals: Tensor, illumination: Tensor) -> Tensor:
    """RGB factors `[..., V, 3]` that the albedo is multiplied by.

    Args:
        normals: `[..., V, 3]`, unit, camera frame.
        illumination: `[..., 27]`, red's nine first.
    """
    return sh_basis(normals) @ illumination.unflatten(-1, (3, 9)).transpose(-1, -2)


def illumination_from_deng(coefficients: Tensor) -> Tensor:
    """Our illumination `[..., 27]` from the 27 numbers of Deng's regressor and coefficient files.

    Same basis, same order; theirs stand for light around a white constant of 0.8, ours are the whole light.
    """
    return coefficients + _deng_constant(coefficients)


def illumination_to_deng(illumination: Tensor) -> Tensor:
    """The inverse of `illumination_from_deng`."""
    return illumination - _deng_constant(illumination)


def _deng_constant(like: Tensor) -> Tensor:
    constant = torch.zeros(9, dtype=like.dtype, device=like.device)
    constant[0] = DENG_CONSTANT
    return constant.repeat(3)


def fit_illumination(albedo: np.ndarray, normals: np.ndarray, colours: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Light `[27]` that turns the albedo into the colours with least weighted squares, twice reweighted against
    outliers.

    Args:
        albedo, normals, colours: `[V, 3]`. weights: `[V]`, zero where unseen.
    """
    basis = sh_basis(torch.from_numpy(normals)).numpy().astype(np.float64)
    light = AMBIENT.reshape(3, 9).astype(np.float64)
    if weights.sum() < 27:
        return AMBIENT
    scatter = np.ones(len(albedo))
    for _ in range(3):
        for channel in range(3):
            rows = albedo[:, channel, None] * basis
            gram = (rows * (weights * scatter)[:, None]).T @ rows
            prior = np.eye(9) * 1e-5 * np.trace(gram)
            right = rows.T @ (weights * scatter * colours[:, channel]) + prior @ AMBIENT[:9]
            light[channel] = np.linalg.solve(gram + prior, right)
        residual = np.abs(albedo * (basis @ light.T) - colours).mean(1)
        limit = 2.0 * np.median(residual[weights > 0]) + 1e-6
        scatter = np.minimum(1.0, limit / np.maximum(residual, 1e-9))
    return light.reshape(27).astype(np.float32)
