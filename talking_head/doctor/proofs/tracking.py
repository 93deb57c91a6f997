"""Proofs of other trackers: OpenFace's table and program, face-alignment's weights."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from face_model.rotations import rotation_matrix
from face_model.tracks import AU45_MAX, FaceTrack
from foundation.errors import InputError
from preprocessing.media import VideoWriter
from preprocessing.tracking.layouts import STEADY
from preprocessing.tracking.openface import one_face, our_points_mm, our_rotation, read_openface
from preprocessing.tracking.openface_command import VARIABLE, run_openface
from preprocessing.tracking.tables import read_table
from talking_head.doctor.proofs import portrait
from talking_head.doctor.proofs.heads import like_the_mean_face
from talking_head.doctor.proofs.result import Figure, NotHereError

FILM_FRAMES, FILM_FPS = 12, 25
TURN_TO_JUDGE_RAD = np.deg2rad(3.0)  # a head that turns less says nothing of the angles' signs


def prove_openface_csv(path: Path) -> list[Figure]:
    """A table of OpenFace's `FeatureExtraction` with 3D landmarks.

    Its own 3D points through our frame and camera must be its own 2D points; turned back by our reading of its angles,
    the skull must stand still, and be a face in our frame.

    Raises:
        InputError: what `read_openface` raises, or no 3D landmarks.
    """
    track = read_openface(path)
    table = one_face(read_table(path))
    pose = table.columns("pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz")
    points, pixels = table.points("X", "Y", "Z"), table.points("x", "y")
    seen = (table.column("success") == 1) & np.isfinite(points).all((1, 2)) & (points[..., 2] > 0).all(1)
    if not seen.any():
        raise InputError(f"{path} has no frame with 3D landmarks", "at least one", "run FeatureExtraction with -3Dfp")
    pose, points, pixels = pose[seen], points[seen], pixels[seen]
    ours_mm = torch.from_numpy(our_points_mm(points))
    drawn, _ = track.camera.project(ours_mm, torch.zeros(len(ours_mm), 3, dtype=torch.float64))
    missed = np.linalg.norm(drawn.numpy() - 0.5 - pixels, axis=2)
    camera, size = track.camera, max(track.camera.width_px, track.camera.height_px)
    return [
        Figure("frames", len(track), reason=f"{int(track.valid.sum())} with a face"),
        Figure("its 3D points in our camera beside its 2D", float(np.sqrt((missed**2).mean())), "px", 0, 0.2,
               "OpenFace writes a decimal: 0.05"),
        Figure("focal length", camera.focal_px / size, "of the longer side", 0.4, 5, "OpenFace's guess: 0.68 at 16:9"),
        *_skull(pose, our_points_mm(points)), *_blinks(track),
    ]  # fmt: skip


def _turned_back(points_mm: np.ndarray, angles: np.ndarray, shift_mm: np.ndarray) -> np.ndarray:
    """Points `[T, 68, 3]` in the head frame, of OpenFace's angles `[T, 3]` as we read them."""
    turn = rotation_matrix(torch.from_numpy(our_rotation(angles))).numpy()
    return np.einsum("tba,tvb->tva", turn, points_mm - shift_mm[:, None])


def _scatter(head_mm: np.ndarray) -> float:
    """How far the skull's points `[T, 68, 3]` are from their mean place: root of the mean square, mm."""
    skull = head_mm[:, list(STEADY)]
    return float(np.sqrt(((skull - skull.mean(0)) ** 2).sum(2).mean()))


def _skull(pose: np.ndarray, points_mm: np.ndarray) -> list[Figure]:
    shift, angles = our_points_mm(pose[:, :3]), pose[:, 3:]
    head = _turned_back(points_mm, angles, shift)
    figures = [
        Figure("skull's scatter, turned back", _scatter(head), "mm", 0, 2, "0.2 in a real file; in degrees: 30"),
        *like_the_mean_face(head.mean(0)),
    ]
    swings = angles.std(0)
    if len(angles) > 1 and (swings > TURN_TO_JUDGE_RAD).sum() >= 2:
        signs = [s for s in itertools.product((1, -1), repeat=3) if s != (1, 1, 1)]
        least = min(_scatter(_turned_back(points_mm, angles * np.array(s), shift)) for s in signs)
        reason = "the angles' signs; another reading must not fit better"
        share = _scatter(head) / max(least, 1e-9)
        figures.append(Figure("that over the best of other signs", share, "times", 0, 1, reason))
    else:
        figures.append(Figure("swing of the head", float(np.rad2deg(swings.max())), "degrees",
                              reason="too little to tell the angles' signs apart"))  # fmt: skip
    return figures


def _blinks(track: FaceTrack) -> list[Figure]:
    blink = track.motion.blink[track.valid]
    return [Figure("median AU45", float(np.median(blink)), "of 5", 0, AU45_MAX / 2, "eyes are open most of the time")]


def prove_openface(program: Path) -> list[Figure]:
    """OpenFace's `FeatureExtraction`: run over a film of the shipped portrait, and its table proved.

    Raises:
        InputError: it does not run, or what its table is not.
    """
    with tempfile.TemporaryDirectory() as name, _variable(VARIABLE, str(program)):
        folder = Path(name)
        picture = portrait.picture()
        with VideoWriter(folder / "portrait.mp4", FILM_FPS, picture.shape[1], picture.shape[0], crf=10) as writer:
            for _ in range(FILM_FRAMES):
                writer.write(picture)
        table = run_openface(folder / "portrait.mp4", folder / "out")
        track = read_openface(table, size_px=(picture.shape[1], picture.shape[0]))
        figures = prove_openface_csv(table)
    reason = "two trackers' ideas of the same places: 3 to 5"
    frames = Figure("frames of the film", len(track), "", FILM_FRAMES - 1, FILM_FRAMES, "one row each")
    return [frames, *figures[1:], portrait.distance_figure(np.median(track.landmarks_px, axis=0), 9, reason)]


def prove_face_alignment(folder: Path) -> list[Figure]:
    """face-alignment's weights, over the shipped portrait.

    Raises:
        NotHereError: the package is not installed. InputError: they do not load.
    """
    from preprocessing.speech.optional import installed
    from preprocessing.tracking.face_alignment_tracker import INSTALL, WEIGHTS, FaceAlignmentTracker

    if not installed("face_alignment"):
        raise NotHereError("the package face-alignment, which runs the weights", INSTALL)
    with tempfile.TemporaryDirectory() as name, _variable("TORCH_HOME", name):
        checkpoints = Path(name) / "hub" / "checkpoints"
        checkpoints.mkdir(parents=True)
        for file in WEIGHTS:
            (checkpoints / file).symlink_to((folder / file).resolve())
        tracker = FaceAlignmentTracker()
        try:
            first = tracker.confirm(portrait.picture())
            tracker.restart()
            again = tracker.confirm(portrait.picture())
        finally:
            tracker.close()
    if not first or not again:
        return [Figure("faces in the portrait", 0, "", 1, 1, "there is one")]
    points, depth = first[0].landmarks_px, portrait.landmarks_px()[list(STEADY.values()), 2]
    grows = float(np.corrcoef(points[list(STEADY), 2], depth)[0, 1])
    changed = float(np.abs(points - again[0].landmarks_px).max())
    return [
        Figure("faces in the portrait", len(first), "", 1, 1, "there is one"),
        portrait.distance_figure(points, 9, "whole pixels of a map of 64 x 64; 5 on a picture of 195 px"),
        Figure("depth along the Face Landmarker's", grows, "correlation", 0.8, 1, "0.97 on one picture"),
        Figure("second look beside the first", changed, "px", 0, 1e-3, "the same numbers"),
    ]


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """An environment variable for the length of a block."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
