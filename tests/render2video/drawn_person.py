"""A drawn person whose look is known: a mesh with stripes before a shaded wall."""

from __future__ import annotations

import numpy as np

from face_model import mp478
from face_model.cameras import WeakPerspectiveCamera
from face_model.illumination import AMBIENT
from face_model.tracks import FaceIdentity, FaceMotion, FaceTrack
from render2video.conditioning import HeadRenderer

MODEL = mp478.load()
FRAMES, WIDTH_PX, HEIGHT_PX, SIZE_PX = 16, 220, 160, 96


def talking_track(frames: int = FRAMES) -> FaceTrack:
    """A head that nods, turns, opens its mouth and blinks, near the middle of a small frame."""
    time = np.arange(frames) / 8
    expression = np.zeros((frames, 64), np.float32)
    expression[:, :4] = np.sin(time[:, None] * np.array([3, 2, 5, 4]))
    rotation = (0.12 * np.sin(time[:, None] * np.array([1.0, 2.0, 3.0]))).astype(np.float32)
    translation = np.stack((6 * np.sin(time), 4 * np.cos(time), np.full(frames, -1900.0)), axis=1).astype(np.float32)
    blink = np.where(np.arange(frames) % 3 == 2, 5.0, 0.3).astype(np.float32)
    person = FaceIdentity(np.zeros(80, np.float32), np.zeros(80, np.float32), AMBIENT, 1.0)
    return FaceTrack(
        FaceMotion(25.0, expression, rotation, translation, blink), person,
        WeakPerspectiveCamera.for_size(WIDTH_PX, HEIGHT_PX), np.zeros((frames, 478, 3), np.float32),
        np.zeros((frames, 52), np.float32), np.tile(AMBIENT, (frames, 1)), np.ones(frames, np.float32),
        np.ones(frames, bool),
    )


def filmed(track: FaceTrack) -> list[np.ndarray]:
    """Frames of a person with a striped face before a shaded wall, whose eyes turn dark when they close."""
    side = max(WIDTH_PX, HEIGHT_PX)
    camera = WeakPerspectiveCamera(track.camera.focal_px, WIDTH_PX / 2, HEIGHT_PX / 2, side, side)
    frames = []
    wall = np.linspace(60, 160, side)[None, :, None] * np.ones((side, 1, 3))
    for drawn in HeadRenderer(MODEL, track.person, camera, window_px=16)(track.motion):
        stripes = 150 + 60 * np.sin(drawn.uv[..., :1] * 25) * np.array([1.0, 0.6, 0.4])
        frame = np.where(drawn.face[..., None], stripes, wall)
        frame = frame * (1 - 0.7 * drawn.eye_attention[..., None])
        frames.append(frame[:HEIGHT_PX, :WIDTH_PX].astype(np.uint8))
    return frames


def psnr_db(first: np.ndarray, second: np.ndarray) -> float:
    """Of two pictures."""
    return float(-10 * np.log10(max(np.mean(((first.astype(float) - second) / 255) ** 2), 1e-10)))
