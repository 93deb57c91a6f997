"""The regressor's network against plain steps, and files that are not its weights."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from face_model import deng
from foundation.errors import InputError
from preprocessing.deng import DengFiles, load_regressor
from preprocessing.deng import video as deng_video
from tests.preprocessing.deng.parts import plain_network


def pictures(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = rng.uniform(0, 255, (count, 8, 8, 3))
    return np.kron(rough, np.ones((1, 28, 28, 1))).astype(np.uint8)


def test_the_network_is_the_published_one(files: DengFiles, weights: dict[str, torch.Tensor]) -> None:
    seen = pictures(2)
    expected = plain_network(weights, seen)
    got = deng_video.coefficients_of(seen, load_regressor(files.weights))
    assert got.shape == (2, 257) and expected.std() > 0.05 and np.abs(expected[0] - expected[1]).max() > 0.01
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())
    parts = deng.DengCoefficients.unpack(got)
    np.testing.assert_allclose(parts.angles, expected[:, 224:227], atol=1e-4 * np.abs(expected).max())


def test_weights_in_other_wrappings_are_read_the_same(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save({f"module.{name}": value for name, value in weights.items()}, tmp_path / "parallel.pth")
    loaded = load_regressor(tmp_path / "parallel.pth").state_dict()
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[name], value) for name, value in weights.items())


class _Runs:
    def __reduce__(self) -> tuple:
        return (Path("/tmp/must-not-be-made").touch, ())


def test_other_files_are_refused_in_one_line(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    lacking = {name: value for name, value in weights.items() if name != "final_layers.3.bias"}
    wrong = weights | {"backbone.conv1.weight": torch.zeros(64, 3, 3, 3)}
    broken = weights | {"final_layers.6.bias": torch.tensor([float("nan")])}
    cases = [
        ({"net_recon": lacking}, r"lacks 1 tensors, such as final_layers\.3\.bias"),
        ({"net_recon": wrong}, r"backbone\.conv1\.weight is \(64, 3, 3, 3\)"),
        ({"net_recon": broken}, r"final_layers\.6\.bias holds NaN"),
        ({"net_recon": weights | {"fc.weight": torch.zeros(1)}}, r"1 of another network, such as fc\.weight"),
        ([1, 2], "holds a list"),
        (_Runs(), "not readable as weights"),
    ]
    for content, words in cases:
        torch.save(content, path)
        with pytest.raises(InputError, match=words) as caught:
            load_regressor(path)
        assert "\n" not in str(caught.value)
    assert not Path("/tmp/must-not-be-made").exists()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="not readable"):
        load_regressor(path)
    path.write_bytes(pickle.dumps({"a": 1}, protocol=2))
    with pytest.raises(InputError):
        load_regressor(path)
    with pytest.raises(InputError, match="does not exist"):
        load_regressor(tmp_path / "absent.pth")
