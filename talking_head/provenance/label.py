"""Marks that say that a video is generated: a small visible line, an invisible mark, and a tag in the file."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from talking_head.provenance.watermark import Watermark

TEXT = "AI-generated"
HEIGHT_SHARE = 0.028  # of the picture's height: readable, yet out of the way
MIN_HEIGHT_PX = 8
OPACITY = 0.75


@lru_cache(maxsize=4)
def _stamp(height_px: int) -> tuple[np.ndarray, np.ndarray]:
    """The text's picture for frames so high: brightness `[h, w, 1]` 0-255 and coverage `[h, w, 1]` 0-1."""
    text_px = max(MIN_HEIGHT_PX, round(HEIGHT_SHARE * height_px))
    font, bold = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(text_px / 12))
    scale = cv2.getFontScaleFromHeight(font, text_px, bold)
    (width, height), below = cv2.getTextSize(TEXT, font, scale, bold)
    margin = 2 * bold + 1
    shape = (height + below + 2 * margin, width + 2 * margin)
    letters, halo = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    at = (margin, margin + height)
    cv2.putText(letters, TEXT, at, font, scale, 255, bold, cv2.LINE_AA)
    cv2.putText(halo, TEXT, at, font, scale, 255, 3 * bold, cv2.LINE_AA)  # dark rim: readable on any ground
    coverage = np.maximum(letters, halo).astype(np.float32) / 255 * OPACITY
    return letters.astype(np.float32)[..., None], coverage[..., None]


def stamp(frame_rgb: np.ndarray) -> np.ndarray:
    """A copy of a frame `[H, W, 3]` uint8 with the visible line in its lower left corner; cut where it does not fit.

    Of a frame with coverage, `[H, W, 4]`, the line covers its place too.
    """
    height_px, width_px = frame_rgb.shape[:2]
    brightness, coverage = _stamp(height_px)
    gap = max(2, round(0.01 * height_px))
    high, wide = min(coverage.shape[0], height_px), min(coverage.shape[1], width_px - gap)
    marked = frame_rgb.copy()
    rows = slice(max(0, height_px - gap - high), max(0, height_px - gap - high) + high)
    columns = slice(gap, gap + wide)
    part = marked[rows, columns].astype(np.float32)
    cover, light = coverage[: part.shape[0], : part.shape[1]], brightness[: part.shape[0], : part.shape[1]]
    left = 1 - cover  # of what is there
    if part.shape[-1] == 4:
        shown = part[..., 3:] / 255 * left
        whole = cover + shown
        mixed = (part[..., :3] * shown + light * cover) / np.maximum(whole, 1e-6)
        mixed = np.concatenate((np.where(whole > 0, mixed, part[..., :3]), 255 * whole), axis=-1)
    else:
        mixed = part * left + light * cover
    marked[rows, columns] = np.rint(mixed).astype(np.uint8)
    return marked


class Marks:
    """The marks of one film's frames, put on in order: the invisible one on all, the visible line where it is wanted.

    Args:
        width_px, height_px, channels: of the frames.
        mark_id: the short id that the invisible mark carries.
        label: whether the visible line is wanted.
    """

    def __init__(self, width_px: int, height_px: int, mark_id: int, label: bool, channels: int = 3) -> None:
        self._invisible, self._label = Watermark(width_px, height_px, mark_id, channels), label

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """A marked copy of a frame `[H, W, C]` uint8."""
        return self._labelled(self._invisible(frame))

    def alone(self, frame: np.ndarray) -> np.ndarray:
        """The same of a picture that is no film's next one."""
        return self._labelled(self._invisible.alone(frame))

    def _labelled(self, marked: np.ndarray) -> np.ndarray:
        return stamp(marked) if self._label else marked


def tags(target_id: str, version: str) -> dict[str, str]:
    """Metadata of the file: that it is synthetic, whose likeness it is and what made it."""
    made_by = f"generator=talking-head {version}"
    return {"comment": f"synthetic media: AI-generated talking head; target={target_id}; {made_by}"}
