"""A machine of nobody's."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is found without being named; a folder on it."""
    for name in ("TALKING_HEAD_ASSETS", "TALKING_HEAD_BFM", "TALKING_HEAD_FLAME", "OPENFACE_BIN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("TALKING_HEAD_HOME", "TORCH_HOME", "PATH"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    return tmp_path
