"""Head rotations. Convention: `docs/conventions.md`.

A rotation is three radians (pitch, yaw, roll) about x, y and z of the camera frame (x right, y up, z towards the
viewer);
the matrix R = Rz(roll) Ry(yaw) Rx(pitch) turns head coordinates into camera coordinates. Positive pitch nods down,
positive yaw turns the face to the viewer's right, positive roll tilts it counter-clockwise as seen.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def rotation_matrix(rotation: Tensor) -> Tensor:
    """Matrices `[..., 3, 3]` of rotations `[..., 3]` (pitch, yaw, roll; radians). Differentiable."""
    (cx, cy, cz), (sx, sy, sz) = rotation.cos().unbind(-1), rotation.sin().unbind(-1)
    rows = (
        cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx,
        sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx,
        -sy, cy * sx, cy * cx,
    )
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def rotation_angles(matrix: Tensor) -> Tensor:
    """Rotations `[..., 3]` (pitch, yaw, roll; radians, yaw within +-pi/2) of matrices `[..., 3, 3]`: the inverse."""
    pitch = torch.atan2(matrix[..., 2, 1], matrix[..., 2, 2])
    yaw = torch.asin((-matrix[..., 2, 0]).clamp(-1.0, 1.0))
    roll = torch.atan2(matrix[..., 1, 0], matrix[..., 0, 0])
    return torch.stack((pitch, yaw, roll), dim=-1)


def geodesic_degrees(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle `[...]` in degrees between rotations `[..., 3]` (pitch, yaw, roll; radians)."""
    a, b = (rotation_matrix(torch.as_tensor(r, dtype=torch.float64)) for r in (first, second))
    trace = (a.transpose(-1, -2) @ b).diagonal(dim1=-2, dim2=-1).sum(-1)
    return torch.rad2deg(torch.acos(((trace - 1) / 2).clamp(-1.0, 1.0))).numpy()
