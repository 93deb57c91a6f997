"""What is made once for all processes that run the same tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def copied(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder of this process's own, a copy of one that the first process to ask for it made.

    Args:
        name: of the folder. make: fills it.
    """
    own = factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / f"{name}-made"
    with FileLock(shared.with_suffix(".lock")):
        if not shared.exists():
            unready = shared.with_suffix(".unready")
            shutil.rmtree(unready, ignore_errors=True)  # of a process that failed
            unready.mkdir()
            make(unready)
            unready.rename(shared)
    return Path(shutil.copytree(shared, factory.mktemp(name) / "copy"))
