"""`doctor --deep`: what is found, what is named, what is no part, and how it is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from foundation.errors import InputError
from talking_head.cli import app
from talking_head.doctor.proofs import State, prove
from talking_head.doctor.proofs.recognising import recognise
from talking_head.doctor.proofs.running import PARTS
from tests.talking_head.doctor.proofs.parts import reversed_, row, saved
from tests.talking_head.parts import flame_model, front_model


def test_nothing_named_and_nothing_found_says_for_every_part_what_to_name(alone: Path) -> None:
    proofs = prove([])
    assert [proof.part for proof in proofs] == list(PARTS)
    assert all(proof.state is State.NOT_HERE and proof.remedy.startswith("name ") for proof in proofs)


def test_parts_are_found_without_being_named(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (alone / "assets" / "deep").mkdir(parents=True)
    saved(alone / "assets" / "deep" / "x.npz", flame_model())
    bfm = saved(alone / "a.mat", front_model())
    monkeypatch.setenv("TALKING_HEAD_ASSETS", str(alone / "assets"))
    monkeypatch.setenv("TALKING_HEAD_BFM", str(bfm))
    proofs = prove([bfm])  # named and found: one row
    assert row(proofs, "flame").state is row(proofs, "bfm").state is State.WORKS


def test_what_is_no_part_is_refused_in_one_line(alone: Path) -> None:
    (alone / "notes.txt").write_text("a, b\n1, 2\n")
    (alone / "cut.mat").write_bytes(saved(alone / "a.mat", front_model()).read_bytes()[:300])
    (alone / "empty").write_bytes(b"")
    (alone / "folder").mkdir()
    np.savez(alone / "other.npz", face=np.zeros((3, 4)))
    for name in ("notes.txt", "cut.mat", "empty", "folder", "other.npz", "absent"):
        with pytest.raises(InputError) as caught:
            recognise(alone / name)
        assert "\n" not in str(caught.value) and name in str(caught.value), name
        done = CliRunner().invoke(app, ["doctor", "--deep", str(alone / name)])
        assert done.exit_code == 2 and len(done.stderr.strip().splitlines()) == 1
    done = CliRunner().invoke(app, ["doctor", str(alone / "a.mat")])
    assert done.exit_code == 2 and "--deep" in done.stderr


def test_the_command_tells_people_and_programs(alone: Path) -> None:
    good = saved(alone / "good.mat", front_model())
    done = CliRunner().invoke(app, ["doctor", "--deep", str(good)])
    assert done.exit_code == 0 and "works" in done.stdout and "mean face" in done.stdout and "not here" in done.stdout
    bad = saved(alone / "bad.mat", reversed_(front_model()))
    done = CliRunner().invoke(app, ["doctor", "--deep", str(good), str(bad), "--json"])
    report = json.loads(done.stdout)
    assert done.exit_code == 1 and not report["ok"] and report["seconds"] > 0
    states = [proof["state"] for proof in report["proofs"] if proof["part"] == "bfm"]
    assert states == ["works", "fails"]
    broken = next(proof for proof in report["proofs"] if proof["state"] == "fails")
    assert [figure for figure in broken["figures"] if not figure["right"]] and broken["seconds"] > 0
