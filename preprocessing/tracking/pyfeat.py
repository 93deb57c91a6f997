"""Tracks from py-feat's CSV output (Cheong et al., 2023): 68 landmarks, AU43, face scores.

py-feat has no AU45: AU43 is the closing of the eyes, given as a probability 0-1; five times it stands for AU45's
intensity 0-5. Its angle columns changed unit, sign and even names between versions 0.x, 1.x and 2.x and most files
lack a translation, so the head pose is found from the landmarks instead, by perspective-n-point against the mean shape
of `mp478`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from face_model.cameras import PinholeCamera
from face_model.tracks import AU45_MAX, FaceTrack
from foundation.errors import InputError
from preprocessing.tracking.points68 import poses_of_landmarks
from preprocessing.tracking.tables import one_row_per_frame, read_table, track_of_landmarks

CENTRE_OF_PIXEL_PX = 0.5


def read_pyfeat(path: Path | str, fps: float, size_px: tuple[int, int]) -> FaceTrack:
    """The track in a py-feat CSV: pose (from the landmarks), blink (from AU43), 68 landmarks; no expression
    coefficients.

    Of several faces in a frame the largest is taken. A file made with `skip_frames` has `fps` divided accordingly.

    Args:
        path: the CSV. fps: of the video. size_px: (width, height) of the video.

    Raises:
        InputError: not such a file; what is missing is named.
    """
    table = read_table(path)
    if "AU43" not in table:
        raise InputError(f"{table.path} has no AU43", "it as the blink", "run py-feat with its svm or xgb AU model")
    frame = table.column("frame") if "frame" in table else np.arange(len(table.values))
    size = np.nan_to_num(table.column("FaceRectWidth"), nan=-1.0)
    table, step = one_row_per_frame(table, frame, size)
    before = round(float(np.nanmin(frame)) / step)  # frames without a face have no row, and the first may be such
    table = table.rows(np.concatenate([np.full(before, -1), np.arange(len(table.values))]))
    pixels, blink, score = table.points("x", "y") + CENTRE_OF_PIXEL_PX, table.column("AU43"), table.column("FaceScore")
    valid = np.isfinite(pixels).all((1, 2)) & np.isfinite(blink) & np.isfinite(score)
    camera = PinholeCamera.for_size(*size_px)
    rotation, translation_mm = poses_of_landmarks(pixels, valid, camera)
    landmarks_px = np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=2)
    return track_of_landmarks(
        table.path, fps / step, camera, landmarks_px, rotation, translation_mm,
        (blink * AU45_MAX).clip(0, AU45_MAX), score, valid, {"tracker": "py-feat", "blink": "5 x AU43"},
    )
