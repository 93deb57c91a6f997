"""Tables of other trackers against files made by a plain implementation of what those trackers write."""

from __future__ import annotations

from math import cos, sin
from pathlib import Path

import numpy as np
import pytest
import torch

from face_model.cameras import PinholeCamera
from face_model.morphable_model import rotate
from face_model.mp478 import load
from face_model.rotations import geodesic_degrees
from face_model.tracks import FaceTrack
from foundation.errors import InputError
from preprocessing.tracking.layouts import STEADY
from preprocessing.tracking.openface import read_openface
from preprocessing.tracking.pyfeat import read_pyfeat

WIDTH, HEIGHT, FRAMES = 640, 360, 12
FOCAL = (500 * 640 / 640 + 500 * 360 / 480) / 2


def openface_turn(x: float, y: float, z: float) -> np.ndarray:
    """Rx Ry Rz, each written out, right-handed in a frame of x right, y down, z away."""
    turn_x = [[1, 0, 0], [0, cos(x), -sin(x)], [0, sin(x), cos(x)]]
    turn_y = [[cos(y), 0, sin(y)], [0, 1, 0], [-sin(y), 0, cos(y)]]
    turn_z = [[cos(z), -sin(z), 0], [sin(z), cos(z), 0], [0, 0, 1]]
    return np.array(turn_x) @ np.array(turn_y) @ np.array(turn_z)


class Recording:
    """What OpenFace would write of a known head: angles, shifts, 68 points of a shape with y down and z away."""

    def __init__(self, shape: np.ndarray | None = None) -> None:
        rng = np.random.default_rng(0)
        points = rng.uniform(-60, 60, (68, 3))
        self.shape = points if shape is None else shape
        self.angles = rng.uniform(-0.5, 0.5, (FRAMES, 3))
        self.shift = rng.uniform((-80, -50, 500), (80, 50, 800), (FRAMES, 3))
        self.blink = rng.uniform(0, 5, FRAMES)
        self.points = np.stack(
            [self.shape @ openface_turn(*a).T + s for a, s in zip(self.angles, self.shift, strict=True)]
        )
        self.pixels = FOCAL * self.points[..., :2] / self.points[..., 2:] + (WIDTH / 2, HEIGHT / 2)

    def write(
        self, path: Path, separator: str = ",", three_d: bool = True, rows: range = range(FRAMES), **more: str
    ) -> Path:
        names = ["frame", *more, "timestamp", "confidence", "success", *(f"pose_{k}{c}" for k in "TR" for c in "xyz")]
        names += [f"{c}_{i}" for c in "xy" for i in range(68)]
        names += [f"{c}_{i}" for c in "XYZ" for i in range(68)] if three_d else []
        names += ["AU45_r", "AU45_c"]
        lines = [separator.join(names)]
        for t in rows:
            numbers = [t / 25, 0.9, 1, *self.shift[t], *self.angles[t], *self.pixels[t].T.ravel()]
            numbers += [*self.points[t].T.ravel()] if three_d else []
            cells = [str(t + 1), *more.values(), *(f"{v:.8g}" for v in (*numbers, self.blink[t], 1))]
            lines.append(separator.join(cells))
        path.write_text("\n".join(lines) + "\n")
        return path


def projected(track: FaceTrack, shape_openface: np.ndarray) -> np.ndarray:
    """The head shape through the track's own pose and camera: `[T, 68, 2]` pixels."""
    shape_mm = torch.from_numpy((shape_openface * (1, -1, -1)).astype(np.float32))
    pose = torch.from_numpy(track.motion.rotation), torch.from_numpy(track.motion.translation)
    return track.camera.project(rotate(shape_mm.expand(len(track), -1, -1), pose[0]), pose[1])[0].numpy()


@pytest.mark.parametrize("separator", [",", ", "])
@pytest.mark.parametrize("three_d", [True, False])
def test_its_landmarks_are_where_our_camera_projects_its_head(tmp_path: Path, separator: str, three_d: bool) -> None:
    """Frames, signs, order of the turns, units and half a pixel at once: pose, camera and landmarks must agree."""
    recording = Recording()
    path = recording.write(tmp_path / "a.csv", separator, three_d)
    track = read_openface(path, size_px=None if three_d else (WIDTH, HEIGHT))
    np.testing.assert_allclose(projected(track, recording.shape), track.landmarks_px[..., :2], atol=0.01)
    np.testing.assert_allclose(track.landmarks_px[..., :2], recording.pixels + 0.5, atol=1e-3)
    assert (track.camera.width_px, track.camera.height_px) == (WIDTH, HEIGHT)
    assert track.camera.focal_px == pytest.approx(FOCAL, abs=0.01)
    assert track.motion.fps == pytest.approx(25) and track.valid.all()
    np.testing.assert_allclose(track.motion.blink, recording.blink, atol=1e-5)
    assert (track.motion.translation[:, 2] < 0).all()


def test_nearer_landmarks_have_larger_z(tmp_path: Path) -> None:
    recording = Recording()
    track = read_openface(recording.write(tmp_path / "a.csv"))
    expected = (recording.shift[:, None, 2] - recording.points[..., 2]) * FOCAL / recording.shift[:, None, 2]
    np.testing.assert_allclose(track.landmarks_px[..., 2], expected, atol=1e-3)


def test_faces_are_told_apart_by_number_and_missing_frames_are_not_valid(tmp_path: Path) -> None:
    recording, other = Recording(), Recording()
    other.pixels = other.pixels + 100
    first = recording.write(tmp_path / "a.csv", face_id="0").read_text().splitlines()
    second = other.write(tmp_path / "b.csv", rows=range(3), face_id="1").read_text().splitlines()
    (tmp_path / "c.csv").write_text("\n".join([first[0], *second[1:], *first[1:5], *first[7:]]) + "\n")
    track = read_openface(tmp_path / "c.csv")
    assert len(track) == FRAMES and np.flatnonzero(~track.valid).tolist() == [4, 5]
    np.testing.assert_allclose(track.landmarks_px[0, :, :2], recording.pixels[0] + 0.5, atol=1e-3)
    np.testing.assert_allclose(track.motion.blink[4], (2 * recording.blink[3] + recording.blink[6]) / 3, atol=1e-4)


def test_failed_frames_are_interpolated_never_zeros(tmp_path: Path) -> None:
    lines = Recording().write(tmp_path / "a.csv", three_d=False).read_text().splitlines()
    cells = lines[3].split(",")
    cells[2:] = ["0"] * len(cells[2:])
    lines[3] = ",".join(cells)
    (tmp_path / "a.csv").write_text("\n".join(lines))
    track = read_openface(tmp_path / "a.csv", size_px=(WIDTH, HEIGHT))
    assert not track.valid[2] and track.valid.sum() == FRAMES - 1 and track.confidence[2] == 0
    np.testing.assert_allclose(track.motion.translation[2], track.motion.translation[[1, 3]].mean(0), rtol=1e-5)


def test_the_track_survives_its_file_and_cuts(tmp_path: Path) -> None:
    track = read_openface(Recording().write(tmp_path / "a.csv"))
    track.save(tmp_path / "t.safetensors")
    again = FaceTrack.load(tmp_path / "t.safetensors")[2:5]
    np.testing.assert_array_equal(again.motion.rotation, track.motion.rotation[2:5])
    assert again.motion.expression.shape == (3, 0) and again.arkit.shape == (3, 0)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = Recording().write(tmp_path / "a.csv", three_d=False)
    with pytest.raises(InputError, match="3D landmarks"):
        read_openface(path)
    text = path.read_text()
    path.write_text(text.replace("AU45", "AU99"))
    with pytest.raises(InputError, match="-aus"):
        read_openface(path, size_px=(WIDTH, HEIGHT))
    path.write_text(text[: len(text) - 700])
    with pytest.raises(InputError, match="line 13"):
        read_openface(path, size_px=(WIDTH, HEIGHT))


def test_pyfeat_pose_comes_from_its_landmarks_and_blink_from_au43(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    camera = PinholeCamera.for_size(WIDTH, HEIGHT)
    rotation = torch.from_numpy(rng.uniform(-0.4, 0.4, (5, 3)))
    translation = torch.tensor([30.0, -20.0, -1800.0], dtype=torch.float64).expand(5, 3)
    head = load().mean_mm.double()[list(STEADY.values())]
    seen = camera.project(rotate(head.expand(5, -1, -1), rotation), translation)[0].numpy()
    pixels = rng.uniform(0, 300, (5, 68, 2))
    pixels[:, list(STEADY)] = seen - 0.5
    closed = rng.uniform(0, 1, 5)
    points = [f"{c}_{i}" for c in "xy" for i in range(68)]
    lines = [",".join(["FaceRectWidth", "FaceScore", *points, "AU43", "input", "frame"])]
    for t in range(5):
        cells = [f"{v:.6f}" for v in (*pixels[t].T.ravel(), closed[t])]
        lines.append(",".join(["90", "0.99", *cells, "x.mp4", str(2 * t)]))
    lines[3] = ",".join(["", "", *[""] * 136, "", "x.mp4", "4"])
    lines.append(",".join(["20", "0.99", *["5.0"] * 136, "0.5", "x.mp4", "0"]))  # a smaller face behind
    (tmp_path / "f.csv").write_text("\n".join(lines))
    track = read_pyfeat(tmp_path / "f.csv", fps=30, size_px=(WIDTH, HEIGHT))
    assert track.motion.fps == 15 and track.valid.tolist() == [True, True, False, True, True]
    assert geodesic_degrees(track.motion.rotation, rotation.numpy())[track.valid].max() < 0.1
    np.testing.assert_allclose(track.motion.translation[track.valid], translation.numpy()[track.valid], atol=3)
    np.testing.assert_allclose(track.motion.blink[track.valid], 5 * closed[track.valid], atol=1e-4)
