"""face-alignment as a tracker, with a stand-in for its package that sees a head of known pose and lids."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.cameras import PinholeCamera
from face_model.morphable_model import rotate
from face_model.rotations import geodesic_degrees
from face_model.tracks import FaceTrack
from foundation.errors import InputError
from preprocessing.tracking import face_tracker, follow_face
from preprocessing.tracking.face_alignment_tracker import WEIGHTS
from preprocessing.tracking.layouts import MP478, POINTS68
from preprocessing.tracking.measuring import Choice, measure, trackers
from preprocessing.tracking.points68 import track_of_points68
from tests.preprocessing.making import grey, write_media

WIDTH, HEIGHT, FRAMES, FPS = 160, 96, 50, 25
LOST = range(20, 24)
# Beside the steady points: lids and lips, from the vertices of mp478 that mean about the same.
SAME = dict(zip(POINTS68.skull, POINTS68.skull_mp478, strict=True)) | {
    37: 160, 41: 144, 38: 158, 40: 153, 43: 385, 47: 380, 44: 387, 46: 373, 61: 82, 67: 87, 62: 13, 66: 14, 63: 312,
    65: 317, 48: 61, 54: 291,
}


class Head:
    """A mean head that turns and blinks: its 68 points `[T, 68, 3]` in pixels, larger z nearer."""

    def __init__(self) -> None:
        rng, time = np.random.default_rng(0), np.linspace(0, 2 * np.pi, FRAMES)
        self.rotation = np.stack([0.2 * np.sin(time), 0.4 * np.sin(2 * time), 0.1 * np.cos(time)], axis=1)
        self.translation = np.stack([30 * np.cos(time), 10 * np.sin(time), -1800 + 60 * np.sin(time)], axis=1)
        self.blink = np.zeros(FRAMES)
        self.blink[[10, 11, 12, 35, 36, 37]] = [2.5, 5, 2.5, 2.5, 5, 2.5]
        model, camera = mp478.load(), PinholeCamera.for_size(WIDTH, HEIGHT)
        blink = torch.from_numpy(self.blink.astype(np.float32))
        shape = model.vertices(model.mean_mm, torch.zeros(FRAMES, 64), blink).double()
        turned = rotate(shape, torch.from_numpy(self.rotation))
        shift = torch.from_numpy(self.translation)
        pixels, _ = camera.project(turned, shift)
        depth = turned[..., 2] * camera.scale(turned, shift)
        seen = torch.cat([pixels, depth[..., None]], dim=-1).numpy()
        self.points = rng.uniform(40, 60, (FRAMES, 68, 3))
        self.points[:, list(SAME)] = seen[:, list(SAME.values())]


class Package(types.ModuleType):
    """What of `face_alignment` is used. A frame's grey level tells its number; the points are given as the package
    gives them: half a pixel less than ours.
    """

    __version__ = "1.5.0"

    def __init__(self, head: Head) -> None:
        super().__init__("face_alignment")
        self.made: list[dict[str, Any]] = []
        self.looks = 0
        package = self

        class FaceAlignment:
            def __init__(self, kind: int, **options: Any) -> None:
                torch.backends.cudnn.benchmark = True  # as the real one does for CUDA
                package.made.append({"kind": kind, **options})

            def get_landmarks_from_image(self, image: np.ndarray) -> list[np.ndarray] | None:
                package.looks += 1
                number = round(float(image.mean()) / 4)
                if number in LOST or number >= FRAMES:
                    warnings.warn("No faces were detected.", stacklevel=2)
                    return None
                return [(head.points[number] - (0.5, 0.5, 0)).astype(np.float32)]

        self.FaceAlignment = FaceAlignment
        self.LandmarksType = types.SimpleNamespace(THREE_D=3)


def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face_alignment", None)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TORCH_HOME with files of the weights' names."""
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    for name in WEIGHTS:
        (folder / name).write_bytes(name.encode())
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return folder


@pytest.fixture
def head() -> Head:
    return Head()


@pytest.fixture
def package(head: Head, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    package = Package(head)
    monkeypatch.setitem(sys.modules, "face_alignment", package)
    return package


def pictures(count: int = FRAMES) -> Iterator[np.ndarray]:
    return (grey(4 * k, HEIGHT, WIDTH) for k in range(count))


def check(track: FaceTrack, head: Head) -> None:
    seen = track.valid
    assert seen.tolist() == [k not in LOST for k in range(FRAMES)]
    error = geodesic_degrees(track.motion.rotation, head.rotation)
    still = seen & (head.blink == 0)  # lids that close take the eyes' corners along
    assert error[still].max() < 0.1 and error[seen].max() < 2
    np.testing.assert_allclose(track.motion.translation[still], head.translation[still], atol=4)
    assert np.corrcoef(track.motion.blink[seen], head.blink[seen])[0, 1] > 0.97
    assert track.motion.blink[[11, 36]].min() > 4 and np.median(track.motion.blink) < 0.7
    assert track.motion.face_model == "landmarks68" and track.motion.expression.shape == (FRAMES, 0)
    assert track.landmarks_px.shape == (FRAMES, 68, 3) and track.arkit.shape == (FRAMES, 0)
    np.testing.assert_allclose(track.landmarks_px[seen], head.points[seen], atol=1e-3)
    assert (track.landmarks_px[seen, 30, 2] > track.landmarks_px[seen, 36, 2]).all(), "the nose is nearer than an eye"


def test_pose_and_blink_of_a_known_head(package: Package, head: Head) -> None:
    tracker = face_tracker("face_alignment")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        landmarks = follow_face(tracker, pictures(), FPS, "a.mp4")
    check(track_of_points68(landmarks), head)
    assert landmarks.confidence[landmarks.valid].min() > 0.9 and (landmarks.confidence[list(LOST)] == 0).all()
    assert package.looks == FRAMES + 1, "a frame is looked at twice only when the face is lost in the next"


def test_lost_frames_lie_between_their_neighbours(package: Package, head: Head) -> None:
    track = track_of_points68(follow_face(face_tracker("face_alignment"), pictures(), FPS))
    middle = track.motion.rotation[[LOST[0] - 1, LOST[-1] + 1]].mean(0)
    np.testing.assert_allclose(track.motion.rotation[list(LOST)].mean(0), middle, atol=1e-5)


def test_the_package_neither_compiles_nor_times_nor_chooses_afresh(package: Package) -> None:
    before = torch.backends.cudnn.benchmark
    face_tracker("face_alignment")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    assert package.made == [{"kind": 3, "device": device, "compile": False, "flip_input": True}]
    assert torch.backends.cudnn.benchmark == before


def test_other_weights_are_another_version(package: Package, weights: Path) -> None:
    first = face_tracker("face_alignment").version
    assert first.startswith("1.5.0-") and face_tracker("face_alignment").version == first
    (weights / WEIGHTS[1]).write_bytes(b"others")
    assert face_tracker("face_alignment").version != first


def test_a_video_is_measured_once(package: Package, head: Head, tmp_path: Path) -> None:
    video = write_media(tmp_path / "a.mkv", list(pictures()), fps=FPS, video_codec="ffv1")
    for _ in range(2):
        measured = measure(video, tmp_path / "out", Choice.parse("face-alignment"))
        assert measured.track is not None
        check(measured.track, head)
    assert package.looks == FRAMES + 1


def test_the_product_tracks_with_it_and_reports(package: Package, head: Head, tmp_path: Path) -> None:
    from talking_head.enrollment.tracking import track

    video = write_media(tmp_path / "a.mkv", list(pictures()), fps=FPS, video_codec="ffv1")
    result = track(video, tmp_path / "out", tracker="face_alignment")
    check(FaceTrack.load(result.track_path), head)
    assert "blinks" in result.report_path.read_text()


def test_without_package_or_weights_one_line_tells(
    weights: Path, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_package(monkeypatch)
    with pytest.raises(InputError, match=r"pip install .*face-alignment") as caught:
        face_tracker("face_alignment")
    assert "\n" not in str(caught.value)
    package = Package(head)
    monkeypatch.setitem(sys.modules, "face_alignment", package)
    (weights / WEIGHTS[2]).unlink()
    with pytest.raises(InputError, match=rf"{WEIGHTS[2]}.*TORCH_HOME"):
        face_tracker("face_alignment")
    assert not package.made, "the package would have fetched them"
    with pytest.raises(InputError, match="no file"):
        face_tracker("face_alignment", Path("x.pth"))


def test_names_are_read_and_listed() -> None:
    assert Choice.parse("mediapipe") == Choice("mediapipe", None)
    assert Choice.parse("face-alignment").name == "face_alignment"
    assert Choice.parse("openface:C:/a b.csv").file == Path("C:/a b.csv")
    for wrong in ("openpose", "", "pyfeat:"):
        with pytest.raises(InputError) as caught:
            Choice.parse(wrong)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError) as caught:
        Choice.parse("openpose")
    assert all(name in str(caught.value) for name in trackers())
    assert set(trackers()) == {"mediapipe", "face_alignment", "openface", "pyfeat"}


def test_the_five_points_of_both_layouts_are_the_same_places() -> None:
    shape = mp478.load().mean_mm.numpy()
    points = np.zeros((68, 3), np.float32)
    points[list(SAME)] = shape[list(SAME.values())]
    np.testing.assert_allclose(POINTS68.five_points(points), MP478.five_points(shape), atol=1e-4)
