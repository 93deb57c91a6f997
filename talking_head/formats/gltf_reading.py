"""Motion out of a glTF 2.0 file (.glb, .gltf): an animated face whose morph targets are named as ARKit names them.

Read by hand: a glTF is a JSON and its buffers, and what libraries there are either leave the buffers to the caller or
know no morph targets. What is read: `weights` of every mesh with such names (`extras.targetNames`), and the rotation
and translation of the head's node. All three interpolations of the specification (glTF 2.0, appendix C) are known.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.interpolate import CubicHermiteSpline, interp1d
from scipy.spatial.transform import Rotation, Slerp

from face_model.arkit import ARKIT_NAMES, motion_of_values
from face_model.rotations import rotation_angles
from face_model.tracks import FaceMotion
from foundation.errors import InputError, unreadable
from talking_head.formats.arkit import values_of_app
from talking_head.formats.glb import GENERATOR, JSON_CHUNK, M_PER_MM, MAGIC

EXPECTED = "a glTF 2.0 file with an animated face whose morph targets have ARKit's names"
LEAST_NAMES = 5  # of ARKit's, or the mesh is of something else
LONGEST_S, LARGEST_BYTES = 4 * 3600.0, 1 << 30
LARGEST_WEIGHT = 10.0
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_INDEX = {name.lower(): index for index, name in enumerate(ARKIT_NAMES)}


@dataclass(frozen=True)
class GltfMotion:
    """motion: at the wanted rate. placed: the file says where the head is as our own files do; else it stands where
    somebody else's scene has it.
    """

    motion: FaceMotion
    placed: bool


def read_gltf(path: Path, fps: float, rest_rotation: np.ndarray, rest_translation: np.ndarray) -> GltfMotion:
    """The motion in a glTF file, evenly spaced at `fps`.

    A head without an animated node stays at `rest_rotation` `[3]` rad and `rest_translation` `[3]` mm. Shapes that the
    file does not name stay 0. Lids are taken to close at 1, as the app's.

    Raises:
        InputError: no such file, no glTF, damaged, longer than four hours, or without an animated face.
    """
    try:
        return _read(_Scene.of(path), path, fps, rest_rotation, rest_translation)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, struct.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is a damaged glTF file ({type(error).__name__}: {error})", EXPECTED) from error


def _read(scene: _Scene, path: Path, fps: float, rest_rotation: np.ndarray, rest_translation: np.ndarray) -> GltfMotion:
    faces = dict(scene.faces())
    if not faces:
        raise InputError(f"{path} has no mesh whose morph targets are named as ARKit's", EXPECTED)
    curves = [(n, c) for n, path_of, c in scene.channels() if path_of == "weights" and n in faces]
    if not curves:
        raise InputError(f"the face in {path} is not animated", EXPECTED)
    start_s = min(curve.time_s[0] for _, curve in curves)
    seconds = max(curve.time_s[-1] for _, curve in curves) - start_s
    if not 0 <= seconds <= LONGEST_S:
        raise InputError(f"{path} lasts {seconds:g} s", f"{LONGEST_S / 3600:g} hours at most")
    at_s = start_s + np.arange(max(1, round(seconds * fps))) / fps
    values = np.zeros((len(at_s), len(ARKIT_NAMES)))
    for node, curve in curves:
        columns = faces[node]
        weights = curve.at(at_s, len(columns))
        for source, target in columns.items():
            if target < 0:
                continue
            values[:, target] = np.maximum(values[:, target], weights[:, source])
    if not (np.abs(values) <= LARGEST_WEIGHT).all():  # false of NaN, too
        raise InputError(f"{path} holds NaN or a huge weight", "weights of about 0 to 1")
    turn, place = np.tile(rest_rotation, (len(at_s), 1)), np.tile(rest_translation, (len(at_s), 1))
    for node, path_of, curve in scene.channels():
        if node in scene.heads(faces) and path_of == "rotation":
            turn = rotation_angles(torch.from_numpy(curve.turns_at(at_s).as_matrix())).numpy()
        elif node in scene.heads(faces) and path_of == "translation":
            place = curve.at(at_s, 3) / M_PER_MM
    return GltfMotion(motion_of_values(values_of_app(values), fps, turn, place), scene.generator == GENERATOR)


@dataclass(frozen=True)
class _Curve:
    """Keys of one animated property. time_s: `[K]`, rising. values: `[K, ...]`, flat; of CUBICSPLINE three for each
    key: the tangent before, the value, the tangent after.
    """

    time_s: np.ndarray
    values: np.ndarray
    interpolation: str

    def at(self, at_s: np.ndarray, width: int) -> np.ndarray:
        """Values `[T, width]`; the first and the last key hold outside."""
        at_s = np.clip(at_s, self.time_s[0], self.time_s[-1])
        keys = self.values.reshape(len(self.time_s), -1, width)
        if len(self.time_s) == 1:
            return np.repeat(keys[:, keys.shape[1] // 2], len(at_s), axis=0)
        if self.interpolation == "CUBICSPLINE":
            before, value, after = keys[:, 0], keys[:, 1], keys[:, 2]
            # a key's two tangents may differ, so each stretch is a spline of its own
            index = np.clip(np.searchsorted(self.time_s, at_s, side="right") - 1, 0, len(self.time_s) - 2)
            out = np.empty((len(at_s), width))
            for stretch in np.unique(index):
                ends = slice(stretch, stretch + 2)
                slopes = np.stack((after[stretch], before[stretch + 1]))
                inside = index == stretch
                out[inside] = CubicHermiteSpline(self.time_s[ends], value[ends], slopes)(at_s[inside])
            return out
        kind = "previous" if self.interpolation == "STEP" else "linear"
        found: np.ndarray = interp1d(self.time_s, keys[:, 0], kind, axis=0)(at_s)
        return found

    def turns_at(self, at_s: np.ndarray) -> Rotation:
        """The rotations that the quaternions `[K, 4]` (x, y, z, w) come to."""
        if self.interpolation == "LINEAR" and len(self.time_s) > 1:
            turns = Rotation.from_quat(self.values.reshape(-1, 4))
            return Slerp(self.time_s, turns)(np.clip(at_s, self.time_s[0], self.time_s[-1]))
        return Rotation.from_quat(self.at(at_s, 4))


@dataclass(frozen=True)
class _Scene:
    """A glTF file: its JSON and its buffers."""

    content: dict[str, Any]
    buffers: list[bytes]

    @classmethod
    def of(cls, path: Path) -> _Scene:
        try:
            if path.stat().st_size > LARGEST_BYTES:
                raise InputError(f"{path} has {path.stat().st_size >> 20} MB", f"{LARGEST_BYTES >> 20} MB at most")
            data = path.read_bytes()
        except OSError as error:
            raise unreadable(path, error) from error
        text, binary = data, b""
        if data[:4] == struct.pack("<I", MAGIC):
            text, binary = _chunks(data)
        content = json.loads(text)
        if str(content["asset"]["version"]).split(".")[0] != "2":
            raise InputError(f"{path} is glTF {content['asset']['version']}", "glTF 2.0")
        uris = [buffer.get("uri") for buffer in content.get("buffers", [])]
        return cls(content, [binary if uri is None else _from(uri, path) for uri in uris])

    @property
    def generator(self) -> str:
        return str(self.content["asset"].get("generator", ""))

    def array(self, index: int) -> np.ndarray:
        """The values of an accessor `[N, width]`, normalised integers as fractions."""
        about = self.content["accessors"][index]
        kind, width, count = np.dtype(_TYPES[about["componentType"]]), _WIDTHS[about["type"]], about["count"]
        if "sparse" in about or "bufferView" not in about:
            raise ValueError("sparse keys of an animation")
        view = self.content["bufferViews"][about["bufferView"]]
        step = view.get("byteStride", kind.itemsize * width)
        start = view.get("byteOffset", 0) + about.get("byteOffset", 0)
        data = self.buffers[view["buffer"]]
        if count < 1 or min(start, step) < 0 or start + step * (count - 1) + kind.itemsize * width > len(data):
            raise ValueError("an accessor that goes beyond its buffer")
        values = np.ndarray((count, width), kind, data, start, (step, kind.itemsize)).astype(np.float64)
        return values / np.iinfo(kind).max if about.get("normalized") else values

    def channels(self) -> Iterator[tuple[int, str, _Curve]]:
        """Node, property and keys of everything that is animated. Where several animations move the same property of
        the same node, the first does.
        """
        seen: set[tuple[int, str]] = set()
        for animation in self.content.get("animations", []):
            for channel in animation["channels"]:
                place = (channel["target"].get("node", -1), channel["target"]["path"])
                if place in seen:
                    continue
                seen.add(place)
                sampler = animation["samplers"][channel["sampler"]]
                time_s = self.array(sampler["input"])[:, 0]
                if not np.isfinite(time_s).all() or (np.diff(time_s) <= 0).any():
                    raise ValueError("keys whose times do not rise")
                yield *place, _Curve(time_s, self.array(sampler["output"]), sampler.get("interpolation", "LINEAR"))

    def faces(self) -> Iterator[tuple[int, dict[int, int]]]:
        """Nodes of meshes with ARKit's names, and for each morph target of those which of `ARKIT_NAMES` it is; a target
        of another name has -1.
        """
        for index, node in enumerate(self.content.get("nodes", [])):
            mesh = self.content["meshes"][node["mesh"]] if "mesh" in node else {}
            names = (mesh.get("extras") or {}).get("targetNames") or []
            columns = {place: _INDEX.get(str(name).rsplit(".", 1)[-1].lower(), -1) for place, name in enumerate(names)}
            if sum(target >= 0 for target in columns.values()) >= LEAST_NAMES:
                yield index, columns

    def heads(self, faces: dict[int, dict[int, int]]) -> set[int]:
        """Nodes whose turning is the head's: the face's own, and those named so."""
        named = {i for i, node in enumerate(self.content["nodes"]) if str(node.get("name", "")).lower() == "head"}
        return named or set(faces)


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """JSON and binary chunk of a .glb."""
    size, kind = struct.unpack_from("<II", data, 12)
    if kind != JSON_CHUNK:
        raise ValueError("no JSON in its first chunk")
    return data[20 : 20 + size], data[28 + size :]


def _from(uri: str, path: Path) -> bytes:
    """A buffer out of the JSON itself, or out of a file that lies beside it."""
    if uri.startswith("data:"):
        return base64.b64decode(uri.partition(",")[2], validate=True)
    beside = path.parent / uri
    if Path(uri).name != uri or not beside.is_file():
        raise InputError(f"{path} wants a buffer '{uri}'", "one inside the file, or a file beside it", "export a .glb")
    return beside.read_bytes()
