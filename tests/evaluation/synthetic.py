"""Faces whose motion is known: the mean face of the embedded model with planted lip gaps, widths, brows and poses."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from evaluation.head_frame import head_frame, pose
from face_model import mp478
from face_model.mp478 import LEFT_BROW, RIGHT_BROW
from face_model.tracks import Sound

EYE_PX = 80.0  # interocular distance in the picture
SMALL = {"eye_px": 32.0, "position": np.array([80.0, -72.0])}  # for a picture of 160 x 160


@lru_cache(maxsize=1)
def mean_face() -> np.ndarray:
    """`[478, 3]`: the mean face in the head frame, upright, in interocular distances, lips shut."""
    mean_mm = mp478.load().mean_mm.numpy().astype(np.float64)
    picture = np.stack([mean_mm[:, 0], -mean_mm[:, 1], mean_mm[:, 2]], axis=-1)
    points = head_frame(picture[None], fps=25.0).points[0].astype(np.float64)
    middle = points[list(mp478.LIP_GAP), 1].mean()
    points[list(mp478.INNER_LIPS), 1] = middle
    return points


def landmarks(
    frames: int,
    gap: np.ndarray | float = 0.0,
    width: np.ndarray | float = 0.0,
    brow: np.ndarray | float = 0.0,
    rotation: np.ndarray | None = None,
    position: np.ndarray | None = None,
    eye_px: np.ndarray | float = EYE_PX,
) -> np.ndarray:
    """`[T, 478, 3]` pixels of a face with planted motion.

    gap: lip gap, interocular distances. width: added to the lip width. brow: brows raised by. rotation: `[T, 3]`
    radians. position: `[T, 2]` or `[2]` pixels, x right and y up from the picture's lower left of a 400 x 400 picture.
    """
    points = np.repeat(mean_face()[None], frames, axis=0)
    half = np.broadcast_to(np.asarray(gap, float) / 2, frames)[:, None]
    points[:, mp478.INNER_LIPS[1:10], 1] += half
    points[:, mp478.INNER_LIPS[11:], 1] -= half
    side = np.broadcast_to(np.asarray(width, float) / 2, frames)
    points[:, mp478.LIP_WIDTH[0], 0] -= side
    points[:, mp478.LIP_WIDTH[1], 0] += side
    points[:, RIGHT_BROW + LEFT_BROW, 1] += np.broadcast_to(np.asarray(brow, float), frames)[:, None]
    rotation = np.zeros((frames, 3)) if rotation is None else rotation
    position = np.array([200.0, -180.0]) if position is None else position
    scale = np.broadcast_to(np.asarray(eye_px, float), frames)
    return pose(points, rotation, np.broadcast_to(position, (frames, 2)), scale)


def tone(envelope: np.ndarray, fps: float, rate_hz: int = 16_000, pitch_hz: float = 150.0) -> Sound:
    """A harmonic tone whose loudness follows an envelope `[T]` at `fps`."""
    count = round(len(envelope) * rate_hz / fps)
    time_s = np.arange(count) / rate_hz
    level = np.interp(time_s, np.arange(len(envelope)) / fps, envelope)
    wave = sum(np.sin(2 * np.pi * pitch_hz * k * time_s) / k for k in range(1, 8))
    return Sound((0.2 * level * wave).astype(np.float32), rate_hz)


def syllables(frames: int, fps: float, seed: int = 0) -> np.ndarray:
    """An envelope `[T]`, 0-1, of irregular syllables, 3-6 a second."""
    random = np.random.default_rng(seed)
    time_s = np.arange(frames) / fps
    envelope, at = np.zeros(frames), 0.1
    while at < frames / fps:
        height, half_s = random.uniform(0.4, 1.0), random.uniform(0.07, 0.12)
        envelope = np.maximum(envelope, height * np.clip(1 - np.abs(time_s - at) / half_s, 0, None))
        at += random.uniform(0.17, 0.35)
    return envelope
