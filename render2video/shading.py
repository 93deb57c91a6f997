"""The colour of a surface under spherical-harmonics light. Basis, order and fit of the light:
`face_model.illumination`.
"""

from __future__ import annotations

from torch import Tensor

from face_model.illumination import shading


def shade(albedo: Tensor, normals: Tensor, illumination: Tensor) -> Tensor:
    """RGB `[..., 3]` of Lambertian surface points: albedo times irradiance, not clamped (about 0-1).

    Args:
        albedo: `[..., V, 3]`, RGB 0-1.
        normals: `[..., V, 3]`, unit, camera frame.
        illumination: `[..., 27]`, 3 x 9 spherical-harmonics coefficients, red's nine first.
    """
    return albedo * shading(normals, illumination)
