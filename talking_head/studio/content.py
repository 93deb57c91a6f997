"""What an upload holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Content:
    """kind: video, photo, sound or other. seconds: of a video or sound. why: it is other."""

    kind: str
    seconds: float = 0.0
    width_px: int = 0
    height_px: int = 0
    has_sound: bool = False
    why: str = ""


def look_into(path: Path, frame_pixels: int) -> Content:
    """What a file holds, by its content alone; to be run confined, where what decodes is imported.

    Raises:
        InputError: pictures of more pixels than `frame_pixels`.
    """
    from talking_head.studio.looking import looked

    return looked(path, frame_pixels)
