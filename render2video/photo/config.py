"""What painting from a photo can be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PhotoConfig:
    """How far a photo may be bent, about the photo's own pose, and how the mouth is painted.

    yaw_limit, pitch_limit, roll_limit: radians. shift_limit_mm: sideways and up. near_limit: share of the distance.
    teeth_height_mm: of painted upper teeth, where the photo shows none.
    """

    yaw_limit: float = 0.17
    pitch_limit: float = 0.13
    roll_limit: float = 0.12
    shift_limit_mm: float = 9.0
    near_limit: float = 0.03
    teeth_height_mm: float = 6.0
