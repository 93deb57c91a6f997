"""Motion out of glTF files: our own, and such as other programs write, built here by hand."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from face_model.arkit import ARKIT_NAMES, CLOSED_LID, OPEN_LID, motion_of_values
from face_model.tracks import FaceMotion
from foundation.errors import InputError
from talking_head.formats.arkit import live_link_of_motion, motion_of_live_link
from talking_head.formats.driving import read_motion
from talking_head.formats.gltf import write_gltf
from talking_head.formats.gltf_reading import read_gltf
from tests.talking_head.formats.test_arkit import made_motion

NAMES = ("jawOpen", "mouthSmileLeft", "tooth", "eyeBlinkLeft", "EyeBlinkRight", "mouthPucker")
ORIGIN = np.zeros(3)


def read(path: Path, fps: float = 30.0) -> FaceMotion:
    return read_gltf(path, fps, ORIGIN, ORIGIN).motion


def scene(tmp_path: Path, keys: dict[str, tuple[np.ndarray, np.ndarray, str]]) -> Path:
    """A .gltf whose buffer lies in a file beside it. keys: times, values and interpolation of each property."""
    data, views, accessors, samplers, channels = b"", [], [], [], []
    for path_of, (time_s, values, interpolation) in keys.items():
        for array in (time_s, values):
            code, dtype = (5121, "u1") if array.dtype == np.uint8 else (5126, "<f4")
            flat = np.ascontiguousarray(array, dtype)
            views.append({"buffer": 0, "byteOffset": len(data), "byteLength": flat.nbytes})
            kind = {"rotation": "VEC4", "translation": "VEC3"}.get(path_of, "SCALAR") if array is values else "SCALAR"
            count = flat.size // {"VEC4": 4, "VEC3": 3, "SCALAR": 1}[kind]
            about = {"bufferView": len(views) - 1, "componentType": code, "count": count, "type": kind}
            accessors.append(about | ({"normalized": True} if code == 5121 else {}))
            data += flat.tobytes() + bytes(-flat.nbytes % 4)
        samplers.append({"input": len(accessors) - 2, "output": len(accessors) - 1, "interpolation": interpolation})
        channels.append({"sampler": len(samplers) - 1, "target": {"node": 0, "path": path_of}})
    content = {
        "asset": {"version": "2.0", "generator": "somebody"},
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [], "extras": {"targetNames": list(NAMES)}}],
        "animations": [{"samplers": samplers, "channels": channels}],
        "accessors": accessors, "bufferViews": views, "buffers": [{"uri": "face.bin", "byteLength": len(data)}],
    }  # fmt: skip
    (tmp_path / "face.bin").write_bytes(data)
    path = tmp_path / "face.gltf"
    path.write_text(json.dumps(content))
    return path


def weights(*rows: tuple[float, float]) -> np.ndarray:
    """Of all of `NAMES`, jaw and right lid given."""
    out = np.zeros((len(rows), len(NAMES)))
    out[:, 0], out[:, 4] = np.array(rows).T
    return out


def test_our_own_file_gives_the_motion_that_a_live_link_recording_gives_with_the_heads_place(tmp_path: Path) -> None:
    motion = made_motion()
    write_gltf(motion, tmp_path / "a.glb")
    found = read_motion(tmp_path / "a.glb")
    recorded = motion_of_live_link(live_link_of_motion(motion, motion.fps), motion.fps, ORIGIN, ORIGIN)
    assert len(found) == len(motion) and np.allclose(found.expression, recorded.expression, atol=1e-3)
    assert np.allclose(found.blink, recorded.blink, atol=1e-3)
    assert np.allclose(found.rotation, motion.rotation, atol=1e-5)
    assert np.allclose(found.translation, motion.translation, atol=1e-3)


def test_names_in_any_order_and_case_and_lids_that_close_at_one(tmp_path: Path) -> None:
    time_s = np.array([0.0, 1.0])
    path = scene(tmp_path, {"weights": (time_s, weights((0.0, 1.0), (0.8, 1.0)), "LINEAR")})
    values = np.zeros((30, 52))
    values[:, ARKIT_NAMES.index("jawOpen")] = 0.8 * np.arange(30) / 30
    values[:, ARKIT_NAMES.index("eyeBlinkLeft")] = OPEN_LID
    values[:, ARKIT_NAMES.index("eyeBlinkRight")] = CLOSED_LID
    expected = motion_of_values(values, 30, np.zeros((30, 3)), np.zeros((30, 3)))
    assert np.allclose(read(path).expression, expected.expression, atol=1e-5)


@pytest.mark.parametrize(
    "kind, at_half", [("LINEAR", 0.5), ("STEP", 0.0), ("CUBICSPLINE", 0.625)]
)
def test_all_three_interpolations(tmp_path: Path, kind: str, at_half: float) -> None:
    """Between 0 and 1 in a second; the spline leaves with slope 1 and comes in with slope 0 (glTF 2.0, appendix C)."""
    keys = weights((0.0, 0.0), (1.0, 0.0))
    if kind == "CUBICSPLINE":
        still, leaving = weights((0.0, 0.0)), weights((1.0, 0.0))
        keys = np.concatenate((still, keys[:1], leaving, still, keys[1:], still))
    path = scene(tmp_path, {"weights": (np.array([0.0, 1.0]), keys, kind)})
    jaw = arkit_like(read(path, 2.0))[1]
    reference = scene(tmp_path, {"weights": (np.array([0.0, 1.0]), weights((at_half, 0.0), (at_half, 0.0)), "LINEAR")})
    assert jaw == pytest.approx(arkit_like(read(reference, 2.0))[1], abs=1e-5)


def arkit_like(motion: FaceMotion) -> np.ndarray:
    """One number a frame that rises with the jaw."""
    return motion.expression @ motion_of_values(np.eye(52)[[24]], 1, np.zeros((1, 3)), np.zeros((1, 3))).expression[0]


def test_bytes_as_fractions_and_a_head_that_turns(tmp_path: Path) -> None:
    turn = Rotation.from_rotvec([[0, 0, 0], [0, 0.4, 0]]).as_quat()
    keys = {
        "weights": (np.array([2.0, 3.0]), (weights((1.0, 0), (1.0, 0)) * 255).astype(np.uint8), "LINEAR"),
        "rotation": (np.array([2.0, 3.0]), turn, "LINEAR"),
    }  # fmt: skip
    motion = read(scene(tmp_path, keys))
    assert len(motion) == 30 and np.allclose(motion.rotation[:, 1], 0.4 * np.arange(30) / 30, atol=1e-6)
    plain = read(scene(tmp_path, {"weights": (np.array([0.0, 1.0]), weights((1.0, 0), (1.0, 0)), "LINEAR")}))
    assert np.allclose(motion.expression, plain.expression, atol=1e-5)


def test_a_buffer_inside_the_json(tmp_path: Path) -> None:
    path = scene(tmp_path, {"weights": (np.array([0.0, 1.0]), weights((0, 0), (1, 0)), "LINEAR")})
    before = read(path)
    content = json.loads(path.read_text())
    inside = base64.b64encode((tmp_path / "face.bin").read_bytes()).decode()
    content["buffers"][0]["uri"] = f"data:application/octet-stream;base64,{inside}"
    path.write_text(json.dumps(content))
    (tmp_path / "face.bin").unlink()
    assert np.array_equal(read(path).expression, before.expression)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda c: c["meshes"][0].pop("extras"), "named as ARKit's"),
        (lambda c: c.pop("animations"), "is not animated"),
        (lambda c: c["buffers"][0].update(uri="../face.bin"), "wants a buffer"),
        (lambda c: c["accessors"][1].update(count=9999), "beyond its buffer"),
        (lambda c: c["accessors"][0].update(type="MAT4"), "damaged"),
        (lambda c: c["animations"][0]["channels"][0].pop("target"), "damaged"),
        (lambda c: c["asset"].update(version="1.0"), "glTF 1.0"),
        (lambda c: c["bufferViews"][0].update(byteOffset=-4), "beyond its buffer"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, change: Any, words: str) -> None:
    path = scene(tmp_path, {"weights": (np.array([0.0, 1.0]), weights((0, 0), (1, 0)), "LINEAR")})
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=words) as told:
        read(path)
    assert "\n" not in str(told.value)


def test_cut_short_or_no_gltf_at_all(tmp_path: Path) -> None:
    write_gltf(made_motion(), tmp_path / "a.glb")
    data = (tmp_path / "a.glb").read_bytes()
    for content in (data[:15], data[:3000], data[: len(data) // 2], b"", b"[]", struct.pack("<I", 0x46546C67) * 9):
        (tmp_path / "b.glb").write_bytes(content)
        with pytest.raises(InputError, match="glTF"):
            read(tmp_path / "b.glb")
