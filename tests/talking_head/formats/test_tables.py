"""npz and OpenFace-style CSV: read back by other code than wrote them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from foundation.errors import InputError
from preprocessing.tracking.openface import our_points_mm, our_rotation
from talking_head.formats.tables import read_npz, read_openface_motion, write_npz, write_openface
from tests.talking_head.formats.test_arkit import made_motion


def test_npz_comes_back_exactly_and_holds_no_pickle(tmp_path: Path) -> None:
    motion = made_motion()
    write_npz(motion, tmp_path / "a.npz")
    again = read_npz(tmp_path / "a.npz")
    assert np.array_equal(again.pack(), motion.pack()) and (again.fps, again.face_model) == (30.0, "mp478")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert file["arkit"].shape == (60, 52) and file["arkit_names"][24] == "jawOpen"


def test_another_npz_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", face=np.zeros((3, 71)))
    motion = made_motion()
    write_npz(motion, tmp_path / "b.npz")
    parts = dict(np.load(tmp_path / "b.npz"))
    np.savez(tmp_path / "b.npz", **(parts | {"blink": parts["blink"][:-1]}))
    np.savez(tmp_path / "c.npz", **(parts | {"blink": parts["blink"] * np.nan}))
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 broken")
    np.savez(tmp_path / "e.npz", **(parts | {"fps": np.inf}))
    np.savez(tmp_path / "f.npz", **(parts | {"expression": np.float32(3)}))
    for name in ("a.npz", "b.npz", "c.npz", "d.npz", "e.npz", "f.npz", "none.npz"):
        with pytest.raises(InputError):
            read_npz(tmp_path / name)


def test_a_single_frame_of_openface_columns_comes_back(tmp_path: Path) -> None:
    one = made_motion()[:1]
    write_openface(one, tmp_path / "a.csv")
    again, _ = read_openface_motion(tmp_path / "a.csv")
    assert len(again) == 1 and again.fps > 0
    np.testing.assert_allclose(again.rotation, one.rotation, atol=2e-6)
    np.testing.assert_allclose(again.translation, one.translation, atol=1e-3)


def test_openface_columns_mean_what_openface_means(tmp_path: Path) -> None:
    motion = made_motion()
    write_openface(motion, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))

    def read(*names: str) -> np.ndarray:
        return np.array([[float(row[name]) for name in names] for row in rows])

    assert np.allclose(our_rotation(read("pose_Rx", "pose_Ry", "pose_Rz")), motion.rotation, atol=2e-6)
    assert np.allclose(our_points_mm(read("pose_Tx", "pose_Ty", "pose_Tz")), motion.translation, atol=1e-3)
    assert read("pose_Tz").min() > 0  # in front of the camera
    assert np.allclose(read("AU45_r")[:, 0], motion.blink, atol=1e-3) and set(read("AU45_c")[:, 0]) == {0, 1}
    assert np.allclose(read("timestamp")[:, 0], np.arange(60) / 30, atol=1e-3) and read("frame")[0, 0] == 1
