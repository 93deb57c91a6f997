"""Proofs of what the published FACIAL code made, and of real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from talking_head.doctor.proofs import State, prove
from tests.talking_head.doctor.proofs.parts import row, wrong
from tests.talking_head.parts import published_files, published_rows


def test_published_files_are_proved_alone_and_together(alone: Path) -> None:
    files = published_files(alone)
    proofs = prove([alone])
    for part in ("facial_generator", "facial_fit", "facial_person"):
        assert row(proofs, part).state is State.WORKS, (row(proofs, part).problem, wrong(row(proofs, part)))
    motion = row(prove([files["driving"]]), "facial_motion")
    assert motion.state is State.NOT_HERE and "fit" in motion.remedy
    assert "there and back" not in wrong(row(proofs, "facial_motion"))
    broken = torch.load(files["generator"], weights_only=True)
    torch.save(broken | {"module.G1.fc2.weight": torch.zeros(70, 3)}, files["generator"])
    proof = row(prove([files["generator"]]), "facial_generator")
    assert proof.state is State.FAILS and "G1.fc2.weight" in proof.problem


def test_a_published_motion_in_radians_fails(alone: Path) -> None:
    rows = published_rows(60)
    np.savez(alone / "m.npz", face=rows)
    assert row(prove([alone / "m.npz"]), "facial_motion").state is State.WORKS
    rows[:, :3] = np.deg2rad(rows[:, :3])
    np.savez(alone / "m.npz", face=rows)
    assert wrong(row(prove([alone / "m.npz"]), "facial_motion")) == {"swing of the angles"}


def test_the_real_motion_and_the_real_kit_are_proved(data_dir: Path, alone: Path) -> None:
    kit, motion = data_dir / "ict_facekit", data_dir / "facial" / "obama2_motion.npz"
    if not (kit / "jawOpen.obj").is_file() or not motion.is_file():
        pytest.skip(f"no ICT-FaceKit or no published motion under {data_dir}")
    proofs = prove([kit, motion])
    assert row(proofs, "facial_motion").state is State.WORKS and row(proofs, "ict").state is State.WORKS, proofs
    own = alone / "kit"
    own.mkdir()
    for name in ("generic_neutral_mesh.obj", "jawOpen.obj", "vertex_indices.json"):
        (own / name).symlink_to(kit / name)
    lines = (kit / "jawOpen.obj").read_text().splitlines()
    (own / "jawOpen.obj").unlink()
    neutral = iter((kit / "generic_neutral_mesh.obj").read_text().splitlines())
    (own / "jawOpen.obj").write_text("\n".join(next(neutral, line) for line in lines))
    assert wrong(row(prove([own]), "ict")) >= {"files of the pinned content", "jawOpen parts the lips by"}
