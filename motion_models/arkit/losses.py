"""What curves should be like: where the truth is, and moving as it moves."""

from __future__ import annotations

from torch import Tensor

VELOCITY_S = 0.1  # velocity is counted in deviations per so long: about 1 in speech, as the position is


def curve_losses(made: Tensor, real: Tensor, mask: Tensor, weight: Tensor, rate_hz: float) -> dict[str, Tensor]:
    """Squared errors of position and velocity.

    Args:
        made, real: normalised curves `[B, T, C]`.
        mask: `[B, T]`, 1 where the truth is known.
        weight: `[C]`, of the curves.
        rate_hz: rows a second.
    """
    share = weight / weight.sum()
    seen = mask / mask.sum().clamp(min=1)
    error = made - real
    position = ((error.square() @ share) * seen).sum()
    both = mask[:, 1:] * mask[:, :-1]
    change = error.diff(dim=1) * (rate_hz * VELOCITY_S)
    velocity = ((change.square() @ share) * both).sum() / both.sum().clamp(min=1)
    return {"position": position, "velocity": velocity}
