"""What 68 landmarks tell of a face without a face model's coefficients: pose, and AU45 from the lids."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from face_model import mp478
from face_model.cameras import Camera, PinholeCamera
from face_model.rotations import rotation_angles
from face_model.tracks import FaceTrack
from foundation.errors import InputError
from preprocessing.eyes import au45, calibrate_blink
from preprocessing.tracking.landmarks import LandmarkTrack
from preprocessing.tracking.layouts import STEADY
from preprocessing.tracking.tables import track_of_landmarks

HALF_TURN = np.diag([1.0, -1.0, -1.0])  # OpenCV's camera frame (y down, z away) to ours and back


def pose_of_landmarks(pixels: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (pitch, yaw, roll; radians) and translation (mm) `[3]` of a mean `mp478` head that shows these points.

    Args:
        pixels: `[68, 2]`, finite. camera: taken as a pinhole.
    """
    shape_mm = mp478.load().mean_mm.numpy()[list(STEADY.values())].astype(np.float64) @ HALF_TURN
    centre = (camera.centre_x_px, camera.centre_y_px)
    matrix = np.array([[camera.focal_px, 0, centre[0]], [0, camera.focal_px, centre[1]], [0, 0, 1]])
    points = pixels[list(STEADY)].astype(np.float64)
    try:
        _, turn, shift = cv2.solvePnP(shape_mm, points, matrix, None, flags=cv2.SOLVEPNP_SQPNP)
        turn, shift = cv2.solvePnPRefineLM(shape_mm, points, matrix, None, turn, shift)
    except cv2.error as error:  # all points in one place, say
        raise InputError("68 landmarks that are no face", "points of a head", "track the video again") from error
    rotation = HALF_TURN @ cv2.Rodrigues(turn)[0] @ HALF_TURN
    return rotation_angles(torch.from_numpy(rotation)).numpy(), HALF_TURN @ shift[:, 0]


def poses_of_landmarks(pixels: np.ndarray, valid: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """`pose_of_landmarks` of each valid frame: rotation and translation `[T, 3]`, 0 elsewhere.

    Args:
        pixels: `[T, 68, 2]`. valid: `[T]`. camera: taken as a pinhole.
    """
    rotation, translation_mm = np.zeros((len(valid), 3)), np.zeros((len(valid), 3))
    for index in np.flatnonzero(valid):
        rotation[index], translation_mm[index] = pose_of_landmarks(pixels[index], camera)
    return rotation, translation_mm


def track_of_points68(landmarks: LandmarkTrack) -> FaceTrack:
    """The track that 68 followed landmarks give: pose by perspective-n-point against the mean `mp478` head, AU45 on the
    person's own scale; no coefficients of a face model.

    Raises:
        InputError: no valid frame.
    """
    camera = PinholeCamera.for_size(landmarks.width_px, landmarks.height_px)
    points, valid = landmarks.landmarks_px, landmarks.valid
    rotation, translation_mm = poses_of_landmarks(points[..., :2], valid, camera)
    blink = au45(points, calibrate_blink(points[valid])) if valid.any() else np.zeros(len(valid))
    return track_of_landmarks(
        Path(landmarks.source), landmarks.fps, camera, points, rotation, translation_mm, blink, landmarks.confidence,
        valid, {"tracker": landmarks.tracker},
    )


def landmarks_of(track: FaceTrack, tracker: str) -> LandmarkTrack:
    """The landmarks of a track, as though one face had been followed: what a table of one face tells."""
    seen = track.valid.astype(np.int32)
    return LandmarkTrack(
        fps=track.motion.fps, width_px=track.camera.width_px, height_px=track.camera.height_px,
        landmarks_px=track.landmarks_px, arkit=track.arkit, confidence=track.confidence, valid=track.valid,
        faces_seen=seen, rival=np.zeros(len(seen), np.float32), source=track.source, tracker=tracker,
    )
