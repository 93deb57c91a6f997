"""Tracks of real footage, made once: kept in pytest's own cache folder from run to run, by content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from preprocessing.tracking import LandmarkTrack, face_tracker, track_landmarks


@pytest.fixture(scope="session")
def track_of(data_dir: Path, model_path: Path, request: pytest.FixtureRequest) -> Callable[[str], LandmarkTrack]:
    """The track of a file, by its path inside the data folder."""
    folder = request.config.cache.mkdir("landmark-tracks")
    tracker = face_tracker("mediapipe", model_path)
    request.addfinalizer(tracker.close)
    return lambda name: track_landmarks(data_dir / name, folder, tracker=tracker)


REFERENCE = "reference_video/weekly_address_20s.mp4"


@pytest.fixture(scope="session")
def reference_track(track_of: Callable[[str], LandmarkTrack]) -> LandmarkTrack:
    return track_of(REFERENCE)
