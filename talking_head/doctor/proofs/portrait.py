"""The face that every installation has: the shipped portrait, and where the Face Landmarker sees its points."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from face_model.correspondence import MEANING
from foundation.errors import InputError
from foundation.shipped import shipped
from preprocessing.tracking import face_tracker
from talking_head.doctor.proofs.result import Figure, NotHereError

OUTER_CORNERS = (36, 45)  # of the 68: their distance is the measure of all others


@lru_cache(maxsize=1)
def picture() -> np.ndarray:
    """The portrait `[512, 512, 3]` uint8 RGB.

    Raises:
        InputError: this installation lacks it.
    """
    path = shipped("astronaut/preview.jpg")
    found = cv2.imread(str(path))
    if found is None:
        raise InputError(f"{path} does not decode", "a picture", "install again")
    return np.ascontiguousarray(found[..., ::-1])


@lru_cache(maxsize=1)
def landmarks_px() -> np.ndarray:
    """The Face Landmarker's points `[478, 3]` in the portrait.

    Raises:
        NotHereError: its model is not at hand, or it sees no face.
    """
    try:
        tracker = face_tracker()
    except (InputError, ImportError) as error:
        raise NotHereError(f"the Face Landmarker, to compare with ({error})", "see `talking-head doctor`") from error
    try:
        seen = tracker.confirm(picture())
    finally:
        tracker.close()
    if not seen:
        raise NotHereError("no face that the Face Landmarker sees in the shipped portrait", "install again")
    return seen[0].landmarks_px


def distance_figure(points_px: np.ndarray, high: float, reason: str) -> Figure:
    """How far 68 points `[68, 2 or more]` in the portrait lie from the Face Landmarker's of the same meaning: the
    median, in percent of the distance between the eyes' outer corners.
    """
    known = landmarks_px()[list(MEANING.values()), :2]
    places = dict(zip(MEANING, known, strict=True))
    between = np.linalg.norm(places[OUTER_CORNERS[0]] - places[OUTER_CORNERS[1]])
    missed = np.linalg.norm(points_px[list(MEANING), :2] - known, axis=1)
    name = "landmarks beside the Face Landmarker's"
    return Figure(name, 100 * float(np.median(missed) / between), "% of the eyes", 0, high, reason)
