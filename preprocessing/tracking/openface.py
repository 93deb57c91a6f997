"""Tracks from OpenFace's `FeatureExtraction` (and `FaceLandmarkVidMulti`) CSV files (Baltrusaitis et al., FG 2018).

OpenFace's camera frame is x right, y down, z away from the camera; ours is x right, y up, z towards the viewer (a half
turn about x). Its rotation is R = Rx Ry Rz of `pose_Rx, pose_Ry, pose_Rz`; seen in our frame that is Rx(rx) Ry(-ry)
Rz(-rz). It counts pixels from the centre of the first one, we from that pixel's corner: half a pixel is added.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from face_model.cameras import PinholeCamera
from face_model.rotations import rotation_angles
from face_model.tracks import AU45_MAX, MOTION_FPS, FaceTrack
from foundation.errors import InputError
from preprocessing.tracking.tables import Table, one_row_per_frame, read_table, track_of_landmarks

CENTRE_OF_PIXEL_PX = 0.5
DEFAULT_FOCAL_PX = 500.0  # OpenFace's guess for a picture of 640 x 480, scaled to the size and averaged over both axes


def our_rotation(openface_rotation: np.ndarray) -> np.ndarray:
    """(pitch, yaw, roll) `[..., 3]` of OpenFace's (Rx, Ry, Rz) `[..., 3]`, radians."""
    turned = np.asarray(openface_rotation, np.float64) * (1, -1, -1)
    matrix = Rotation.from_euler("XYZ", turned.reshape(-1, 3)).as_matrix()  # intrinsic: Rx Ry Rz
    return rotation_angles(torch.from_numpy(matrix)).numpy().reshape(turned.shape)


def our_points_mm(openface_mm: np.ndarray) -> np.ndarray:
    """Points `[..., 3]` of OpenFace's camera frame in ours."""
    return openface_mm * (1, -1, -1)


def default_camera(width_px: int, height_px: int) -> PinholeCamera:
    """The camera that OpenFace assumes for a picture when it is told none."""
    focal_px = DEFAULT_FOCAL_PX * (width_px / 640 + height_px / 480) / 2
    centre = (width_px / 2 + CENTRE_OF_PIXEL_PX, height_px / 2 + CENTRE_OF_PIXEL_PX)
    return PinholeCamera(focal_px, *centre, width_px, height_px)


def camera_of(table: Table, size_px: tuple[int, int] | None) -> PinholeCamera:
    """The camera with which OpenFace worked: found from its own 2D and 3D landmarks, else its default for `size_px`.

    OpenFace writes `X_i, Y_i, Z_i` such that x = f X / Z + c holds exactly, so two straight lines give f and c.

    Raises:
        InputError: neither 3D landmarks nor a size.
    """
    if "X_0" not in table:
        if size_px is None:
            remedy = "give size_px (width, height) of the video, or run FeatureExtraction with -3Dfp"
            raise InputError(f"{table.path} has no 3D landmarks", "them or the video's size", remedy)
        return default_camera(*size_px)
    pixels, points = table.points("x", "y"), table.points("X", "Y", "Z")
    seen = np.isfinite(points).all((1, 2)) & (points[..., 2] > 0).all(1)
    if not seen.any():
        raise InputError(f"{table.path} has no frame with 3D landmarks", "at least one")
    focal, centre = np.zeros(2), np.zeros(2)
    for axis in range(2):
        ratio = (points[seen, :, axis] / points[seen, :, 2]).ravel()
        focal[axis], centre[axis] = np.polyfit(ratio, pixels[seen, :, axis].ravel(), 1)
    width, height = size_px or (round(2 * float(centre[0])), round(2 * float(centre[1])))
    centre += CENTRE_OF_PIXEL_PX
    return PinholeCamera(float(focal.mean()), float(centre[0]), float(centre[1]), width, height)


def one_face(table: Table) -> Table:
    """Rows of the face that is there longest, where faces are numbered.

    Raises:
        InputError: its number is none.
    """
    if "face_id" not in table:
        return table
    numbers = table.column("face_id")
    found, counts = np.unique(numbers, return_counts=True)
    longest = found[counts.argmax()]
    if np.isnan(longest):
        raise InputError(f"{table.path} has no number of a face in most rows", "one in the column 'face_id'")
    return table.rows(np.flatnonzero(numbers == longest))


def table_fps(table: Table, fps: float | None = None) -> float:
    """Frames a second, by the timestamps unless told; a single frame has no rate, and any will do.

    Raises:
        InputError: the timestamps are of no video.
    """
    if fps is not None:
        return fps
    frame, time_s = table.column("frame"), table.column("timestamp")
    if len(frame) == 1:
        return MOTION_FPS
    span = time_s[-1] - time_s[0]
    # Image sequences carry times of 0.001 s a frame, or none at all: not rates of a video.
    rate = (frame[-1] - frame[0]) / span if span > 0 else 0.0
    if not 5 <= rate <= 240:
        raise InputError(f"{table.path} tells {rate:.0f} frames a second by its timestamps", "5 to 240", "give fps")
    return float(rate)


def blink_of(table: Table) -> np.ndarray:
    """AU45 0-5: the intensity, else presence times 5.

    Raises:
        InputError: the file has neither.
    """
    if "AU45_r" in table:
        return table.column("AU45_r").clip(0, AU45_MAX)
    if "AU45_c" in table:
        return table.column("AU45_c") * AU45_MAX
    raise InputError(f"{table.path} has neither AU45_r nor AU45_c", "a blink column", "run FeatureExtraction with -aus")


def read_openface(
    path: Path | str, fps: float | None = None, size_px: tuple[int, int] | None = None, least_confidence: float = 0.0
) -> FaceTrack:
    """The track in an OpenFace CSV: pose, AU45, 68 landmarks and confidence; no expression coefficients (`[T, 0]`).

    A frame is valid where `success` is 1 and confidence at least `least_confidence`; frames that the file lacks are not
    valid. Rotation and translation are of OpenFace's own head shape, whose origin is the centre of its 68 points.
    Landmark z comes from the 3D landmarks and is 0 without them. `extra` holds the gaze angles where the file has them.

    Args:
        path: the CSV. fps: the video's rate; None: by the timestamps. size_px: (width, height) of the video; None: by
        the 3D landmarks, whose camera OpenFace centres on the picture unless told otherwise.

    Raises:
        InputError: not such a file; what is missing is named.
    """
    table = one_face(read_table(path))
    rate = table_fps(table, fps)
    table, step = one_row_per_frame(table, table.column("frame"), table.column("confidence"))
    confidence = table.column("confidence")
    pose = table.columns("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz")
    pixels = table.points("x", "y")
    valid = (table.column("success") == 1) & (confidence >= least_confidence)
    valid &= np.isfinite(pose).all(1) & np.isfinite(pixels).all((1, 2)) & (pose[:, 2] > 0)
    camera = camera_of(table, size_px)
    depth_px = np.zeros(pixels.shape[:2])
    if "Z_0" in table:
        distance_mm = pose[:, 2, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            depth_px = (distance_mm - table.points("Z")[..., 0]) * camera.focal_px / distance_mm
    landmarks_px = np.concatenate([pixels + CENTRE_OF_PIXEL_PX, depth_px[..., None]], axis=2)
    blink = blink_of(table)
    valid &= np.isfinite(blink) & np.isfinite(depth_px).all(1)
    extra: dict[str, object] = {"tracker": "openface"}
    if "gaze_angle_x" in table:
        extra["gaze_angle"] = np.nan_to_num(table.columns("gaze_angle_x", "gaze_angle_y")).round(6).tolist()
    return track_of_landmarks(
        table.path, rate / step, camera, landmarks_px, our_rotation(np.nan_to_num(pose[:, 3:])),
        our_points_mm(pose[:, :3]), blink, confidence, valid, extra,
    )
