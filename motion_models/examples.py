"""What a motion model learns from: a clip's speech features beside its motion, and rows of features by frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from face_model.tracks import MOTION_FPS, WINDOW_STEPS, FaceMotion, SpeechFeatures
from foundation.errors import InputError


@dataclass(frozen=True)
class MotionExample:
    """One clip to learn from.

    features: of its sound. motion: at 30 fps. valid: `[T]` bool, frames where the face was seen. speaker: whose it is.
    silence: `[F]`, what the encoder makes of silence, so that lips can learn to rest in it; None when that is not
    known. arkit: `[T, 52]`, ARKit values as the face tracker reads them, for models that learn those. made: the motion
    was made up to go with the sound, on the speaker's face; see `WindowSet.batch`.
    """

    features: SpeechFeatures
    motion: FaceMotion
    valid: np.ndarray
    speaker: str = ""
    silence: np.ndarray | None = None
    arkit: np.ndarray | None = None
    made: bool = False

    def __post_init__(self) -> None:
        if abs(self.motion.fps - MOTION_FPS) > 1e-6:
            raise InputError(f"motion at {self.motion.fps:g} fps", f"{MOTION_FPS:g} fps", "use FaceMotion.resampled")
        if len(self.valid) != len(self.motion):
            raise InputError(f"a mask of {len(self.valid)} frames for {len(self.motion)}", "one flag a frame")
        if self.arkit is not None and len(self.arkit) != len(self.motion):
            raise InputError(f"ARKit values of {len(self.arkit)} frames for {len(self.motion)}", "one row a frame")
        if not self.valid.any():
            raise InputError("a clip in which no frame is valid", "footage that shows the face")

    def digest(self) -> str:
        """Changes when anything of the example does."""
        heard, motion = self.features, self.motion
        told = (
            heard.rate_hz, heard.extractor, heard.duration_s, heard.lips_closed, heard.silent, motion.fps,
            motion.face_model, self.speaker, self.made,
        )  # fmt: skip
        digest = hashlib.sha256(repr(told).encode())
        for array in (heard.values, motion.pack(), self.valid, self.silence, self.arkit):
            shape = None if array is None else (array.shape, str(array.dtype))
            digest.update(repr(shape).encode())
            digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def frame_rows(features: SpeechFeatures, frames: int) -> np.ndarray:
    """Features `[frames, F]`, one row for each motion frame."""
    return features.windows(MOTION_FPS, steps=1, frames=frames)[:, 0]


def rows_at(rows: np.ndarray, position: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Rows of `[T, F]` at fractional positions, linear between; what lies before and after them is `outside` `[F]`.

    Takes as long as there are positions, however many rows there are.
    """
    if not len(rows):
        return np.tile(outside, (len(position), 1))
    low = np.floor(position).astype(int)
    weight = (position - low)[:, None].astype(np.float32)

    def row(index: np.ndarray) -> np.ndarray:
        inside = (index >= 0) & (index < len(rows))
        return np.where(inside[:, None], rows[np.clip(index, 0, len(rows) - 1)], outside)

    mixed: np.ndarray = row(low) * (1 - weight) + row(low + 1) * weight
    return mixed


def held_at(values: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Rows of `[T, N]` at fractional positions, linear between, the ends held before and after them."""
    last = len(values) - 1
    position = np.clip(position, 0, last)
    low = np.floor(position).astype(int)
    weight = (position - low)[:, None]
    mixed: np.ndarray = values[low] * (1 - weight) + values[np.minimum(low + 1, last)] * weight
    return mixed


def windows_of(rows: np.ndarray, start: float, frames: int, outside: np.ndarray, rate: float = 1.0) -> np.ndarray:
    """What `SpeechFeatures.windows` would give for some frames: `[frames, 16, F]`, made from rows `[T, F]`.

    Args:
        start: the first frame; may lie outside of the clip.
        outside: `[F]`, the row that stands before and after the clip.
        rate: rows a frame; other than 1 the rows are interpolated (faster or slower speech).
    """
    half = WINDOW_STEPS // 2
    position = start + rate * np.arange(-half, frames + half)
    line = rows_at(rows, position, outside)
    return np.lib.stride_tricks.sliding_window_view(line, WINDOW_STEPS, axis=0)[:frames].transpose(0, 2, 1)
