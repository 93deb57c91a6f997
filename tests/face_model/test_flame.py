"""FLAME on a file of the true layout with random content, against a plain one; pickles that would run code."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from face_model import flame
from face_model.flame import FlamePose
from foundation.errors import InputError

COUNT = 40
PARENTS = (-1, 0, 1, 1, 1)


def content(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    regressor = rng.uniform(0, 1, (5, COUNT)) * (rng.uniform(0, 1, (5, COUNT)) < 0.3)
    weights = rng.uniform(0, 1, (COUNT, 5))
    return {
        "v_template": rng.normal(0, 0.1, (COUNT, 3)), "shapedirs": rng.normal(0, 0.003, (COUNT, 3, 400)),
        "posedirs": rng.normal(0, 0.002, (COUNT, 3, 36)), "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True), "f": rng.integers(0, COUNT, (60, 3)).astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(5)], np.uint32),
    }


def rodrigues(turn: np.ndarray) -> np.ndarray:
    angle = np.linalg.norm(turn)
    if angle == 0:
        return np.eye(3)
    x, y, z = turn / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def plain_skinning(m: dict[str, np.ndarray], betas: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Vertices in metres with 4x4 matrices, one vertex after the other."""
    shaped = m["v_template"] + m["shapedirs"] @ betas
    joints = m["J_regressor"] @ shaped
    turns = [rodrigues(t) for t in pose.reshape(5, 3)]
    posed = shaped + m["posedirs"] @ np.concatenate([(r - np.eye(3)).ravel() for r in turns[1:]])
    world: list[np.ndarray] = []
    for j, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = turns[j]
        local[:3, 3] = joints[j] - (joints[parent] if parent >= 0 else 0)
        world.append(world[parent] @ local if parent >= 0 else local)
    out = []
    for v, weight in zip(posed, m["weights"], strict=True):
        total = np.zeros(4)
        for j in range(5):
            away = np.eye(4)
            away[:3, 3] = -joints[j]
            total += weight[j] * world[j] @ away @ np.append(v, 1)
        out.append(total[:3])
    return np.array(out)


@pytest.fixture
def generic_pkl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As released: protocol 2, the regressor sparse by columns under scipy's old name, directions a chumpy object."""
    chumpy, module, sparse = (types.ModuleType(name) for name in ("chumpy", "chumpy.ch", "scipy.sparse.csc"))

    class Ch:
        def __init__(self, x: np.ndarray) -> None:
            self.x, self._dirty_vars, self._itr = x, {"x"}, None

    class csc_matrix:  # noqa: N801 (the name in the file)
        def __init__(self, matrix: scipy.sparse.csc_matrix) -> None:
            self.format, self._shape, self.maxprint = "csc", matrix.shape, 50
            self.data, self.indices, self.indptr = matrix.data, matrix.indices, matrix.indptr

    for kind, home in ((Ch, module), (csc_matrix, sparse)):
        kind.__module__, kind.__qualname__ = home.__name__, kind.__name__
        setattr(home, kind.__name__, kind)
    chumpy.ch = module  # type: ignore[attr-defined]
    with monkeypatch.context() as patched:
        for home in (chumpy, module, sparse):
            patched.setitem(sys.modules, home.__name__, home)
        values: dict[str, object] = dict(content())
        values["shapedirs"] = Ch(content()["shapedirs"])
        values["J_regressor"] = csc_matrix(scipy.sparse.csc_matrix(content()["J_regressor"]))
        values["bs_style"], values["weights_prior"] = "lbs", np.float64(1.0)
        (tmp_path / "generic_model.pkl").write_bytes(pickle.dumps(values, protocol=2))
    return tmp_path / "generic_model.pkl"


def test_posed_vertices_are_the_plain_ones(generic_pkl: Path) -> None:
    model = flame.load(generic_pkl, year=2020)
    rng = np.random.default_rng(1)
    betas, pose = rng.normal(0, 1, (3, 400)), rng.uniform(-0.6, 0.6, (3, 15))
    pose[0, 6:9] = 0.0
    expected = 1000 * np.stack([plain_skinning(content(), b, p) for b, p in zip(betas, pose, strict=True)])
    parts = torch.from_numpy(betas.astype(np.float32)).split([300, 100], dim=-1)
    got = model.vertices(*parts, FlamePose.unpack(torch.from_numpy(pose.astype(np.float32))))
    np.testing.assert_allclose(got.numpy(), expected, atol=2e-3)
    assert model.year == 2020 and model.parents == PARENTS


def test_the_jaw_alone_moves_what_hangs_on_it(generic_pkl: Path) -> None:
    model = flame.load(generic_pkl)
    weights = torch.zeros(COUNT, 5)
    weights[:20, 2], weights[20:, 1] = 1, 1
    bare = flame.FlameModel(**(vars(model) | {"weights": weights, "correctives_mm": torch.zeros(36, COUNT, 3)}))
    turn = torch.zeros(15, requires_grad=True)
    rest = bare.vertices(torch.zeros(300), torch.zeros(100), FlamePose.unpack(turn))
    torch.testing.assert_close(rest, bare.template_mm, atol=1e-3, rtol=0)
    open_jaw = turn.detach().clone()
    open_jaw[6] = 0.3
    opened = bare.vertices(torch.zeros(300), torch.zeros(100), FlamePose.unpack(open_jaw))
    moved = (opened - bare.template_mm).norm(dim=-1)
    assert moved[20:].max() < 1e-3 and moved[:20].min() > 0.1
    rest.sum().backward()
    assert turn.grad is not None and bool(torch.isfinite(turn.grad).all())


def test_npz_and_pkl_are_the_same_model(generic_pkl: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "flame.npz", **content())
    one, other = flame.load(generic_pkl), flame.load(tmp_path / "flame.npz")
    names = ("template_mm", "shape_mm", "expression_mm", "correctives_mm", "joint_regressor", "weights", "triangles")
    for name in names:
        assert torch.equal(getattr(one, name), getattr(other, name)), name
    assert other.with_sizes(10, 5).expression_mm.shape == (5, COUNT, 3)


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_file_that_would_run_something_is_refused_and_does_not(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "ran"
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(content() | {"extra": Evil(trace)}, protocol=protocol))
    with pytest.raises(InputError, match="refused"):
        flame.load(tmp_path / "evil.pkl")
    assert not trace.exists()


NAMES = ["os\nsystem", "builtins\neval", "chumpy.ch\nChLambda", "copyreg\n__newobj__", "numpy\nload"]


@pytest.mark.parametrize("name", NAMES)
def test_only_makers_of_arrays_are_admitted(tmp_path: Path, name: str) -> None:
    (tmp_path / "n.pkl").write_bytes(f"c{name}\n(S'x'\ntR.".encode())
    with pytest.raises(InputError, match="it names"):
        flame.load(tmp_path / "n.pkl")


def test_cut_and_wrong_files_are_told(generic_pkl: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.pkl").write_bytes(generic_pkl.read_bytes()[:9000])
    with pytest.raises(InputError, match="cut.pkl"):
        flame.load(tmp_path / "cut.pkl")
    np.savez(tmp_path / "w.npz", **(content() | {"weights": np.zeros((COUNT, 24))}))
    with pytest.raises(InputError, match="weights"):
        flame.load(tmp_path / "w.npz")
