"""Files of the published FACIAL code: what they draw, there and back, and the real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from face_model import deng
from face_model.morphable_model import rotate
from face_model.published_facial import camera, read_fit, read_motion, write_fit, write_motion
from face_model.tracks import FaceMotion
from foundation.errors import InputError


def rows(count: int = 20) -> np.ndarray:
    rng = np.random.default_rng(0)
    pose = rng.normal((2, -3, 5, 169, -4, -24), (2, 3, 3, 1, 15, 7), (count, 6))
    return np.concatenate([pose, rng.uniform(0, 5, (count, 1)), rng.normal(0, 0.3, (count, 64))], axis=1)


def plain_pixels(points_dm: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Pixel indices `[V, 2]` where the published renderer draws points, step by step."""
    x, y, z = np.deg2rad(row[:3])
    turn_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    turn_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    turn_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    placed = row[3] * points_dm @ (turn_z @ turn_y @ turn_x).T
    return np.stack([placed[:, 0] + row[4] + 256, 512 - (placed[:, 1] + row[5] + 256) - 1], axis=1)


def drawn(motion: FaceMotion, points_mm: np.ndarray) -> np.ndarray:
    head = torch.from_numpy(points_mm.astype(np.float32)).expand(len(motion), -1, -1)
    turned = rotate(head, torch.from_numpy(motion.rotation))
    return camera().project(turned, torch.from_numpy(motion.translation))[0].numpy()


def test_every_point_is_drawn_where_the_published_renderer_draws_it(tmp_path: Path) -> None:
    """Also about another origin, as the model that `deng.load` centres has it."""
    values, points_dm = rows(), np.random.default_rng(1).normal(0, 0.7, (30, 3))
    np.savez(tmp_path / "m.npz", face=values)
    expected = np.stack([plain_pixels(points_dm, row) for row in values]) + 0.5  # an index names a pixel's centre
    np.testing.assert_allclose(drawn(read_motion(tmp_path / "m.npz"), 100 * points_dm), expected, atol=2e-3)
    centre_mm = np.array([3.0, -12.0, 40.0])
    moved = read_motion(tmp_path / "m.npz", centre_mm=centre_mm)
    np.testing.assert_allclose(drawn(moved, 100 * points_dm - centre_mm), expected, atol=2e-3)


def test_motions_go_out_as_they_came_in(tmp_path: Path) -> None:
    values, centre_mm = rows(), np.array([3.0, -12.0, 40.0])
    statistics = values[:, :6].mean(0), values[:, :6].std(0)
    scored = values.copy()
    scored[:, :6] = (values[:, :6] - statistics[0]) / statistics[1]
    np.savez(tmp_path / "scored.npz", face=scored)
    motion = read_motion(tmp_path / "scored.npz", statistics=statistics, centre_mm=centre_mm)
    write_motion(tmp_path / "plain.npz", motion, centre_mm=centre_mm)
    np.testing.assert_allclose(np.load(tmp_path / "plain.npz")["face"], values, atol=2e-4)
    write_motion(tmp_path / "again.npz", motion, statistics, centre_mm)
    np.testing.assert_allclose(np.load(tmp_path / "again.npz")["face"], scored, atol=2e-4)
    with pytest.raises(InputError, match="z-scored"):
        read_motion(tmp_path / "scored.npz")
    with pytest.raises(InputError, match="mp478"):
        write_motion(tmp_path / "x.npz", FaceMotion.unpack(np.ones((2, 71))))


def test_a_fit_gives_person_statistics_and_motion(tmp_path: Path) -> None:
    values = rows()
    rng = np.random.default_rng(2)
    face = np.concatenate([values[:, :6], np.ones((20, 1)), values[:, 7:], rng.normal(0, 1, (20, 187))], axis=1)
    np.savez(tmp_path / "fit.npz", face=face)
    fit = read_fit(tmp_path / "fit.npz")
    np.testing.assert_allclose(fit.pose_statistics()[1], values[:, :6].std(0))
    np.testing.assert_allclose(fit.person().identity, face[0, 71:151], rtol=1e-6)
    np.testing.assert_allclose(fit.person().texture, face[0, 151:231], rtol=1e-6)
    np.testing.assert_allclose(fit.person().illumination[:10] - face[0, 231:241], [0.8] + [0] * 8 + [0.8], atol=1e-6)
    np.savez(tmp_path / "m.npz", face=values)
    one, other = fit.motion(values[:, 6]), read_motion(tmp_path / "m.npz")
    np.testing.assert_array_equal(one.pack(), other.pack())
    write_fit(tmp_path / "again.npz", fit)
    np.testing.assert_array_equal(np.load(tmp_path / "again.npz")["face"], face)
    with pytest.raises(InputError, match="258"):
        read_fit(tmp_path / "m.npz")


def test_the_real_motion_is_a_head_that_talks(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "facial/obama2_motion.npz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    motion = read_motion(path)
    assert len(motion) == 731 and motion.face_model == deng.ID
    assert np.abs(np.rad2deg(motion.rotation)).max() < 15, "degrees: a speaker's nods and turns"
    # A face 146 mm wide must span about half of the 512 pixels in which it was cropped, and sway by millimetres.
    across_px = 146 * camera().focal_px / -motion.translation[:, 2]
    assert ((across_px > 230) & (across_px < 265)).all()
    assert motion.translation[:, 0].std() < 15 and 0.3 < float(motion.blink.max()) < 5
    write_motion(tmp_path / "out.npz", motion)
    np.testing.assert_allclose(np.load(tmp_path / "out.npz")["face"], np.load(path)["face"], atol=3e-4)
