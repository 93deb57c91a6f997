"""What ships is what was made: every file's hash is known, and a changed one is refused where it is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import checkpoints
from foundation.errors import InputError
from foundation.shipped import SUMS, check_shipped, sums
from scripts.hash_shipped import hashes

ROOT = Path(checkpoints.__file__).parent


def test_the_hashes_are_of_the_files_that_ship() -> None:
    assert sums(ROOT) == hashes(ROOT), "python -m scripts.hash_shipped"


def test_a_changed_or_absent_file_is_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "mp478", tmp_path / "mp478")
    shutil.copy(ROOT / SUMS, tmp_path / SUMS)
    check_shipped(tmp_path, "mp478")
    check_shipped.cache_clear()
    broken = next(path for path in sorted((tmp_path / "mp478").rglob("*.safetensors")))
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    with pytest.raises(InputError, match=broken.name):
        check_shipped(tmp_path, "mp478")
    broken.unlink()
    with pytest.raises(InputError, match="not the file that shipped"):
        check_shipped(tmp_path, broken.relative_to(tmp_path).as_posix())
    (tmp_path / SUMS).write_text("[]")
    with pytest.raises(InputError, match="complete installation"):
        check_shipped(tmp_path, "mp478/x")
