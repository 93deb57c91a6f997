"""What anything better must beat: a log-mel regressor, replayed frames and the mean face for motion, a warped reference
frame and the bare layers for pictures.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import nn

from face_model.tracks import EXPRESSION, MOTION_FPS, FaceMotion, SpeechFeatures
from render2video.appearance import DrawnBatch, LayeredAppearance
from render2video.person import PersonRenderer
from render2video.person_video import PersonVideo
from render2video.profiles import to_uint8

REACH_FRAMES = 6  # 0.2 s either side
STEPS, BATCH, WINDOW_FRAMES = 600, 16, 64


class LogMelRegressor:
    """Expression from log-mel in +-0.2 s by a small temporal convolution; the rest at its mean.

    Args:
        features: log-mel of a clip.
        motion: of it, at 30 fps; only its first `learn` frames are learned from.
    """

    def __init__(self, features: SpeechFeatures, motion: FaceMotion, learn: int, seed: int = 0) -> None:
        torch.manual_seed(seed)
        rows = features.windows(MOTION_FPS, steps=1, frames=len(motion))[:, 0]
        self.centre, self.spread = rows[:learn].mean(0), rows[:learn].std(0) + 1e-6
        flat = motion.pack()
        self.mean, scale = flat[:learn].mean(0), np.sqrt(flat[:learn].var(0)) + 1e-6
        self.unit, self.face_model = scale[7:].mean(), motion.face_model
        goal = torch.from_numpy(((motion.expression - self.mean[7:]) / self.unit).astype(np.float32)).T[None]
        width = REACH_FRAMES * 2 + 1
        self.network = nn.Sequential(
            nn.Conv1d(rows.shape[1], 64, width, padding=REACH_FRAMES), nn.GELU(), nn.Dropout(0.3),
            nn.Conv1d(64, 64, 1), nn.GELU(), nn.Dropout(0.3), nn.Conv1d(64, goal.shape[1], 1),
        )  # fmt: skip
        self._learn(self._sound(rows), goal, learn, np.random.default_rng(seed))
        self.network.eval()

    def _sound(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(((rows - self.centre) / self.spread).astype(np.float32)).T[None]

    def _learn(self, sound: torch.Tensor, goal: torch.Tensor, learn: int, generator: np.random.Generator) -> None:
        optimizer = torch.optim.AdamW(self.network.parameters(), 2e-3, weight_decay=0.05)
        for _ in range(STEPS):
            starts = generator.integers(0, learn - WINDOW_FRAMES, BATCH)
            seen = torch.cat([sound[..., s : s + WINDOW_FRAMES] for s in starts])
            wanted = torch.cat([goal[..., s : s + WINDOW_FRAMES] for s in starts])
            loss = (self.network(seen) - wanted).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def __call__(self, features: SpeechFeatures, frames: int) -> FaceMotion:
        """The motion of so many frames."""
        rows = features.windows(MOTION_FPS, steps=1, frames=frames)[:, 0]
        with torch.no_grad():
            made = self.network(self._sound(rows))[0].T.numpy() * self.unit + self.mean[7:]
        out = np.tile(self.mean, (frames, 1))
        out[:, 7:] = made
        return FaceMotion.unpack(out.astype(np.float32), MOTION_FPS, self.face_model)


def log_mel_regressor(features: SpeechFeatures, motion: FaceMotion, learn: int, seed: int = 0) -> FaceMotion:
    """A `LogMelRegressor`'s motion for the clip that it learned the first `learn` frames of."""
    return LogMelRegressor(features, motion, learn, seed)(features, len(motion))


def nearest_replay(features: SpeechFeatures, motion: FaceMotion, learn: int) -> FaceMotion:
    """Each frame's expression from the learned frame whose sound, over +-0.2 s, is most like it; the rest at its mean.

    Args:
        features: log-mel of the whole clip.
        motion: at 30 fps, of the whole clip; only its first `learn` frames are replayed.
    """
    rows = features.windows(MOTION_FPS, steps=1, frames=len(motion))[:, 0]
    rows = (rows - rows[:learn].mean(0)) / (rows[:learn].std(0) + 1e-6)
    padded = np.pad(rows, ((REACH_FRAMES, REACH_FRAMES), (0, 0)), mode="edge")
    heard = np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH_FRAMES + 1, axis=0).reshape(len(motion), -1)
    nearest = cKDTree(heard[:learn]).query(heard)[1]
    flat = motion.pack()
    out = np.tile(flat[:learn].mean(0), (len(flat), 1))
    out[:, EXPRESSION] = flat[nearest, EXPRESSION]
    return FaceMotion.unpack(out, motion.fps, motion.face_model)


def mean_face(motion: FaceMotion, learn: int) -> FaceMotion:
    """The mean of the learned frames, held."""
    flat = motion.pack()
    return FaceMotion.unpack(np.tile(flat[:learn].mean(0), (len(flat), 1)), motion.fps, motion.face_model)


def warped_reference(video: PersonVideo, learn: int, index: int) -> np.ndarray:
    """The learned frame in the middle, `[S, S, 3]`, moved by the similarity that takes its head to frame `index`'s."""
    reference = learn // 2
    points = [video.renderer.vertices_px(video.track.motion[i : i + 1])[0][0, :478] for i in (reference, index)]
    matrix, _ = cv2.estimateAffinePartial2D(points[0], points[1], method=cv2.LMEDS)
    size = (video.size_px, video.size_px)
    source = np.ascontiguousarray(video.crops[reference])
    return cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def bare_texture(renderer: PersonRenderer, video: PersonVideo, index: int) -> np.ndarray:
    """The layered picture without the network, `[S, S, 3]`."""
    appearance = renderer.networks["appearance"]
    assert isinstance(appearance, LayeredAppearance)
    with torch.inference_mode():
        return to_uint8(appearance(DrawnBatch([video.draw(index)], renderer.device))[0][0])
