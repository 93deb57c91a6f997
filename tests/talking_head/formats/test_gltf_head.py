"""A whole head as glTF, read back by the tests' own reader: a kit of `mp478`'s face, with eyes and teeth.

Where ICT-FaceKit's own files are, the same on them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from face_model import ict, mp478
from face_model.arkit import ARKIT_NAMES
from face_model.correspondence import PLACES68
from face_model.tracks import FaceIdentity, FaceMotion
from foundation.errors import InputError
from talking_head.animation.export import export
from talking_head.formats.gltf import Look, at_zero_mm
from talking_head.formats.gltf_head import write_gltf_head
from talking_head.formats.gltf_reading import read_gltf
from tests.talking_head.formats.test_arkit import made_motion
from tests.talking_head.formats.test_gltf import VALIDATE, read_glb

EYES_MM = np.array([[31.5, 33.0, 30.0], [-31.5, 33.0, 30.0]])
NAMES = ("browInnerUp_L", "browInnerUp_R", "eyeBlink_L", "eyeBlink_R", "eyeLookUp_L", "jawOpen")


@pytest.fixture(scope="module")
def kit() -> ict.IctModel:
    """As many vertices as the kit; what no part of the face needs lies at the origin and in no triangle."""
    model, rng = mp478.load(), np.random.default_rng(2)
    points = np.zeros((ict.VERTICES, 3), np.float32)
    points[:478] = model.mean_mm.numpy()
    triangles = [model.triangles.numpy()[model.triangle_region.numpy() == 0]]
    for shell, middle in zip(ict.OUTER_EYES, EYES_MM, strict=True):
        ball = rng.normal(size=(shell.stop - shell.start, 3))
        ball[0] = (0, 0, 1)
        points[shell] = 12 * ball / np.linalg.norm(ball, axis=1, keepdims=True) + middle
        triangles.append(ConvexHull(points[shell]).simplices + shell.start)
    teeth = ict.REGION_STARTS["teeth"]
    points[teeth : teeth + 3] = (0, -35, 20), (5, -35, 20), (0, -40, 20)
    triangles.append(np.array([[teeth, teeth + 1, teeth + 2]]))
    moved = np.zeros((len(NAMES), *points.shape), np.float32)
    moved[:, :478] = rng.normal(size=(len(NAMES), 478, 3))
    moved[-1, teeth : teeth + 3] = (0, -9, 0)
    identity = np.zeros((1, *points.shape), np.float32)
    identity[0, :478] = model.identity_mm.numpy()[0]
    faces = np.concatenate(triangles)
    return ict.IctModel(
        torch.from_numpy(points), torch.from_numpy(identity), ("identity000",), torch.from_numpy(moved), NAMES,
        torch.from_numpy(faces), torch.zeros(len(faces), 3, 2), torch.tensor(PLACES68),
    )  # fmt: skip


def played_mm(path: Path, frame: int) -> dict[str, np.ndarray]:
    """Points of each primitive at a frame, by glTF's own rules: morph, turn about the node, then about its parent."""
    content, arrays = read_glb(path)
    animation = content["animations"][0]
    now: dict[tuple[int, str], np.ndarray] = {}
    for channel in animation["channels"]:
        values = arrays[animation["samplers"][channel["sampler"]]["output"]]
        times = len(arrays[animation["samplers"][channel["sampler"]]["input"]])
        now[channel["target"]["node"], channel["target"]["path"]] = values.reshape(times, -1)[frame]

    def local(node: int, points: np.ndarray) -> np.ndarray:
        own = content["nodes"][node]
        turn = Rotation.from_quat(now.get((node, "rotation"), np.array(own.get("rotation", [0, 0, 0, 1]))))
        return turn.apply(points) + now.get((node, "translation"), own.get("translation", [0, 0, 0]))

    found = {}
    for node, about in enumerate(content["nodes"]):
        for index, part in enumerate(content["meshes"][about["mesh"]]["primitives"]):
            points = arrays[part["attributes"]["POSITION"]].astype(np.float64)
            if "targets" in part:
                targets = np.stack([arrays[target["POSITION"]] for target in part["targets"]])
                points = points + np.einsum("a,avc->vc", now[node, "weights"], targets)
            placed = local(node, points)
            found[f"{about['name']} {index}"] = 1000 * (placed if node == 0 else local(0, placed))
    return found


def values_of(**said: float) -> np.ndarray:
    values = np.zeros((60, len(ARKIT_NAMES)))
    for name, value in said.items():
        values[:, ARKIT_NAMES.index(name)] = value
    return values


def expected_mm(kit: ict.IctModel, values: np.ndarray, motion: FaceMotion, frame: int) -> np.ndarray:
    weights = torch.from_numpy(kit.expression_of_arkit(values[frame : frame + 1], ARKIT_NAMES))
    points = kit.vertices(torch.zeros(len(kit.identity_mm)), weights)[0].numpy()
    turn = Rotation.from_euler("xyz", motion.rotation[frame])  # extrinsic: pitch, then yaw, then roll
    return turn.apply(points) + motion.translation[frame]


def test_what_plays_is_the_kits_own_head(kit: ict.IctModel, tmp_path: Path) -> None:
    motion, values = made_motion(), values_of(jawOpen=0.4, browInnerUp=0.7, tongueOut=0.9)
    write_gltf_head(motion, tmp_path / "a.glb", kit, values=values)
    content, _ = read_glb(tmp_path / "a.glb")
    names = content["meshes"][0]["extras"]["targetNames"]
    assert set(names) == {"browInnerUp", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookUpLeft", "jawOpen"}
    for frame in (0, 41):
        expected = expected_mm(kit, values, motion, frame)
        played = played_mm(tmp_path / "a.glb", frame)
        skin = np.unique(kit.triangles.numpy()[kit.triangles.numpy().max(1) < 478])
        assert np.allclose(played["head 0"], expected[skin], atol=0.05)
        teeth = ict.REGION_STARTS["teeth"]
        assert np.allclose(played["head 1"], expected[teeth : teeth + 3], atol=0.05)
        for side, shell in zip(("left", "right"), ict.OUTER_EYES, strict=True):
            assert np.allclose(played[f"{side} eye 0"], expected[shell], atol=0.05)


@pytest.mark.parametrize(
    ("said", "way"),
    [
        (("eyeLookInLeft", "eyeLookOutRight"), (-1, 0)), (("eyeLookOutLeft", "eyeLookInRight"), (1, 0)),
        (("eyeLookUpLeft", "eyeLookUpRight"), (0, 1)), (("eyeLookDownLeft", "eyeLookDownRight"), (0, -1)),
    ],
    ids=["viewers left", "viewers right", "up", "down"],
)  # fmt: skip
def test_eyes_turn_where_the_values_say(
    kit: ict.IctModel, tmp_path: Path, said: tuple[str, ...], way: tuple[int, int]
) -> None:
    still = replace(made_motion(), rotation=np.zeros((60, 3), np.float32), translation=np.zeros((60, 3), np.float32))
    write_gltf_head(still, tmp_path / "a.glb", kit, values=values_of(**dict.fromkeys(said, 1.0)))
    played = played_mm(tmp_path / "a.glb", 5)
    for side, middle in zip(("left", "right"), EYES_MM, strict=True):
        gaze = (played[f"{side} eye 0"][0] - middle) / 12  # its first point looks ahead at rest
        assert np.linalg.norm(gaze) == pytest.approx(1, abs=0.01) and gaze[2] > 0.7
        assert np.sign(gaze[:2].round(2)).tolist() == list(way) and 0.4 < np.abs(gaze[:2]).max() < 0.65


def test_the_head_is_the_persons(kit: ict.IctModel, tmp_path: Path) -> None:
    """Somebody who differs from the mean as the kit's one identity does."""
    model = mp478.load()
    own = np.zeros(len(model.identity_mm), np.float32)
    own[0] = 2.0
    person = FaceIdentity(own, np.zeros(len(model.texture), np.float32), np.zeros(27, np.float32))
    still = replace(made_motion(), rotation=np.zeros((60, 3), np.float32), translation=np.zeros((60, 3), np.float32))
    skin = np.unique(kit.triangles.numpy()[kit.triangles.numpy().max(1) < 478])
    wanted = at_zero_mm(model, person)[0][skin]
    off = []
    for name, whose in (("mean", None), ("own", person)):
        write_gltf_head(still, tmp_path / f"{name}.glb", kit, whose, values=values_of())
        off.append(np.linalg.norm(played_mm(tmp_path / f"{name}.glb", 0)["head 0"] - wanted, axis=1).mean())
    assert off[1] < 0.6 * off[0]


def test_its_skin_has_the_persons_colour(kit: ict.IctModel, tmp_path: Path) -> None:
    done, picture = cv2.imencode(".jpg", np.full((32, 32, 3), (40, 90, 160), np.uint8))  # BGR
    look = Look(picture.tobytes(), np.full((478, 2), 0.5, np.float32))
    write_gltf_head(made_motion(), tmp_path / "a.glb", kit, look=look)
    content, arrays = read_glb(tmp_path / "a.glb")
    skin, mouth = (arrays[part["attributes"]["COLOR_0"]] for part in content["meshes"][0]["primitives"])
    assert done and np.allclose(skin ** (1 / 2.2) * 255, (160, 90, 40), atol=4)
    assert np.allclose(mouth ** (1 / 2.2), ict.COLOURS["teeth"], atol=0.01)


def test_another_head_can_follow_it(kit: ict.IctModel, tmp_path: Path) -> None:
    values = values_of(jawOpen=0.4, browInnerUp=0.7)
    write_gltf_head(made_motion(), tmp_path / "a.glb", kit, values=values)
    read = read_gltf(tmp_path / "a.glb", 30.0, np.zeros(3), np.zeros(3))
    assert read.placed and np.allclose(read.motion.rotation, made_motion().rotation, atol=1e-5)
    assert np.allclose(read.motion.translation, made_motion().translation, atol=1e-3)


def test_what_cannot_be_a_head_is_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKING_HEAD_ASSETS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def refused(match: str, **said: Any) -> None:
        with pytest.raises(InputError, match=match):
            export(tmp_path / "a.wav", "astronaut", tmp_path / f"a{said.pop('suffix', '.glb')}", **said)

    refused("face model 'ict' without its files; expected ict:FOLDER", format="gltf", face_model="ict")
    refused("no generic_neutral_mesh.obj", format="gltf", face_model=f"ict:{tmp_path}")
    refused("--face-model ict with --format npz", format="npz", face_model="ict", suffix=".npz")
    refused("expected --format gltf, and mp478", format="gltf", face_model="flame")


def test_khronos_finds_nothing(kit: ict.IctModel, tmp_path: Path) -> None:
    found = shutil.which("node") and subprocess.run(["node", "-e", "require('gltf-validator')"], capture_output=True)
    if not found or found.returncode:
        pytest.skip("no gltf-validator: npm install it and set NODE_PATH")
    write_gltf_head(made_motion(), tmp_path / "a.glb", kit)
    command = ["node", "-e", VALIDATE, str(tmp_path / "a.glb")]
    issues = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"][:3]


@pytest.mark.slow
def test_the_real_files(data_dir: Path, tmp_path: Path) -> None:
    if not (data_dir / "ict_facekit/generic_neutral_mesh.obj").is_file():
        pytest.skip(f"no ICT-FaceKit under {data_dir}")
    kit, values = ict.load(data_dir / "ict_facekit"), values_of(jawOpen=0.8)
    still = replace(made_motion(), rotation=np.zeros((60, 3), np.float32), translation=np.zeros((60, 3), np.float32))
    write_gltf_head(still, tmp_path / "a.glb", kit, values=values)
    parts = played_mm(tmp_path / "a.glb", 0)
    everything = np.concatenate(list(parts.values()))
    assert 250 < np.ptp(everything[:, 1]) < 400 and 200 < np.ptp(everything[:, 2]) < 350, "a head, in mm"
    apart = parts["left eye 0"].mean(0) - parts["right eye 0"].mean(0)
    assert apart[0] == pytest.approx(63, abs=3) and np.abs(apart[1:]).max() < 1
    assert np.abs(parts["left eye 0"].mean(0)[:2] - mp478.load().mean_mm.numpy()[473, :2]).max() < 4, "where ours are"
