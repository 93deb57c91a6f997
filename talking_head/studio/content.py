"""Looking into an upload; to be run confined, where what decodes is imported."""

from __future__ import annotations

from pathlib import Path

from talking_head.studio.looked import Content


def look_into(path: Path, frame_pixels: int) -> Content:
    """What a file holds, by its content alone; to be run confined, where what decodes is imported.

    Raises:
        InputError: pictures of more pixels than `frame_pixels`.
    """
    from talking_head.studio.looking import looked

    return looked(path, frame_pixels)
