"""MATLAB files out of a process of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from foundation.errors import InputError
from foundation.matlab import read_mat


def test_arrays_come_as_they_were(tmp_path: Path) -> None:
    given = {"lm": np.arange(6.0).reshape(2, 3), "tri": np.ones((4, 3), np.int32), "words": "text"}
    scipy.io.savemat(tmp_path / "a.mat", given)
    found = read_mat(tmp_path / "a.mat")
    assert set(found) == {"lm", "tri"}
    assert np.array_equal(found["lm"], given["lm"]) and found["tri"].dtype == np.int32


def test_what_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_mat(tmp_path / "none.mat")
    (tmp_path / "b.mat").write_bytes(b"no such thing" * 40)
    with pytest.raises(InputError, match="not readable as a MATLAB file"):
        read_mat(tmp_path / "b.mat")


def test_a_reader_that_crashes_takes_nobody_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"lm": np.zeros(3)})
    monkeypatch.setattr("foundation.matlab._READ", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(InputError, match="breaks what reads it"):
        read_mat(tmp_path / "a.mat")
