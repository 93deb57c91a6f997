"""Frames of a video with all faces that are found in them, for people to see why it was refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from preprocessing.explaining import Mark, Sight
from preprocessing.media import frames_at
from preprocessing.tracking.landmarks import LandmarkTrack
from preprocessing.tracking.tracker_registry import face_tracker


def seen_in(video: Path | str, track: LandmarkTrack) -> Sight:
    """A frame that shows the followed face, one that does not, and the one with the largest second face: those of them
    that there are, side by side.
    """
    chosen = set()
    for frames in (np.flatnonzero(track.valid), np.flatnonzero(~track.valid)):
        chosen |= {int(frames[len(frames) // 2])} if len(frames) else set()
    if track.rival.max(initial=0) > 0:
        chosen |= {int(track.rival.argmax())}
    tracker = face_tracker()
    try:
        pictures, marks, left = [], [], 0
        for index, frame in frames_at(video, chosen, track.fps):
            faces = tracker.confirm(frame)
            for face in faces:
                points = face.landmarks_px[:, :2] + (left, 0)
                box = face.box_px[0] + left, face.box_px[1], face.box_px[2] + left, face.box_px[3]
                marks.append(Mark(box, f"{index / track.fps:.1f} s: face, {face.size_px:.0f} px", False, points))
            if not faces:
                box = left + 2.0, 2.0, left + frame.shape[1] - 2.0, frame.shape[0] - 2.0
                marks.append(Mark(box, f"{index / track.fps:.1f} s: no face"))
            pictures.append(frame)
            left += frame.shape[1]
    finally:
        tracker.close()
    return Sight(np.concatenate(pictures, axis=1), tuple(marks))
