"""Proofs of trackers: OpenFace's tables and program, face-alignment's weights, Deng's regressor."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from face_model import deng, mp478
from face_model.correspondence import MEANING
from face_model.rotations import rotation_matrix
from preprocessing.deng import standard_points
from preprocessing.tracking.face_alignment_tracker import WEIGHTS
from preprocessing.tracking.openface import default_camera
from preprocessing.tracking.points68 import pose_of_landmarks
from talking_head.doctor.proofs import State, portrait, prove
from talking_head.doctor.proofs.regressing import crop_of_portrait
from tests.preprocessing.deng.parts import weights_of_true_names
from tests.preprocessing.test_openface import Recording
from tests.preprocessing.test_openface_command import STAND_IN
from tests.talking_head.doctor.proofs.parts import recording, row, saved, wrong
from tests.talking_head.parts import face68_mm, front_model


def test_an_openface_table_is_proved(alone: Path) -> None:
    proof = row(prove([recording().write(alone / "anything.txt", ", ")]), "openface_csv")
    assert proof.state is State.WORKS, (proof.problem, wrong(proof))
    assert {figure.name for figure in proof.figures} >= {"that over the best of other signs"}


@pytest.mark.parametrize(
    ("damage", "figure"),
    [
        ("degrees", "skull's scatter, turned back"), ("signs", "that over the best of other signs"),
        ("points", "its 3D points in our camera beside its 2D"), ("order", "landmarks beside the mean face"),
        ("metres", "skull's scatter, turned back"),
    ],
)
def test_a_damaged_openface_table_fails(alone: Path, damage: str, figure: str) -> None:
    made = recording()
    if damage == "degrees":
        made.angles = np.rad2deg(made.angles)
    elif damage == "signs":
        made.angles = made.angles * (1, -1, 1)
    elif damage == "metres":
        made.shift = made.shift / 1000
    elif damage == "points":
        made.pixels = made.pixels + np.random.default_rng(0).normal(0, 1, made.pixels.shape)
    else:
        order = np.random.default_rng(0).permutation(68)
        made.pixels, made.points = made.pixels[:, order], made.points[:, order]
    proof = row(prove([made.write(alone / "clip.csv")]), "openface_csv")
    assert proof.state is State.FAILS and figure in wrong(proof), (proof.problem, wrong(proof))


def test_an_openface_table_without_points_in_space_says_how_to_get_them(alone: Path) -> None:
    proof = row(prove([recording().write(alone / "clip.csv", three_d=False)]), "openface_csv")
    assert proof.state is State.FAILS and "-3Dfp" in proof.remedy


def seen_in_the_portrait() -> Recording:
    """What OpenFace would write of a still film of the portrait: our mean head where it lies on its landmarks."""
    camera = default_camera(512, 512)
    points = np.zeros((68, 2))
    points[list(MEANING)] = portrait.landmarks_px()[list(MEANING.values()), :2]
    rotation, shift_mm = pose_of_landmarks(points, camera)
    turn = rotation_matrix(torch.from_numpy(rotation)).numpy()
    made = recording()
    made.angles[:] = Rotation.from_matrix(turn).as_euler("XYZ") * (1, -1, -1)
    made.shift[:] = shift_mm * (1, -1, -1)
    made.points[:] = (face68_mm() @ turn.T + shift_mm) * (1, -1, -1)
    made.pixels = camera.focal_px * made.points[..., :2] / made.points[..., 2:] + 256
    return made


def test_openfaces_program_is_run_over_the_portrait(
    landmarker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "FeatureExtraction"
    program.write_text(STAND_IN.format(python=sys.executable, folder=str(tmp_path)))
    program.chmod(0o755)
    seen_in_the_portrait().write(tmp_path / "table.csv")
    monkeypatch.setenv("OPENFACE_BIN", str(program))
    proof = row(prove([]), "openface")
    assert proof.state is State.WORKS, (proof.problem, wrong(proof))
    recording().write(tmp_path / "table.csv")  # a face elsewhere
    assert wrong(row(prove([]), "openface")) == {"landmarks beside the Face Landmarker's"}
    (tmp_path / "mood").write_text("dies")
    proof = row(prove([program]), "openface")
    assert proof.state is State.FAILS and "landmark detector" in proof.problem


@pytest.mark.parametrize(("mirrored", "state"), [(False, State.WORKS), (True, State.FAILS)])
def test_face_alignments_weights_are_proved_on_the_portrait(
    landmarker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirrored: bool, state: State
) -> None:
    """With a stand-in for the package, whose depth may grow the wrong way."""

    class FaceAlignment:
        def __init__(self, kind: int, **options: Any) -> None: ...

        def get_landmarks_from_image(self, image: np.ndarray) -> list[np.ndarray]:
            points = np.zeros((68, 3))
            points[list(MEANING)] = portrait.landmarks_px()[list(MEANING.values())]
            return [(points * (1, 1, -1 if mirrored else 1)).astype(np.float32)]

    package = types.ModuleType("face_alignment")
    package.FaceAlignment, package.LandmarksType = FaceAlignment, types.SimpleNamespace(THREE_D=3)  # type: ignore
    monkeypatch.setitem(sys.modules, "face_alignment", package)
    monkeypatch.setattr("preprocessing.speech.optional.installed", lambda module: True)
    for name in WEIGHTS:
        (tmp_path / name).write_bytes(name.encode())
    proof = row(prove([tmp_path]), "face_alignment")
    assert proof.state is state, (proof.problem, wrong(proof))
    assert wrong(proof) == ({"depth along the Face Landmarker's"} if mirrored else set())


def weights_that_see_the_portrait(bfm: Path) -> dict[str, torch.Tensor]:
    """Weights that answer every picture with the pose at which our mean head lies on the portrait's landmarks."""
    model = deng.load(bfm)
    crop = crop_of_portrait(standard_points(model, bfm))
    points = np.zeros((68, 2))
    points[list(MEANING)] = portrait.landmarks_px()[list(MEANING.values()), :2]
    seen = points * crop.zoom - np.array(crop.corner_px)
    rotation, shift_mm = pose_of_landmarks(seen, deng.camera())
    turn = rotation_matrix(torch.from_numpy(rotation)).numpy()
    shift_mm = shift_mm + turn @ mp478.load().mean_mm.numpy().astype(np.float64).mean(0)
    flat = np.zeros(257)
    flat[1:80], flat[80:144] = 0.6, 0.03  # identity beyond the first direction moves nothing in the file
    flat[224:227], flat[254:] = rotation, shift_mm / 100 + (0, 0, 10)
    weights, place = weights_of_true_names(), 0
    for index, size in enumerate((80, 64, 80, 3, 27, 2, 1)):
        weights[f"final_layers.{index}.weight"] *= 0
        weights[f"final_layers.{index}.bias"] = torch.from_numpy(flat[place : place + size]).float()
        place += size
    return weights


def test_the_regressor_is_proved_alone_and_over_the_model(
    landmarker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("preprocessing.deng.video.BATCH", 2)  # the rest would be filled up
    bfm = saved(tmp_path / "BFM_model_front.mat", front_model())
    weights = weights_that_see_the_portrait(bfm)
    torch.save({"net_recon": weights, "opt_00": {"state": {}}}, tmp_path / "w.pth")
    proofs = prove([tmp_path / "w.pth"])
    assert row(proofs, "deng_regressor").state is State.WORKS, wrong(row(proofs, "deng_regressor"))
    assert row(proofs, "deng").state is State.NOT_HERE and "BFM_model_front.mat" in row(proofs, "deng").remedy
    both = row(prove([tmp_path]), "deng")
    assert both.state is State.WORKS and "w.pth" in both.place and "BFM" in both.place, both
    weights["final_layers.3.bias"] = torch.rad2deg(weights["final_layers.3.bias"]) + 40
    torch.save({"net_recon": weights}, tmp_path / "w.pth")
    proofs = prove([tmp_path])
    assert "pitch or yaw of the portrait" in wrong(row(proofs, "deng_regressor"))
    assert "landmarks beside the Face Landmarker's" in wrong(row(proofs, "deng"))
