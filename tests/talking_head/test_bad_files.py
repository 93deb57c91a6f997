"""Damaged and hostile files of others: one line, exit code 2, nothing left behind, no code in them run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from face_model.tracks import FaceMotion
from foundation.errors import InputError
from talking_head.published import import_facial, read_generator
from tests.talking_head.parts import published_files
from tests.talking_head.test_bad_input import left_behind, refused


@pytest.fixture(scope="module")
def files(golden_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return published_files(golden_dir, tmp_path_factory.mktemp("published"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t * float("nan"), lambda t: t.to(torch.complex64), lambda t: torch.zeros(3, 3).to_sparse(),
        lambda t: torch.zeros(3, device="meta"),
    ],
    ids=["nan", "complex", "sparse", "meta"],
)
def test_tensors_that_are_no_weights_are_refused(spoil: Callable[[torch.Tensor], torch.Tensor], tmp_path: Path) -> None:
    torch.save({"conv": spoil(torch.ones(3, 3))}, tmp_path / "g.mdl")
    with pytest.raises(InputError, match="tensor 'conv'"):
        read_generator(tmp_path / "g.mdl")


def test_weights_of_other_precisions_are_read(tmp_path: Path) -> None:
    kinds = {"a": torch.bfloat16, "b": torch.float16, "c": torch.int64}
    torch.save({k: torch.nn.Parameter(torch.ones(2, dtype=d), False) for k, d in kinds.items()}, tmp_path / "g.mdl")
    torch.save({"d": torch.nn.Parameter(torch.ones(2))}, tmp_path / "h.mdl")
    read = read_generator(tmp_path / "g.mdl") | read_generator(tmp_path / "h.mdl")
    assert all((value == 1).all() for value in read.values()) and read["a"].dtype == np.float32


@pytest.mark.parametrize("content", [b"", b"PK\3\4 no zip", b"\x93NUMPY\1\0 no array"], ids=["empty", "zip", "npy"])
def test_damaged_files_of_the_published_code(content: bytes, files: dict[str, Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    motion = tmp_path / "bad.npz"
    motion.write_bytes(content)
    for name in files:
        words = [w for key, path in (files | {name: bad}).items() for w in (f"--{key}", path)]
        refused(["import", "facial", *words, "--id", "ana", "--home", tmp_path / "home"], str(bad))
    refused(["transfer", motion, "-o", tmp_path / "o.npz"], str(motion))
    assert not (tmp_path / "home").exists() and not (tmp_path / "o.npz").exists()


@pytest.mark.parametrize("value", [1e300, 1j, "a"])
def test_fits_of_impossible_numbers(value: object, files: dict[str, Path], tmp_path: Path) -> None:
    np.savez(tmp_path / "fit.npz", face=np.full((10, 258), value))
    words = ["--generator", files["generator"], "--reference", tmp_path / "fit.npz", "--id", "ana"]
    refused(["import", "facial", *words, "--home", tmp_path / "home"], "fit.npz")


def test_an_import_that_fails_leaves_the_old_one(files: dict[str, Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = ["import", "facial", *(w for key, path in files.items() for w in (f"--{key}", path)), "--id", "ana"]
    refused([*words, "--audio", tmp_path / "none.wav", "--home", home], "none.wav")
    assert left_behind(home) == []
    made = import_facial("ana", files["generator"], files["reference"], home=home)
    whole = {path: path.read_bytes() for path in made.folder.iterdir()}
    refused([*words, "--replace", "--audio", tmp_path / "none.wav", "--home", home], "none.wav")
    assert {path: path.read_bytes() for path in made.folder.iterdir()} == whole


@pytest.mark.parametrize("cutoff", ["nan", "inf", "-1"])
def test_a_cutoff_is_a_frequency(cutoff: str, tmp_path: Path) -> None:
    FaceMotion.unpack(np.zeros((3, 71))).save(tmp_path / "m.safetensors")
    refused(["transfer", tmp_path / "m.safetensors", "-o", tmp_path / "o.npz", "--cutoff", cutoff], "a cutoff of")


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes are Linux's")
def test_a_name_that_is_no_text_is_written_and_told(tmp_path: Path) -> None:
    FaceMotion.unpack(np.zeros((3, 71))).save(tmp_path / "m.safetensors")
    goal = bytes(tmp_path) + b"/a\xff.npz"
    words: list[str | bytes] = [sys.executable, "-m", "talking_head", "transfer"]
    words += [str(tmp_path / "m.safetensors"), "-o", goal]
    done = subprocess.run(words, capture_output=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0 and b"3 frames" in done.stdout, done.stderr
    assert b"a\xff.npz" in os.listdir(bytes(tmp_path))
