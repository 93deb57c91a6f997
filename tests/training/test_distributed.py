"""Two processes that train one run, against one process on the same batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from foundation.files import read_json, read_tensors
from tests.processes import begun, ended
from tests.training import together
from tests.waiting import PATIENCE_S
from training import distributed

ROOT = Path(__file__).resolve().parents[2]


def losses(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the run by one process."""
    folder = tmp_path_factory.mktemp("alone")
    together.main(folder)
    return folder


@pytest.fixture(scope="module", params=["environment", pytest.param("torchrun", marks=pytest.mark.slow)])
def runs(request: pytest.FixtureRequest, alone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of the run by one process and of that by two, started by torchrun or in the environment that it makes."""
    both = tmp_path_factory.mktemp("both")
    if request.param == "torchrun":
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        process = subprocess.run(
            [*command, "-m", "tests.training.together", str(both)], cwd=ROOT, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}, timeout=PATIENCE_S,
        )
        assert process.returncode == 0, process.stderr[-3000:]
        return alone, both
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True)
    processes = [begun(together.launched, rank, store.port, both) for rank in range(2)]
    for process in processes:
        ended(process)
    return alone, both


def test_two_processes_follow_one(runs: tuple[Path, Path]) -> None:
    """Losses step by step, with gradients clipped and batch statistics shared; and the weights in the end."""
    alone, both = (losses(folder / "toy") for folder in runs)
    assert len(alone) == len(both) == together.TOY_STEPS
    np.testing.assert_allclose([x["loss"] for x in both], [x["loss"] for x in alone], rtol=1e-3, atol=1e-5)
    assert alone[-1]["loss"] < 0.1 * alone[0]["loss"]
    first, second = (read_tensors(folder / "toy0.safetensors")[0] for folder in runs)
    for name, value in first.items():
        np.testing.assert_allclose(second[name], value, rtol=1e-3, atol=1e-4, err_msg=name)


def test_all_processes_end_with_the_same_weights_and_one_keeps_the_folder(runs: tuple[Path, Path]) -> None:
    _, both = runs
    assert [read_json(both / f"world{k}.json") for k in range(2)] == [2, 2]
    (first, told), (second, told_too) = (read_tensors(both / f"toy{k}.safetensors") for k in range(2))
    assert told == told_too == {"steps": together.TOY_STEPS}
    assert first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)
    assert not (both / "elsewhere1").exists()


def test_where_one_process_meets_no_number_all_go_back_together(runs: tuple[Path, Path]) -> None:
    """Two that see it once, as one alone does: half as large steps, and the same weights in both."""
    for folder in runs:
        _, told = read_tensors(folder / "spoilt" / "state.safetensors")
        assert told["setbacks"] == 1 and told["step"] == together.TOY_STEPS
    alone = read_tensors(runs[0] / "spoilt0.safetensors")[0]
    for name in ("spoilt0.safetensors", "spoilt1.safetensors"):
        for key, value in read_tensors(runs[1] / name)[0].items():
            np.testing.assert_allclose(value, alone[key], atol=1e-4, err_msg=key)


def test_a_network_with_an_adversary_follows_too(runs: tuple[Path, Path]) -> None:
    alone, both = (losses(folder / "gan")[-1] for folder in runs)
    assert alone.keys() == both.keys() and alone["step"] == together.GAN_STEPS
    for name in alone:
        assert both[name] == pytest.approx(alone[name], rel=0.02, abs=1e-3), name
    names = [set(read_tensors(folder / "gan" / "facial_gan.safetensors")[0]) for folder in runs]
    assert names[0] == names[1]


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "size", lambda: 3)
    with pytest.raises(InputError, match="a batch of 16 for 3 processes"):
        distributed.share(16)


def test_shared_batch_normalisation_is_torchs_when_alone() -> None:
    """Names, parameters, output and running statistics; the sums themselves are compared above."""
    torch.manual_seed(0)
    plain, shared = (torch.nn.Sequential(torch.nn.Conv1d(3, 5, 3), torch.nn.BatchNorm1d(5)) for _ in range(2))
    shared.load_state_dict(plain.state_dict())
    before = list(shared.parameters())
    distributed.share_batch_statistics(shared)
    assert all(one is other for one, other in zip(before, shared.parameters(), strict=True))
    inputs = torch.randn(4, 3, 9)
    assert torch.equal(plain(inputs), shared(inputs))
    assert plain.state_dict().keys() == shared.state_dict().keys()
    assert torch.equal(plain.eval()(inputs), shared.eval()(inputs))
