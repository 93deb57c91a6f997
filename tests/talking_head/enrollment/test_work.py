"""Stages: done once, done again when inputs or outputs change, never half done."""

from __future__ import annotations

from pathlib import Path

import pytest

from talking_head.enrollment.stages import Work


def test_a_stage_runs_once_and_keeps_its_notes(tmp_path: Path) -> None:
    runs: list[int] = []

    def make() -> dict[str, int]:
        runs.append(1)
        (tmp_path / "out.bin").write_bytes(b"12345")
        return {"frames": 7}

    def ask(inputs: dict[str, int]) -> dict[str, int]:
        return Work(tmp_path).stage("measure", inputs, ["out.bin"], make)

    assert ask({"seed": 1}) == {"frames": 7} == ask({"seed": 1})
    assert len(runs) == 1
    ask({"seed": 2})
    assert len(runs) == 2, "changed inputs must run again"
    (tmp_path / "out.bin").write_bytes(b"12")
    ask({"seed": 2})
    assert len(runs) == 3, "a cut output must be made again"
    (tmp_path / "out.bin").unlink()
    ask({"seed": 2})
    assert len(runs) == 4, "a lost output must be made again"


def test_an_interrupted_stage_is_not_done(tmp_path: Path) -> None:
    work = Work(tmp_path)

    def interrupted() -> None:
        (tmp_path / "out.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.stage("measure", {}, ["out.bin"], interrupted)
    assert not work.is_done("measure", {})
