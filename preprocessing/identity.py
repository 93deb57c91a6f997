"""Who is seen: cuts in a track of landmarks, and how unlike the faces on either side of one are.

Calibrated on 24 clips of 17 people: any two stretches of 20 frames of one clip, head turns and all, are at most 1.35
apart; stretches of different people are further in 99.5% of the pairs. The same person in another recording, with other
light and another camera, is about 2 apart: what is left out then would not go together with the rest either.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from face_model import mp478
from face_model.alignment import similarity
from preprocessing.fitting import stable_weights
from preprocessing.tracking.landmarks import LandmarkTrack

# A cut is a jump of one frame: of the face's shape in mm, or of its place in face sizes, and so many times what the
# frames about it do.
SHAPE_JUMP_MM, SHAPE_TIMES, PLACE_JUMP, PLACE_TIMES, ABOUT_FRAMES = 1.2, 2.0, 0.05, 3.0, 3
FACE_MM = 180.0
SIDE_PX = 48  # of a face's picture
STEADY = (33, 133, 362, 263, 168, 4, 61, 291, 152)  # what it is brought into place by
# One unit of unlikeness each: of the 80 coefficients of identity, 1 - correlation of the pictures, colour in Lab.
IDENTITY_UNIT, PICTURE_UNIT, COLOUR_UNIT = 6.0, 0.25, 4.0
SAME_PERSON, SAME_PERSON_SHORT, SHORT_FRAMES = 1.4, 1.8, 15


@dataclass(frozen=True)
class Likeness:
    """A face over some frames. identity: `[80]`. picture: `[P]`, grey values, mean 0, length 1. colour: `[2]`, Lab a
    and b. frames: how many it is the mean of.
    """

    identity: np.ndarray
    picture: np.ndarray
    colour: np.ndarray
    frames: int

    def unlike(self, other: Likeness) -> float:
        """Distance to another one."""
        parts = (
            np.linalg.norm(self.identity - other.identity) / IDENTITY_UNIT,
            (1 - float(self.picture @ other.picture)) / PICTURE_UNIT,
            np.linalg.norm(self.colour - other.colour) / COLOUR_UNIT,
        )
        return float(np.linalg.norm(np.array(parts)))

    def same(self, other: Likeness) -> bool:
        """Whether it may be one person in one setting."""
        short = min(self.frames, other.frames) < SHORT_FRAMES
        return self.unlike(other) < (SAME_PERSON_SHORT if short else SAME_PERSON)


def _heads(points_px: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points `[T, 478, 3]` px in the head's frame, in mm; their scale `[T]` px/mm and place `[T, 2]` px."""
    mean, weights = mp478.load().mean_mm.numpy().astype(np.float64), stable_weights(mp478.load())
    target = points_px.astype(np.float64) * (1, -1, 1)
    scale, turn, shift = similarity(np.broadcast_to(mean, target.shape), target, weights)
    heads = np.einsum("tba,tvb->tva", turn, target - shift[:, None]) / scale[:, None, None]
    return heads, scale, shift[:, :2]


def cuts(track: LandmarkTrack) -> list[int]:
    """Frames at which a cut may be: the face jumps, or comes back after it was lost."""
    seen = np.flatnonzero(track.valid)
    if len(seen) < 2:
        return []
    heads, scale, place = _heads(track.landmarks_px[seen])
    weights = stable_weights(mp478.load())
    shape = np.sqrt((((heads[1:] - heads[:-1]) ** 2).sum(-1) * weights).sum(-1) / weights.sum())
    moved = np.linalg.norm(np.diff(place, axis=0), axis=-1) / (FACE_MM * scale[1:])
    jumps = _stands_out(shape, SHAPE_JUMP_MM, SHAPE_TIMES) | _stands_out(moved, PLACE_JUMP, PLACE_TIMES)
    return [int(frame) for frame in seen[1:][jumps | (np.diff(seen) > 1)]]


def _stands_out(values: np.ndarray, least: float, times: float) -> np.ndarray:
    """Where values `[N]` are above `least`, and above so many times the largest of their neighbours."""
    padded = np.pad(values, ABOUT_FRAMES)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * ABOUT_FRAMES + 1)
    neighbours = np.delete(windows, ABOUT_FRAMES, axis=1).max(-1)
    found: np.ndarray = (values > least) & (values > times * neighbours)
    return found


def identities(points_px: np.ndarray) -> np.ndarray:
    """Coefficients of identity `[T, 80]` of each frame on its own, from points `[T, 478, 3]` px."""
    model = mp478.load()
    heads, _, _ = _heads(points_px)
    basis = model.identity_mm.numpy().astype(np.float64).reshape(len(model.identity_mm), -1)
    weighted = basis * np.repeat(stable_weights(model), 3)
    unlike = (heads - model.mean_mm.numpy()).reshape(len(heads), -1)
    return np.linalg.solve(weighted @ basis.T + np.eye(len(basis)), weighted @ unlike.T).T


def face_picture(frame_rgb: np.ndarray, landmarks_px: np.ndarray) -> np.ndarray:
    """A face brought into place `[48, 48, 3]` uint8 from a frame `[H, W, 3]`, points `[478, 3]` px."""
    mean = mp478.load().mean_mm.numpy()[:, :2] * (1, -1)
    low, high = mean.min(0), mean.max(0)
    goal = (mean[list(STEADY)] - (low + high) / 2) * (SIDE_PX / (1.05 * (high - low).max())) + SIDE_PX / 2 - 0.5
    corner = np.clip(landmarks_px[:, :2].min(0) - 8, 0, np.array(frame_rgb.shape[1::-1]) - 1).astype(int)
    end = np.maximum(landmarks_px[:, :2].max(0) + 8, corner + 1).astype(int)
    part = frame_rgb[corner[1] : end[1], corner[0] : end[0]]
    there = landmarks_px[list(STEADY), :2] - corner - 0.5
    # Turn, scale and shift in the plane, in complex numbers.
    own, wanted = (points @ np.array([1, 1j]) for points in (there, goal))
    spread = own - own.mean()
    turn = np.vdot(spread, wanted - wanted.mean()) / max(np.vdot(spread, spread).real, 1e-6)
    shift = wanted.mean() - turn * own.mean()
    moved = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    if abs(turn) < 1:
        part = cv2.GaussianBlur(part, (0, 0), 0.5 / max(abs(turn), 0.02))
    return cv2.warpAffine(part, moved, (SIDE_PX, SIDE_PX), borderMode=cv2.BORDER_REPLICATE)


def likeness(points_px: np.ndarray, pictures_rgb: np.ndarray) -> Likeness:
    """Of a stretch: points `[T, 478, 3]` px of all its frames, and the face in some of them `[N, 48, 48, 3]` uint8."""
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX] - (SIDE_PX - 1) / 2
    inside = (columns / (0.4 * SIDE_PX)) ** 2 + (rows / (0.46 * SIDE_PX)) ** 2 < 1
    grey = (pictures_rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))[:, inside]
    grey -= grey.mean(1, keepdims=True)
    mean = (grey / np.maximum(np.linalg.norm(grey, axis=1, keepdims=True), 1e-6)).mean(0)
    lab = cv2.cvtColor(pictures_rgb.reshape(-1, SIDE_PX, 3), cv2.COLOR_RGB2LAB).reshape(*pictures_rgb.shape)
    colour = np.median(lab[:, inside].astype(np.float32), axis=(0, 1))[1:]
    return Likeness(
        identities(points_px).mean(0), mean / max(float(np.linalg.norm(mean)), 1e-6), colour, len(points_px)
    )
