"""What an upload holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Content:
    """kind: video, photo, sound or other. seconds: of a video or sound. why: it is other."""

    kind: str
    seconds: float = 0.0
    width_px: int = 0
    height_px: int = 0
    has_sound: bool = False
    why: str = ""
