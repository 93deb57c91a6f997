"""The campaign of failing systems, a little of it: `python -m tests.faults.full` is the whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.result_files import read_results
from tests.footage import landmark_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None or not sys.platform.startswith("linux"), reason="needs cc and Linux")
@pytest.mark.parametrize("name", ["targets export", "synth", "synth beside targets remove"])
def test_commands_on_a_failing_system(name: str, tmp_path: Path) -> None:
    """Full disks, a read-only home, jumping clocks, too little memory, twice at once; or two commands on one person."""
    landmark_model(tmp_path)
    words = ["--points", "8", "--only", name, "--folder", str(tmp_path / "work"), "--result", str(tmp_path / "r.json")]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.full", *words], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    values = {row.system: row.value for row in read_results(tmp_path / "r.json")[1] if row.name == name}
    assert values["faults"] == 0 and values["tries"] >= 2
