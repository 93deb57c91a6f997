"""Deng's coefficients of every frame of a video, and the track that they make in the camera of the whole frame."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from face_model import deng
from face_model.cameras import PinholeCamera
from face_model.deng import DengCoefficients
from face_model.illumination import illumination_from_deng
from face_model.rotations import rotation_angles, rotation_matrix
from face_model.tracks import FaceMotion, FaceTrack
from foundation.errors import InputError
from foundation.files import read_tensors, sha256, write_tensors
from foundation.progress import progress
from preprocessing.deng.alignment import Crop, align, cut, standard_points
from preprocessing.deng.network import DengRegressor, load_regressor
from preprocessing.eyes import au45, calibrate_blink
from preprocessing.media import read_frames
from preprocessing.tracking.following import fill_gaps
from preprocessing.tracking.landmarks import LandmarkTrack
from preprocessing.tracking.layouts import layout_of

BATCH = 16  # always filled up to that, so that a resumed run gives the same numbers
STRETCH = 10 * BATCH  # frames that a kill can cost
REVISION = 1  # of this room's numbers


@dataclass(frozen=True)
class DengFiles:
    """The user's own files. bfm: `BFM_model_front.mat`. weights: `epoch_20.pth`."""

    bfm: Path
    weights: Path

    def check(self) -> None:
        """Read both, before hours of tracking.

        Raises:
            InputError: one is missing or something else.
        """
        standard_points(deng.load(self.bfm), self.bfm)
        load_regressor(self.weights)


@dataclass(frozen=True)
class DengMeasurement:
    """What the regressor gave. coefficients: one row a frame, each of its own crop's camera; crops: one a frame. Frames
    without a face are interpolated. track: the same in one camera of the whole frame.
    """

    coefficients: DengCoefficients
    crops: list[Crop]
    track: FaceTrack


@torch.inference_mode()
def coefficients_of(pictures: np.ndarray, regressor: DengRegressor, device: str = "cpu") -> np.ndarray:
    """The flat coefficients `[N, 257]` of pictures `[N, 224, 224, 3]` uint8 RGB from `cut`."""
    rows = []
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        for start in range(0, len(pictures), BATCH):
            piece = pictures[start : start + BATCH]
            full = np.concatenate([piece, np.zeros((BATCH - len(piece), *piece.shape[1:]), np.uint8)])
            batch = torch.from_numpy(full).to(device).permute(0, 3, 1, 2).float() / 255
            rows.append(regressor(batch)[: len(piece)].cpu().numpy())
    return np.concatenate(rows) if rows else np.zeros((0, DengCoefficients.SIZE), np.float32)


def regress_video(
    video: Path | str, landmarks: LandmarkTrack, files: DengFiles, folder: Path | str, device: str = "cpu",
    blink: np.ndarray | None = None,
) -> DengMeasurement:
    """Deng's coefficients of the face in a video; killed and called again, it goes on where it was.

    Args:
        video: of one person.
        landmarks: of its face, 478 or 68 points, at the rate at which the video is read.
        files: the user's.
        folder: where results are kept, by content.
        device: for the network.
        blink: AU45 `[T]` when it is measured already; from the landmarks otherwise.

    Raises:
        InputError: a file is missing or something else, or no frame has a face.
    """
    video, folder = Path(video), Path(folder)
    if not landmarks.valid.any():
        raise InputError(f"{video}: no face in {len(landmarks)} frames", "a video of one person facing the camera")
    model = deng.load(files.bfm)
    crops = _crops(landmarks, standard_points(model, files.bfm))
    regressor = load_regressor(files.weights).to(device)
    key = "-".join(sha256(path)[:12] for path in (video, files.weights, files.bfm))
    goal = folder / f"{key}-{REVISION}.safetensors"
    numbers = np.array([[*c.resized_px, *c.corner_px, *c.frame_px] for c in crops], np.int64)
    flat = _kept(goal, numbers)
    if flat is None:
        flat = _regress(video, landmarks, crops, numbers, regressor, goal, device)
        write_tensors(goal, {"coefficients": flat, "crops": numbers})
        shutil.rmtree(goal.with_suffix(".parts"), ignore_errors=True)
    landmarks = replace(landmarks, valid=landmarks.valid & flat.any(axis=1))  # a table may outlast its video
    coefficients = DengCoefficients.unpack(fill_gaps(flat, landmarks.valid))
    if blink is None:
        blink = au45(landmarks.landmarks_px, calibrate_blink(landmarks.landmarks_px[landmarks.valid]))
    return DengMeasurement(coefficients, crops, track_of(coefficients, crops, landmarks, blink))


def _crops(landmarks: LandmarkTrack, standard_dm: np.ndarray) -> list[Crop]:
    """A crop for each frame; those of frames without a face are of the interpolated landmarks and not used."""
    five = layout_of(landmarks.landmarks_px).five_points(landmarks.landmarks_px)[..., :2]
    return [align(points, standard_dm, (landmarks.width_px, landmarks.height_px)) for points in five]


def _kept(path: Path, crops: np.ndarray) -> np.ndarray | None:
    """Coefficients `[N, 257]` of an earlier run over the same crops `[N, 6]`."""
    if not path.is_file():
        return None
    arrays, _ = read_tensors(path)
    same = np.array_equal(arrays.get("crops", np.zeros(0)), crops)
    return arrays["coefficients"] if same else None


def _regress(
    video: Path, landmarks: LandmarkTrack, crops: list[Crop], numbers: np.ndarray, regressor: DengRegressor,
    goal: Path, device: str,
) -> np.ndarray:
    """The flat coefficients `[T, 257]`; 0 in frames without a face or past the video's end."""
    frames, rows = read_frames(video, landmarks.fps), []
    with progress(f"Coefficients of {video.name}", len(landmarks)) as advance:
        for start in range(0, len(landmarks), STRETCH):
            stretch = slice(start, min(start + STRETCH, len(landmarks)))
            part = goal.with_suffix(".parts") / f"{start:07d}.safetensors"
            piece = itertools.islice(frames, stretch.stop - stretch.start)
            flat = _kept(part, numbers[stretch])
            if flat is None:
                flat = _stretch(piece, crops[stretch], landmarks.valid[stretch], regressor, device)
                write_tensors(part, {"coefficients": flat, "crops": numbers[stretch]})
            else:
                for _ in piece:
                    pass  # frames that are done
            rows.append(flat)
            advance(stretch.stop)
    return np.concatenate(rows)


def _stretch(
    frames: Iterable[np.ndarray], crops: list[Crop], valid: np.ndarray, regressor: DengRegressor, device: str
) -> np.ndarray:
    flat = np.zeros((len(crops), DengCoefficients.SIZE), np.float32)

    def pictures() -> Iterator[tuple[int, np.ndarray]]:
        for index, (frame, crop) in enumerate(zip(frames, crops, strict=False)):
            if valid[index]:
                yield index, cut(frame, crop)

    seen = pictures()
    while batch := list(itertools.islice(seen, BATCH)):
        flat[[index for index, _ in batch]] = coefficients_of(np.stack([p for _, p in batch]), regressor, device)
    return flat


def track_of(
    coefficients: DengCoefficients, crops: list[Crop], landmarks: LandmarkTrack, blink: np.ndarray
) -> FaceTrack:
    """The coefficients as a track of Deng's model in one camera of the whole frame.

    Each crop's camera looks at the middle of its picture; the whole frame's looks at the frame's. The head is put where
    the crop shows it, as large as there, and turned along with the ray that leads to it, so that it shows the same
    side. What stays different is the second order of perspective; and the light, which is not turned.
    """
    own = [crop.camera() for crop in crops]
    size = landmarks.width_px, landmarks.height_px
    focal_px = float(np.median([camera.focal_px for camera in own]))
    camera = PinholeCamera(focal_px, size[0] / 2, size[1] / 2, *size)
    motion = coefficients.motion(landmarks.fps, np.asarray(blink, np.float32))
    seen_focal, seen_x, seen_y = np.array([[c.focal_px, c.centre_x_px, c.centre_y_px] for c in own]).T
    x_mm, y_mm, z_mm = motion.translation.astype(np.float64).T
    px_per_mm = seen_focal / -z_mm
    ray = np.stack([
        (seen_x + px_per_mm * x_mm - camera.centre_x_px) / focal_px,
        -(seen_y - px_per_mm * y_mm - camera.centre_y_px) / focal_px,
        -np.ones(len(own)),
    ], axis=1)  # fmt: skip
    own_ray = np.stack([x_mm, y_mm, z_mm], axis=1) / -z_mm[:, None]
    # Off the middle a camera stretches along the ray's slant only: so much farther, the head is as large on average.
    farther = np.sqrt(np.linalg.norm(ray, axis=1) / np.linalg.norm(own_ray, axis=1))
    turn = _turn_between(own_ray, ray) @ rotation_matrix(torch.from_numpy(motion.rotation).double()).numpy()
    placed = FaceMotion(
        fps=motion.fps, expression=motion.expression, rotation=rotation_angles(torch.from_numpy(turn)).float().numpy(),
        translation=(ray * (farther * focal_px / px_per_mm)[:, None]).astype(np.float32), blink=motion.blink,
        face_model=motion.face_model,
    )
    valid = landmarks.valid
    light = illumination_from_deng(torch.from_numpy(coefficients.gamma)).numpy()
    return FaceTrack(
        motion=placed, person=DengCoefficients.unpack(coefficients.pack()[valid]).person(), camera=camera,
        landmarks_px=landmarks.landmarks_px, arkit=landmarks.arkit, illumination=light,
        confidence=landmarks.confidence, valid=valid, source=landmarks.source, extra={"tracker": landmarks.tracker},
    )


def _turn_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The shortest turns `[T, 3, 3]` that bring directions `[T, 3]` onto others less than a right angle away."""
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (first, second))
    axis, cosine = np.cross(a, b), (a * b).sum(1)
    skew = np.zeros((len(a), 3, 3))
    for (row, column), sign, k in (((0, 1), -1, 2), ((0, 2), 1, 1), ((1, 2), -1, 0)):
        skew[:, row, column], skew[:, column, row] = sign * axis[:, k], -sign * axis[:, k]
    return np.eye(3) + skew + skew @ skew / (1 + cosine)[:, None, None]
