"""Deng's model and coefficients against a plain implementation, on a file of the true layout with random content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from face_model import deng
from face_model.illumination import shading
from face_model.morphable_model import rotate
from face_model.tracks import FaceMotion
from foundation.errors import InputError

COUNT, TRIANGLES = 90, 150


def front_model(seed: int = 0) -> dict[str, np.ndarray]:
    """Content of a `BFM_model_front.mat`, small."""
    rng = np.random.default_rng(seed)
    corners = np.array([rng.choice(COUNT, 3, replace=False) for _ in range(TRIANGLES)]) + 1
    corners[: COUNT // 3] = rng.permutation(COUNT).reshape(-1, 3) + 1  # each vertex has a triangle
    buffer = np.full((COUNT, 8), TRIANGLES + 1)  # one past the end: none
    kept = []
    room = np.zeros(COUNT, int)
    for corner in corners:
        if (room[corner - 1] < 8).all():
            kept.append(corner)
            for vertex in corner - 1:
                buffer[vertex, room[vertex]] = len(kept)
                room[vertex] += 1
    buffer[buffer == TRIANGLES + 1] = len(kept) + 1
    return {
        "meanshape": rng.normal(0, 0.6, (1, 3 * COUNT)), "idBase": rng.normal(0, 0.02, (3 * COUNT, 80)),
        "exBase": rng.normal(0, 0.02, (3 * COUNT, 64)), "meantex": rng.uniform(60, 200, (1, 3 * COUNT)),
        "texBase": rng.normal(0, 3, (3 * COUNT, 80)), "tri": np.array(kept), "point_buf": buffer,
        "keypoints": rng.choice(COUNT, (1, 68), replace=False) + 1, "tri_mask2": np.array(kept)[:20],
    }


def plain_reconstruction(m: dict[str, np.ndarray], c: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of the 68 keypoints, all camera depths, shaded colours (0-255) of one row of 257, step by step."""
    identity, expression, texture, angles = c[:80], c[80:144], c[144:224], c[224:227]
    gamma, shift = c[227:254].reshape(3, 9) + 0.8 * np.eye(1, 9), c[254:257]
    shape = (m["idBase"] @ identity + m["exBase"] @ expression + m["meanshape"][0]).reshape(-1, 3)
    shape = shape - m["meanshape"].reshape(-1, 3).mean(0)
    (x, y, z), ones = angles, np.eye(3)
    turn_x, turn_y, turn_z = ones.copy(), ones.copy(), ones.copy()
    turn_x[1:, 1:] = [[np.cos(x), -np.sin(x)], [np.sin(x), np.cos(x)]]
    turn_y[::2, ::2] = [[np.cos(y), np.sin(y)], [-np.sin(y), np.cos(y)]]
    turn_z[:2, :2] = [[np.cos(z), -np.sin(z)], [np.sin(z), np.cos(z)]]
    turn = (turn_z @ turn_y @ turn_x).T
    turned = shape @ turn + shift
    depth = 10 - turned[:, 2]
    flat = turned[:, :2] * 1015 / depth[:, None] + 112
    flat[:, 1] = 224 - flat[:, 1]
    v1, v2, v3 = (shape[m["tri"][:, k] - 1] for k in range(3))
    of_faces = np.concatenate([np.cross(v1 - v2, v2 - v3), np.zeros((1, 3))])
    normals = of_faces[m["point_buf"] - 1].sum(1)
    nx, ny, nz = (normals / np.linalg.norm(normals, axis=1, keepdims=True) @ turn).T
    a, b = 2 * np.pi / np.sqrt(3) * np.sqrt(3) / np.sqrt(4 * np.pi), np.pi / np.sqrt(4 * np.pi)
    d = 2 * np.pi / np.sqrt(8) * 3 * np.sqrt(5) / np.sqrt(12 * np.pi)
    bands = [b + 0 * nx, -a * ny, a * nz, -a * nx, d * nx * ny, -d * ny * nz]
    bands += [d * 0.5 / np.sqrt(3) * (3 * nz**2 - 1), -d * nx * nz, d * 0.5 * (nx**2 - ny**2)]
    albedo = (m["texBase"] @ texture + m["meantex"][0]).reshape(-1, 3)
    return flat[m["keypoints"][0] - 1], depth, albedo * (np.stack(bands, 1) @ gamma.T)


def coefficients(frames: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (frames, 257))
    values[:, 224:227] = rng.uniform(-0.6, 0.6, (frames, 3))
    values[:, 227:254] *= 0.1
    values[:, 254:] *= 0.2
    return values.astype(np.float32)


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    scipy.io.savemat(tmp_path / "BFM_model_front.mat", front_model())
    return tmp_path / "BFM_model_front.mat"


def test_landmarks_depth_and_colours_are_the_plain_ones(model_path: Path) -> None:
    face = deng.load(model_path).model
    for row in coefficients(4):
        pixels, depth_dm, colours = plain_reconstruction(front_model(), row.astype(np.float64))
        one = deng.DengCoefficients.unpack(row[None])
        motion, person = one.motion(30), one.person()
        neutral = face.shape(torch.from_numpy(person.identity))
        head = face.vertices(neutral, torch.from_numpy(motion.expression[0]), torch.tensor(0.0))
        turned = rotate(head, torch.from_numpy(motion.rotation[0]))
        ours_px, z_mm = deng.camera().project(turned, torch.from_numpy(motion.translation[0]))
        np.testing.assert_allclose(ours_px[face.index_sets["landmarks68"]].numpy(), pixels, atol=2e-3)
        np.testing.assert_allclose(-z_mm.numpy(), 100 * depth_dm, atol=2e-3)
        light = shading(face.normals(turned), torch.from_numpy(person.illumination))
        ours = 255 * face.albedo_of(torch.from_numpy(person.texture)) * light
        np.testing.assert_allclose(ours.numpy(), colours, atol=0.02)


def test_the_flat_vector_and_the_tracks_hold_the_same(model_path: Path) -> None:
    values = coefficients(6)
    values[:, :80], values[:, 144:224], values[:, 227:254] = values[0, :80], values[0, 144:224], values[0, 227:254]
    parts = deng.DengCoefficients.unpack(values)
    np.testing.assert_array_equal(parts.pack(), values)
    again = deng.DengCoefficients.of(parts.motion(25), parts.person()).pack()
    np.testing.assert_allclose(again, values, atol=2e-6)
    with pytest.raises(InputError, match="mp478"):
        deng.DengCoefficients.of(FaceMotion.unpack(np.zeros((2, 71))), parts.person())
    with pytest.raises(InputError, match="257"):
        deng.DengCoefficients.unpack(values[:, :256])


def test_coefficient_files_of_every_kind_say_the_same(tmp_path: Path) -> None:
    values = coefficients(12)
    parts = deng.DengCoefficients.unpack(values)
    for name in ("a.mat", "a.npz"):
        deng.write_coefficients(tmp_path / name, parts)
        np.testing.assert_array_equal(deng.read_coefficients(tmp_path / name).pack(), values)
    (tmp_path / "frames").mkdir()
    for index, row in enumerate(values):  # unpadded numbers: 10 sorts before 2 as text
        scipy.io.savemat(tmp_path / f"frames/{index + 1}.mat", {"coeff": row[None], "lm_5p": np.zeros((5, 2))})
    np.testing.assert_array_equal(deng.read_coefficients(tmp_path / "frames").pack(), values)
    cuts = np.split(values, [80, 144, 224, 227, 254], axis=1)
    later = dict(zip(("id", "exp", "tex", "angle", "gamma", "trans"), cuts, strict=True))
    scipy.io.savemat(tmp_path / "later.mat", later)
    np.testing.assert_array_equal(deng.read_coefficients(tmp_path / "later.mat").pack(), values)
    np.savez(tmp_path / "gathered.npz", face=values)
    np.testing.assert_array_equal(deng.read_coefficients(tmp_path / "gathered.npz").pack(), values)


def test_damage_is_told_in_one_line(tmp_path: Path, model_path: Path) -> None:
    content = front_model()
    scipy.io.savemat(tmp_path / "short.mat", content | {"exBase": content["exBase"][:, :60]})
    with pytest.raises(InputError, match="exBase"):
        deng.load(tmp_path / "short.mat")
    content.pop("texBase")
    scipy.io.savemat(tmp_path / "lacks.mat", content)
    with pytest.raises(InputError, match="texBase.*transferBFM09"):
        deng.load(tmp_path / "lacks.mat")
    (tmp_path / "cut.mat").write_bytes(model_path.read_bytes()[:3000])
    with pytest.raises(InputError, match="cut.mat"):
        deng.load(tmp_path / "cut.mat")
    np.savez(tmp_path / "objects.npz", coeff=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="plain arrays"):
        deng.read_coefficients(tmp_path / "objects.npz")
