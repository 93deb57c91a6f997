"""3DMM fitting: planted faces are found again, and a film of a face is matched to within a small part of the eyes'
distance.
"""

from itertools import islice

import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.cameras import WeakPerspectiveCamera
from face_model.rotations import geodesic_degrees
from face_model.tracks import FaceIdentity, FaceMotion
from foundation.errors import InputError
from preprocessing.fitting import fit_clip, posed_vertices, reprojection_error, white_noise
from preprocessing.tracking import LandmarkTrack, track_landmarks

MODEL = mp478.load()
WIDTH_PX, HEIGHT_PX = 640, 480


def planted(frames: int = 60) -> tuple[FaceMotion, FaceIdentity, np.ndarray]:
    """A moving face and its landmarks `[T, 478, 3]` in pixels."""
    rng = np.random.default_rng(0)
    time = np.arange(frames) / 30
    waves = np.sin(2 * np.pi * time[:, None] * rng.uniform(0.2, 2.0, (1, 64)) + rng.uniform(0, 6, (1, 64)))
    expression = (waves * rng.uniform(0, 1, 64)).astype(np.float32)
    rotation = (0.2 * np.sin(time[:, None] * np.array([2.0, 1.3, 0.7]))).astype(np.float32)
    translation = np.stack((20 * np.sin(time), 10 * np.cos(time), -1500 + 30 * np.sin(time)), axis=1).astype(np.float32)
    blink = np.zeros(frames, np.float32)
    blink[20:26] = (1.5, 4.0, 5.0, 5.0, 3.0, 1.0)
    motion = FaceMotion(30.0, expression, rotation, translation, blink)
    person = FaceIdentity(rng.normal(0, 0.7, 80).astype(np.float32), np.zeros(80, np.float32), np.zeros(27, np.float32))
    camera = WeakPerspectiveCamera.for_size(WIDTH_PX, HEIGHT_PX)
    rotated = posed_vertices(motion, person, MODEL)
    pixels, depth = camera.project(rotated, torch.from_numpy(translation))
    scale = camera.focal_px / -translation[:, None, 2]
    return motion, person, np.concatenate((pixels.numpy(), (depth.numpy() * scale)[..., None]), axis=-1)


def landmark_track(points: np.ndarray, valid: np.ndarray) -> LandmarkTrack:
    count = len(points)
    return LandmarkTrack(
        fps=30.0, width_px=WIDTH_PX, height_px=HEIGHT_PX, landmarks_px=points.astype(np.float32),
        arkit=np.zeros((count, 52), np.float32), confidence=np.ones(count, np.float32), valid=valid,
        faces_seen=np.ones(count, np.int64), rival=np.zeros(count, np.float32),
    )


def test_planted_face_is_found_again():
    motion, person, points = planted()
    track = fit_clip(landmark_track(points, np.ones(60, bool)), None)
    assert np.median(reprojection_error(track)) < 0.005
    assert np.median(geodesic_degrees(track.motion.rotation, motion.rotation)) < 1.0
    assert np.median(np.abs(track.motion.translation[:, :2] - motion.translation[:, :2])) < 2.0
    lips = [int(i) for i in mp478.LIP_GAP]
    gaps = []
    for which, owner in ((motion, person), (track.motion, track.person)):
        vertices = posed_vertices(which, owner, MODEL).numpy()
        gaps.append(np.linalg.norm(vertices[:, lips[0]] - vertices[:, lips[1]], axis=1))
    assert np.corrcoef(gaps)[0, 1] > 0.98
    assert track.motion.blink[22:24].min() > 4.0 and np.median(track.motion.blink) < 1.0


def test_lost_frames_are_interpolated_never_zero():
    motion, _, points = planted()
    valid = np.ones(60, bool)
    valid[30:36] = False
    points[30:36] = 0.0
    track = fit_clip(landmark_track(points, valid), None)
    assert not track.valid[30:36].any()
    assert np.abs(track.motion.translation[30:36] - motion.translation[30:36]).max() < 40
    assert (track.motion.translation[:, 2] < -1000).all()


def test_no_face_at_all_is_refused():
    with pytest.raises(InputError, match="no face"):
        fit_clip(landmark_track(np.zeros((5, 478, 3)), np.zeros(5, bool)), None)


def test_white_noise_is_measured_on_top_of_motion():
    rng = np.random.default_rng(0)
    motion = np.sin(np.arange(2000) / 30)[:, None]
    assert white_noise(motion + rng.normal(0, 0.01, (2000, 1)))[0] == pytest.approx(0.01, rel=0.15)
    assert white_noise(motion)[0] < 1e-4


def test_a_film_of_a_face_is_matched(footage, landmarker, tmp_path):
    from preprocessing.media import read_frames

    marks = track_landmarks(footage, tmp_path)[:75]
    track = fit_clip(marks, islice(read_frames(footage), 75))
    assert track.valid.all()
    assert np.median(reprojection_error(track)) < 0.02
    lit = MODEL.albedo_of(torch.from_numpy(track.person.texture))
    assert 0.1 < float(lit.mean()) < 1.0
