"""A film tracked again, against the motion that drove it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.lips import Rows
from evaluation.loading import clip_of_motion, load_clip
from evaluation.metrics.blinks import seen_share
from evaluation.metrics.lips import gap_correlation
from face_model.rotations import geodesic_degrees
from face_model.tracks import FaceMotion
from preprocessing.fitting import fit_clip
from preprocessing.tracking import track_landmarks


def closed_loop_rows(film: Path, driving: FaceMotion, cache: Path) -> Rows:
    """How much of a motion is seen in the film of it. cache: folder of tracks."""
    seen, driven = load_clip(film, cache=cache), clip_of_motion(driving, "driving")
    fitted = fit_clip(track_landmarks(film, cache), None).motion
    return {
        "closed loop, lip-gap correlation": gap_correlation(seen.head, driven.head).at_zero,
        "closed loop, head rotation error, degrees": float(
            np.median(geodesic_degrees(fitted.rotation, driving.rotation[: len(fitted)]))
        ),
        "closed loop, driven blinks seen, %": 100 * seen_share(driving.blink, seen.blink, driving.fps),
        "closed loop, frames with a face, %": 100 * float(seen.valid.mean()),
    }
