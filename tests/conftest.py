"""Fixtures that many tests share. Real data is optional: a test that needs it skips with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real footage and speech (`TALKING_HEAD_DATA`, else ../shared/data)."""
    path = Path(os.environ.get("TALKING_HEAD_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real data at {path}; set TALKING_HEAD_DATA")
    return path


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    """The folder of reference outputs of the published system."""
    path = Path(os.environ.get("TALKING_HEAD_GOLDEN", ROOT.parent / "shared" / "golden"))
    if not path.is_dir():
        pytest.skip(f"no golden files at {path}; set TALKING_HEAD_GOLDEN")
    return path
