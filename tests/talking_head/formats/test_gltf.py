"""glTF read back by a reader of the test's own; validated by Khronos's validator where node and it are installed."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.arkit import ARKIT_NAMES, motion_of_values
from talking_head.animation.look import Look
from talking_head.formats.arkit import arkit_values, values_as_app
from talking_head.formats.gltf import write_gltf
from tests.talking_head.formats.test_arkit import made_motion

VALIDATE = """
const fs = require('fs');
require('gltf-validator').validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then((report) => console.log(JSON.stringify(report.issues)));
"""


def read_glb(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The JSON, and the arrays of all accessors."""
    data = path.read_bytes()
    magic, version, total, size, kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON")
    content, binary = json.loads(data[20 : 20 + size]), data[28 + size :]
    arrays = []
    for accessor in content["accessors"]:
        view = content["bufferViews"][accessor["bufferView"]]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        dtype = {5125: "<u4", 5126: "<f4"}[accessor["componentType"]]
        values = np.frombuffer(binary, dtype, accessor["count"] * width, view["byteOffset"])
        arrays.append(values.reshape(-1, width).squeeze(1) if width == 1 else values.reshape(-1, width))
    return content, arrays


def test_what_plays_is_the_motion(tmp_path: Path) -> None:
    motion = made_motion()
    write_gltf(motion, tmp_path / "a.glb")
    content, arrays = read_glb(tmp_path / "a.glb")
    mesh, animation = content["meshes"][0], content["animations"][0]
    assert mesh["extras"]["targetNames"] == list(ARKIT_NAMES)
    played = {c["target"]["path"]: arrays[animation["samplers"][c["sampler"]]["output"]] for c in animation["channels"]}
    time_s = arrays[animation["samplers"][0]["input"]]
    assert time_s[0] == 0 and time_s[-1] == pytest.approx(motion.duration_s) and len(time_s) == 61
    weights = played["weights"].reshape(61, 52)
    assert np.allclose(weights[:60], values_as_app(arkit_values(motion)), atol=1e-6)
    assert np.allclose(played["translation"][:60], motion.translation / 1000, atol=1e-6)
    x, y, z, w = played["rotation"][:60].T
    assert np.allclose(np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)), motion.rotation[:, 0], atol=1e-5)
    assert np.allclose(np.arcsin(2 * (w * y - z * x)), motion.rotation[:, 1], atol=1e-5)
    skin = mesh["primitives"][0]
    targets = np.stack([arrays[target["POSITION"]] for target in skin["targets"]])
    shape_m = arrays[skin["attributes"]["POSITION"]] + np.einsum("ta,avc->tvc", weights[:60], targets)
    expected = motion_of_values(arkit_values(motion), 30, motion.rotation, motion.translation)
    model = mp478.load()
    unclipped = torch.tensor(expected.blink)
    shape_mm = model.vertices(model.mean_mm, torch.tensor(expected.expression), unclipped).numpy()
    still = [i for i in range(478) if model.blink_mm[i].abs().max() < 1e-3]  # the lids' range is cut to 0-5 in a motion
    assert np.allclose(shape_m[:, still] * 1000, shape_mm[:, still], atol=1e-2)
    assert sum(len(arrays[p["indices"]]) for p in mesh["primitives"]) == model.triangles.numel()


def made_look() -> Look:
    """A picture that is red on the left and green on the right, over the front of the mean face."""
    picture = np.zeros((64, 48, 3), np.uint8)
    picture[:, :24], picture[:, 24:] = (0, 0, 255), (0, 255, 0)
    done, content = cv2.imencode(".jpg", picture)
    assert done
    points = mp478.load().mean_mm.numpy()[:, :2] * (1, -1)
    return Look(content.tobytes(), ((points - points.min(0)) / np.ptp(points, axis=0)).astype(np.float32))


def test_a_persons_picture_lies_on_the_mesh(tmp_path: Path) -> None:
    look = made_look()
    write_gltf(made_motion(), tmp_path / "a.glb", look=look)
    content, arrays = read_glb(tmp_path / "a.glb")
    view = content["bufferViews"][content["images"][content["textures"][0]["source"]]["bufferView"]]
    data = (tmp_path / "a.glb").read_bytes()
    start = 28 + int.from_bytes(data[12:16], "little") + view["byteOffset"]
    assert data[start : start + view["byteLength"]] == look.picture
    skin, eyes, mouth = content["meshes"][0]["primitives"]
    for part in (skin, eyes):
        material = content["materials"][part["material"]]
        assert material["pbrMetallicRoughness"]["baseColorTexture"]["index"] == 0
        assert "COLOR_0" not in part["attributes"]
        assert np.allclose(arrays[part["attributes"]["TEXCOORD_0"]], look.uv)
    assert "baseColorTexture" not in content["materials"][mouth["material"]]["pbrMetallicRoughness"]


@pytest.mark.parametrize("look", [None, made_look()], ids=["plain", "painted"])
def test_khronos_finds_nothing(tmp_path: Path, look: Look | None) -> None:
    if not shutil.which("node"):
        pytest.skip("no node")
    has = subprocess.run(["node", "-e", "require('gltf-validator')"], capture_output=True)
    if has.returncode:
        pytest.skip("no gltf-validator: npm install it and set NODE_PATH")
    write_gltf(made_motion(), tmp_path / "a.glb", look=look)
    command = ["node", "-e", VALIDATE, str(tmp_path / "a.glb")]
    issues = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"][:3]
