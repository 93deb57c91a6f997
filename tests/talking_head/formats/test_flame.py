"""FLAME parameters, there and back, on a head of our own in FLAME's layout: no file of theirs is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from face_model import flame, mp478
from face_model.flame import FlamePose
from face_model.rotations import rotation_matrix
from face_model.tracks import FaceMotion
from face_model.transfer import flame_space
from foundation.errors import InputError
from motion_models.lips import lip_gap_mm
from talking_head.formats.flame import _model, is_flame, read_flame, write_flame
from tests.talking_head.formats.test_arkit import made_motion

EXPRESSIONS = 24


def write_toy_flame(path: Path) -> Path:
    """An npz in FLAME's layout: our mean head, our first expressions, a jaw that the lower face hangs on."""
    model = mp478.load()
    points = model.mean_mm.numpy().astype(np.float64)
    count = len(points)
    directions = np.zeros((count, 3, flame.SHAPE_SIZE + EXPRESSIONS))
    directions[:, :, flame.SHAPE_SIZE :] = model.expression_mm[:EXPRESSIONS].numpy().transpose(1, 2, 0)
    below = np.clip((-30 - points[:, 1]) / 25, 0, 1)
    weights = np.zeros((count, 5))
    weights[:, 2], weights[:, 1] = below, 1 - below
    regressor = np.zeros((5, count))
    regressor[:, [127, 356]] = 0.5  # all joints between the ears
    np.savez(
        path, v_template=points / 1000, shapedirs=directions / 1000, posedirs=np.zeros((count, 3, 36)),
        J_regressor=regressor, weights=weights, f=model.triangles.numpy().astype(np.uint32),
        kintree_table=np.array([[2**32 - 1, 0, 1, 1, 1], range(5)], np.uint32),
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_flame(tmp_path_factory.mktemp("flame") / "toy.npz")


def spoken() -> FaceMotion:
    """A motion within what the toy's expressions can do."""
    motion = made_motion(40)
    motion.expression[:, EXPRESSIONS:] = 0
    return motion


def test_parameters_come_back_as_the_motion(toy: Path, tmp_path: Path) -> None:
    motion = spoken()
    write_flame(motion, tmp_path / "a.npz", toy)
    assert is_flame(tmp_path / "a.npz") and not is_flame(toy)
    again = read_flame(tmp_path / "a.npz", toy)
    assert again.face_model == "mp478" and again.fps == motion.fps
    np.testing.assert_allclose(again.rotation, motion.rotation, atol=5e-3)
    np.testing.assert_allclose(again.translation, motion.translation, atol=2.0)
    np.testing.assert_array_equal(again.blink, motion.blink)
    gaps = [lip_gap_mm(mp478.load(), m.expression) for m in (motion, again)]
    assert np.corrcoef(*gaps)[0, 1] > 0.95 and np.ptp(gaps[1]) > 0.6 * np.ptp(gaps[0])


def test_flames_own_code_puts_the_head_where_the_motion_has_it(toy: Path, tmp_path: Path) -> None:
    model, _ = _model(toy)
    rng = np.random.default_rng(0)
    expression = np.zeros((3, EXPRESSIONS + 3))
    expression[:, :EXPRESSIONS], expression[:, EXPRESSIONS] = rng.normal(size=(3, EXPRESSIONS)), (0.0, 0.1, 0.2)
    turn, place = rng.normal(0, 0.2, (3, 3)), rng.normal(0, 50, (3, 3)) - [0, 0, 900]
    motion = FaceMotion(30, *(np.asarray(p, np.float32) for p in (expression, turn, place, np.zeros(3))), "flame")
    write_flame(motion, tmp_path / "a.npz", toy)
    with np.load(tmp_path / "a.npz") as file:
        read = {name: torch.from_numpy(np.asarray(file[name], np.float32)) for name in file.files}
    assert read["betas"].shape == (300,) and not read["neck_pose"].any()
    pose = FlamePose(read["global_orient"], read["neck_pose"], read["jaw_pose"], read["leye_pose"], read["reye_pose"])
    made_mm = model.vertices(read["betas"].expand(3, -1), read["expression"], pose) + 1000 * read["transl"][:, None]
    still = model.with_jaw(torch.zeros(3, 300), torch.tensor(motion.expression))
    expected = still @ rotation_matrix(torch.tensor(motion.rotation)).transpose(-1, -2)
    expected = expected + torch.tensor(motion.translation)[:, None]
    torch.testing.assert_close(made_mm, expected, atol=2e-2, rtol=0)
    assert len(flame_space(model).rest) == EXPRESSIONS + 3


def test_what_is_missing_is_told(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALKING_HEAD_FLAME", raising=False)
    with pytest.raises(InputError, match="flame.is.tue.mpg.de"):
        write_flame(spoken(), tmp_path / "a.npz")
    np.savez(tmp_path / "half.npz", jaw_pose=np.zeros((2, 3)))
    np.savez(
        tmp_path / "odd.npz", fps=30.0, expression=np.zeros((2, 5)), jaw_pose=np.zeros((3, 3)),
        global_orient=np.zeros((2, 3)), transl=np.zeros((2, 3)),
    )  # fmt: skip
    for name, words in (("half", "such a file"), ("odd", "shapes")):
        with pytest.raises(InputError, match=words):
            read_flame(tmp_path / f"{name}.npz", toy)
