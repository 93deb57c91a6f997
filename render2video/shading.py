"""The colour of a surface under spherical-harmonics light. Basis, order and fit of the light:
`face_model.illumination`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from face_model.illumination import shading

DENG_CONSTANT = 0.8  # Deng et al. 2019: their regressor's coefficients leave this much of the constant term out


def shade(albedo: Tensor, normals: Tensor, illumination: Tensor) -> Tensor:
    """RGB `[..., 3]` of Lambertian surface points: albedo times irradiance, not clamped (about 0-1).

    Args:
        albedo: `[..., V, 3]`, RGB 0-1.
        normals: `[..., V, 3]`, unit, camera frame.
        illumination: `[..., 27]`, 3 x 9 spherical-harmonics coefficients, red's nine first.
    """
    return albedo * shading(normals, illumination)


def illumination_from_deng(coefficients: Tensor) -> Tensor:
    """Our illumination `[..., 27]` from the 27 numbers of Deng's regressor and coefficient files.

    Same basis, same order; theirs stand for light around a white constant of 0.8, ours are the whole light.
    """
    constant = torch.zeros(9, dtype=coefficients.dtype, device=coefficients.device)
    constant[0] = DENG_CONSTANT
    return coefficients + constant.repeat(3)
