"""One face over a clip: real footage, faces that are lost or doubled, caching and resuming, finding the model."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from foundation.errors import InputError
from foundation.files import sha256
from preprocessing.media import read_frames
from preprocessing.tracking import (
    ARKIT_NAMES,
    FaceObservation,
    FaceTracker,
    LandmarkTrack,
    assets,
    caching,
    check_faces,
    face_tracker,
    face_trackers,
    find_landmarker,
    follow_face,
    landmarker_path,
    track_landmarks,
)
from preprocessing.tracking.layouts import MP478
from preprocessing.tracking.mediapipe_tracker import explain_import
from tests.footage import another
from tests.preprocessing.making import grey, write_media


class Painted:
    """A tracker that sees painted faces: each is (x, y, size); `ghosts` are seen in video but not in a fresh look."""

    name, version, layout = "painted", "1", MP478

    def __init__(self, faces: list[list[tuple[float, float, float]]], ghosts: set[int] | None = None) -> None:
        self.faces, self.ghosts, self.frames, self.stop_at = faces, ghosts or set(), 0, -1
        self.restarts = 0
        self.shape = np.random.default_rng(0).uniform(-0.5, 0.5, (478, 3)).astype(np.float32)
        self.shape[[33, 133, 362, 263], :2] = [(-0.3, 0), (-0.1, 0), (0.1, 0), (0.3, 0)]  # the eyes: it is upright

    def _see(self, index: int) -> list[FaceObservation]:
        return [
            FaceObservation(self.shape * size + np.array([x, y, 0], np.float32), np.full(52, x / 1000, np.float32))
            for x, y, size in self.faces[index]
        ]

    def restart(self) -> None:
        self.restarts += 1

    def close(self) -> None: ...

    def observe(self, frame_rgb: np.ndarray, time_s: float) -> list[FaceObservation]:
        self.frames += 1
        if self.frames == self.stop_at:
            raise KeyboardInterrupt
        return self._see(int(frame_rgb[0, 0, 0]))

    def confirm(self, frame_rgb: np.ndarray, near: FaceObservation | None = None) -> list[FaceObservation]:
        index = int(frame_rgb[0, 0, 0])
        return [] if index in self.ghosts else self._see(index)


def numbered(count: int) -> Iterator[np.ndarray]:
    return (np.full((8, 8, 3), k, np.uint8) for k in range(count))


@pytest.fixture(scope="module")
def tracker(model_path: Path) -> Iterator[FaceTracker]:
    tracker = face_tracker("mediapipe", model_path)
    yield tracker
    tracker.close()


@pytest.fixture(scope="module")
def talking(footage: Path) -> list[np.ndarray]:
    """60 frames of a person speaking, 360 x 288."""
    frames = islice(read_frames(footage), 60)
    return [cv2.resize(frame[40:360, 56:456], (360, 288), interpolation=cv2.INTER_AREA) for frame in frames]


def test_reference_video_is_tracked_throughout(reference_track: LandmarkTrack) -> None:
    track = reference_track
    assert len(track) == 500 and track.valid.all() and track.fps == 25 and (track.faces_seen == 1).all()
    right_eye, left_eye, nose, chin, ear = (track.landmarks_px[:, i] for i in (33, 263, 1, 152, 234))
    assert (right_eye[:, 0] < left_eye[:, 0]).all(), "the person's right eye is on the left of the picture"
    assert (chin[:, 1] > nose[:, 1]).all() and (nose[:, 2] > ear[:, 2] + 50).all(), "y down, z larger is nearer"
    assert np.all((track.landmarks_px[..., :2] > 0) & (track.landmarks_px[..., :2] < 450))
    assert track.arkit.shape == (500, 52) and track.arkit.min() >= 0 and track.arkit.max() <= 1
    gap = np.linalg.norm(track.landmarks_px[:, 13] - track.landmarks_px[:, 14], axis=1)
    assert np.corrcoef(gap, track.arkit[:, ARKIT_NAMES.index("jawOpen")])[0, 1] > 0.8
    assert 0.8 < track.confidence.mean() <= 1 and np.median(track.face_size_px) == pytest.approx(231, abs=10)


def test_a_face_that_is_lost_for_a_while_is_marked_and_bridged(
    tracker: FaceTracker, talking: list[np.ndarray], capfd: pytest.CaptureFixture[str]
) -> None:
    frames = [grey(128, *frame.shape[:2]) if 20 <= k < 40 else frame for k, frame in enumerate(talking)]
    track = follow_face(tracker, frames, 25)
    assert track.valid.tolist() == [not 20 <= k < 40 for k in range(60)]
    before, after = track.landmarks_px[19], track.landmarks_px[40]
    assert np.allclose(track.landmarks_px[29], before + (after - before) * 10 / 21, atol=0.01)
    assert (track.confidence[20:40] == 0).all() and (track.faces_seen[20:40] == 0).all()
    assert capfd.readouterr().err == "", "the native library must not chatter"


def test_a_covered_face_is_not_seen_through_the_cover(tracker: FaceTracker, talking: list[np.ndarray]) -> None:
    """The background slides over the face within half a second and stays."""
    frames = [frame.copy() for frame in talking]
    for k, frame in enumerate(frames):
        if k >= 20:
            width = min(360, 30 * (k - 19))
            frame[:, :width] = frame[:20, :20].mean((0, 1)).astype(np.uint8)
    track = follow_face(tracker, frames, 25)
    assert track.valid[:20].all() and not track.valid[33:].any()


def test_upright_after_rotation_metadata(tracker: FaceTracker, talking: list[np.ndarray], tmp_path: Path) -> None:
    stored = [np.ascontiguousarray(np.rot90(frame)) for frame in talking[:10]]
    path = write_media(tmp_path / "phone.mp4", stored, rotation=-90)
    track = track_landmarks(path, tracker=tracker)
    assert track.valid.all() and (track.width_px, track.height_px) == (360, 288)
    straight = follow_face(tracker, talking[:10], 25)
    assert np.abs(track.landmarks_px - straight.landmarks_px)[..., :2].mean() < 1.5


def test_two_people_of_one_size_are_refused_and_a_small_one_is_not(
    tracker: FaceTracker, talking: list[np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    other = [another(frame) for frame in talking[:12]]
    pair = [np.concatenate([a, b], axis=1) for a, b in zip(talking, other, strict=False)]
    with pytest.raises(InputError, match="two faces of similar size"):
        check_faces(follow_face(tracker, pair, 25), "pair.mp4")
    half = [np.pad(frame[::2, ::2], ((0, 144), (0, 0), (0, 0))) for frame in other]
    small = [np.concatenate([a, b], axis=1) for a, b in zip(talking, half, strict=False)]
    track = follow_face(tracker, small, 25)
    with caplog.at_level(logging.WARNING):
        check_faces(track, "small.mp4")
    assert track.valid.all() and (track.landmarks_px[:, :, 0] < 360).all()
    assert (track.faces_seen == 2).mean() > 0.5 and "several faces" in caplog.text


def test_no_face_and_one_frame(tracker: FaceTracker, talking: list[np.ndarray], tmp_path: Path) -> None:
    path = write_media(tmp_path / "grey.mp4", [grey(90, 96, 96)] * 5)
    with pytest.raises(InputError, match="no face in 5 frames"):
        track_landmarks(path, tmp_path / "cache", tracker=tracker)
    assert len(follow_face(tracker, talking[:1], 25)) == 1
    with pytest.raises(InputError, match="no frame"):
        follow_face(tracker, [], 25)
    sound = write_media(tmp_path / "a.wav", [], sound=np.zeros(1600), sound_codec="pcm_s16le")
    with pytest.raises(InputError, match="no pictures"):
        track_landmarks(sound, tracker=tracker)


def test_the_same_face_is_followed_when_another_passes() -> None:
    """The followed one is the larger at first; the other grows and both cross the picture."""
    faces = [[(100 + 2 * k, 100, 80), (400 - 2 * k, 180, 50 + 2 * k)] for k in range(60)]
    track = follow_face(Painted(faces), numbered(60), 25)
    assert np.allclose(track.arkit[:, 0] * 1000, [100 + 2 * k for k in range(60)], atol=0.01)


def test_another_face_is_not_taken_for_the_lost_one_at_once() -> None:
    faces = [[(100, 100, 80), (400, 100, 60)] if k < 10 or k >= 20 else [(400, 100, 60)] for k in range(40)]
    assert follow_face(Painted(faces), numbered(40), 25).valid.tolist() == [not 10 <= k < 20 for k in range(40)]
    gone = [[(100, 100, 80)] if k < 10 else [(400, 100, 80)] for k in range(80)]
    valid = follow_face(Painted(gone), numbered(80), 25).valid
    assert not valid[10:34].any() and valid[36:].all(), "after a second it may come back anywhere"


def test_a_face_that_a_fresh_look_does_not_find_is_a_ghost() -> None:
    faces = [[(100.0, 100.0, 80.0)]] * 60
    tracker = Painted(faces, ghosts=set(range(17, 41)))
    track = follow_face(tracker, numbered(60), 25)
    assert track.valid.tolist() == [not 17 <= k < 41 for k in range(60)]
    assert tracker.restarts > 1, "what sees ghosts has to begin afresh"


def test_a_face_seen_twice_is_one() -> None:
    track = follow_face(Painted([[(100, 100, 80), (104, 100, 78)]] * 5), numbered(5), 25)
    assert (track.faces_seen == 1).all() and (track.rival == 0).all()


def test_cache_saves_the_work_and_a_killed_run_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "STRETCH_S", 0.4)
    path = write_media(tmp_path / "a.mkv", [grey(4 * k) for k in range(50)], video_codec="ffv1")
    faces = [[(100 + 0.3 * k, 90.0, 80.0)] for k in range(200)]
    whole = track_landmarks(path, tmp_path / "one", tracker=Painted(faces))
    killed = Painted(faces)
    killed.stop_at = 35
    with pytest.raises(KeyboardInterrupt):
        track_landmarks(path, tmp_path / "two", tracker=killed)
    resumed = Painted(faces)
    track = track_landmarks(path, tmp_path / "two", tracker=resumed)
    assert 15 <= resumed.frames <= 20, "only what was lost is done again"
    names = ("landmarks_px", "arkit", "confidence", "valid", "faces_seen", "rival")
    assert all(np.array_equal(getattr(track, name), getattr(whole, name)) for name in names)
    assert [p.suffix for p in (tmp_path / "two").iterdir()] == [".safetensors"]
    cached = Painted(faces)
    again = track_landmarks(path, tmp_path / "two", tracker=cached)
    assert cached.frames == 0 and np.array_equal(again.landmarks_px, track.landmarks_px)
    assert (again.fps, again.source, again.tracker) == (25, "a.mkv", "painted 1")
    other_rate = Painted(faces)
    assert len(track_landmarks(path, tmp_path / "two", fps=12.5, tracker=other_rate)) == 25 and other_rate.frames == 25


def test_a_video_that_lies_on_its_side_is_refused() -> None:
    lying = Painted([[(100.0, 100.0, 80.0)]] * 9)
    lying.shape[:, :2] = lying.shape[:, [1, 0]] * (-1, 1)
    with pytest.raises(InputError, match="lies on its side; expected an upright one; turn the video"):
        check_faces(follow_face(lying, numbered(9), 25), "a.mp4")


def test_track_is_saved_and_cut(tmp_path: Path) -> None:
    track = follow_face(Painted([[(100.0 + k, 100.0, 80.0)] for k in range(9)]), numbered(9), 29.97, "a.mp4")
    track.save(tmp_path / "t.safetensors")
    loaded = LandmarkTrack.load(tmp_path / "t.safetensors")
    assert loaded.fps == 29.97 and loaded.valid.dtype == bool
    assert np.array_equal(loaded.landmarks_px, track.landmarks_px)
    assert len(track[2:5]) == 3 and np.array_equal(track[2:5].arkit, track.arkit[2:5])
    (tmp_path / "t.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InputError):
        LandmarkTrack.load(tmp_path / "t.safetensors")


def test_model_file_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "official.task"
    source.write_bytes(b"the model")
    monkeypatch.setenv("TALKING_HEAD_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TALKING_HEAD_ASSETS", raising=False)
    official = replace(assets.LANDMARKER, url=source.as_uri(), sha256=sha256(source), wheel=None)
    monkeypatch.setattr(assets, "LANDMARKER", official)
    assert find_landmarker() is None
    cached = landmarker_path()
    assert cached == tmp_path / "home" / "assets" / "face_landmarker.task" and cached.read_bytes() == b"the model"
    source.unlink()
    assert landmarker_path() == find_landmarker() == cached, "fetched once"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "face_landmarker.task").write_bytes(b"mine")
    monkeypatch.setenv("TALKING_HEAD_ASSETS", str(tmp_path / "mine"))
    assert landmarker_path().read_bytes() == b"mine"
    assert landmarker_path(cached) == cached
    with pytest.raises(InputError, match="does not exist"):
        landmarker_path(tmp_path / "absent.task")


def test_missing_libraries_and_wrong_files_are_told_in_one_line(tmp_path: Path) -> None:
    told = explain_import(OSError("libGLESv2.so.2: cannot open shared object file: No such file or directory"))
    assert told is not None and "apt install libegl1 libgles2" in str(told)
    assert explain_import(OSError("disk on fire")) is None
    (tmp_path / "face_landmarker.task").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="does not load") as caught:
        face_tracker("mediapipe", tmp_path / "face_landmarker.task")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="mediapipe"):
        face_tracker("openpose")
    assert "mediapipe" in face_trackers()
