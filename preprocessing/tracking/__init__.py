"""Face landmarks frame by frame: trackers by name, one face followed, results cached by content."""

from face_model.arkit import ARKIT_NAMES
from preprocessing.tracking.assets import find_landmarker, landmarker_path
from preprocessing.tracking.caching import check_faces, track_landmarks
from preprocessing.tracking.following import fill_gaps, follow_face
from preprocessing.tracking.landmarks import (
    LANDMARK_COUNT,
    FaceObservation,
    FaceTracker,
    LandmarkTrack,
)
from preprocessing.tracking.tracker_registry import face_tracker, face_trackers

__all__ = [
    "ARKIT_NAMES", "LANDMARK_COUNT", "FaceObservation", "FaceTracker", "LandmarkTrack", "check_faces", "face_tracker",
    "face_trackers", "fill_gaps", "find_landmarker", "follow_face", "landmarker_path", "track_landmarks",
]
