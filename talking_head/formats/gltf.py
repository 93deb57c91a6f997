"""glTF 2.0 binary (.glb): the face as a mesh with 52 morph targets named as ARKit names them, animated.

The targets are the offsets that `arkit` maps each value to, so what plays is what `motion_of_arkit` gives; lids are
shut at 1, as the app's, so that the animation fits other faces too. glTF's frame is that of `docs/conventions.md`, in
metres. Written by hand: the format is a JSON and one buffer; the test validates.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from face_model import mp478
from face_model.arkit import ARKIT_NAMES, CLOSED_LID, LIDS, OPEN_LID, maps
from face_model.morphable_model import MorphableModel, Region
from face_model.rotations import rotation_matrix
from face_model.tracks import FaceIdentity, FaceMotion
from foundation.files import atomic_path
from talking_head.formats.arkit import arkit_values, values_as_app

FLOAT, UINT = 5126, 5125
VERTICES, INDICES = 34962, 34963
MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
M_PER_MM = 1e-3
ALIGNMENT = 4
UNLIT = "KHR_materials_unlit"
WHITE = (1.0, 1.0, 1.0)
EYE_RGB, MOUTH_RGB = (0.85, 0.83, 0.8), (0.06, 0.015, 0.015)  # linear
GENERATOR = "talking-head"


class _Buffer:
    """Accessors over one buffer."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add_picture(self, content: bytes) -> int:
        """The index of a new view of a JPEG's bytes."""
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)})
        self.data += content + bytes(-len(content) % ALIGNMENT)
        return len(self.views) - 1

    def add(self, values: np.ndarray, target: int | None = None) -> int:
        """The index of a new accessor of `[N]` scalars or `[N, 2-4]` vectors, float32 or uint32."""
        kind = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}[values.shape[1] if values.ndim == 2 else 1]
        code, dtype = (UINT, "<u4") if np.issubdtype(values.dtype, np.integer) else (FLOAT, "<f4")
        values = np.ascontiguousarray(values, dtype)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": values.nbytes}
        self.views.append(view | ({} if target is None else {"target": target}))
        self.data += values.tobytes() + bytes(-values.nbytes % ALIGNMENT)
        rows = values.reshape(len(values), -1)
        limits = {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        about = {"bufferView": len(self.views) - 1, "componentType": code, "count": len(values), "type": kind}
        self.accessors.append(about | limits)
        return len(self.accessors) - 1


@dataclass(frozen=True)
class Look:
    """picture: a JPEG. uv: `[478, 2]`, where each vertex lies in it, 0-1 from its upper left corner."""

    picture: bytes
    uv: np.ndarray


def write_gltf(
    motion: FaceMotion, path: Path | str, person: FaceIdentity | None = None, name: str = "face",
    values: np.ndarray | None = None, look: Look | None = None,
) -> None:
    """Write a motion on a person's face (None: the mean face), whole or not at all.

    values: `[T, 52]`, the ARKit values to play; None for those of the motion's expression. look: the person's colours;
    None for those of the face model, which are plain.

    The node `head` turns and moves as `rotation` and `translation`; the animation lasts as long as the motion.

    Raises:
        InputError: the motion is not of `mp478`.
    """
    weights, model = values_as_app(arkit_values(motion) if values is None else values), mp478.load()
    buffer = _Buffer()
    mesh, materials = _mesh(buffer, model, person, look)
    content: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": GENERATOR},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "head", "mesh": 0}],
        "meshes": [mesh | {"name": name}],
        "materials": materials,
        "animations": [_animation(buffer, motion, weights)],
    }
    if look is not None:
        picture = {"bufferView": buffer.add_picture(look.picture), "mimeType": "image/jpeg"}
        content |= {"images": [picture], "textures": [{"source": 0}], "extensionsUsed": [UNLIT]}
    content |= {"accessors": buffer.accessors, "bufferViews": buffer.views}
    content |= {"buffers": [{"byteLength": len(buffer.data)}]}
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    total = 12 + 8 + len(text) + 8 + len(buffer.data)
    with atomic_path(path) as temporary:
        header = struct.pack("<III", MAGIC, 2, total) + struct.pack("<II", len(text), JSON_CHUNK)
        temporary.write_bytes(header + text + struct.pack("<II", len(buffer.data), BINARY_CHUNK) + bytes(buffer.data))


def _mesh(
    buffer: _Buffer, model: MorphableModel, person: FaceIdentity | None, look: Look | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The mesh at ARKit values of 0, with its targets, and its materials: skin, eyes, inner mouth."""
    known, shape, albedo = maps(), model.mean_mm, model.albedo
    gain = 1.0 if person is None else person.blink_gain
    if person is not None:
        shape = model.shape(torch.from_numpy(person.identity).float())
        albedo = model.albedo_of(torch.from_numpy(person.texture).float())
    basis = np.concatenate((model.expression_mm.numpy(), model.blink_mm.numpy()[None] * gain)).astype(np.float64)
    offsets_mm = np.einsum("ak,kvc->avc", known.from_arkit, basis)
    at_zero = -known.rest
    at_zero[LIDS] += OPEN_LID  # what a lid's 0 is here
    neutral_mm = shape.numpy() + np.einsum("a,avc->vc", at_zero, offsets_mm)
    offsets_mm[LIDS] *= CLOSED_LID - OPEN_LID
    colour = np.clip(albedo.numpy(), 0, 1) ** 2.2  # to linear
    normals = model.normals(torch.from_numpy(neutral_mm).float()).numpy()
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0, 0, 1)  # the irises, which no triangle uses
    parts = {
        "POSITION": buffer.add(neutral_mm * M_PER_MM, VERTICES),
        "NORMAL": buffer.add(normals, VERTICES),
        "TEXCOORD_0": buffer.add(model.uv.numpy() if look is None else look.uv, VERTICES),
    }
    targets = [{"POSITION": buffer.add(offset * M_PER_MM, VERTICES)} for offset in offsets_mm]
    skin = parts | ({"COLOR_0": buffer.add(colour, VERTICES)} if look is None else {})
    region = model.triangle_region.numpy()
    kinds = ((skin, (Region.SKIN,)), (parts, (Region.RIGHT_EYE, Region.LEFT_EYE)), (parts, (Region.INNER_MOUTH,)))
    primitives = [
        {
            "attributes": attributes, "targets": targets, "material": index,
            "indices": buffer.add(model.triangles.numpy()[np.isin(region, regions)].reshape(-1), INDICES),
        }
        for index, (attributes, regions) in enumerate(kinds)
    ]
    names = {"targetNames": list(ARKIT_NAMES)}  # where Blender, Unreal and three.js look for them
    if look is None:
        materials = [_material("skin", WHITE), _material("eyes", EYE_RGB), _material("inner mouth", MOUTH_RGB)]
    else:
        materials = [_painted("skin"), _painted("eyes"), _material("inner mouth", MOUTH_RGB)]
    return {"primitives": primitives, "weights": [0.0] * len(ARKIT_NAMES), "extras": names}, materials


def _material(name: str, rgb: tuple[float, float, float]) -> dict[str, Any]:
    look = {"baseColorFactor": [*rgb, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8}
    return {"name": name, "pbrMetallicRoughness": look, "doubleSided": True}


def _painted(name: str) -> dict[str, Any]:
    """A material of the picture, whose light is in it already."""
    plain = _material(name, WHITE)
    plain["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
    return plain | {"extensions": {UNLIT: {}}}


def _animation(buffer: _Buffer, motion: FaceMotion, weights: np.ndarray) -> dict[str, Any]:
    """Keys at every frame, and the last again at the end, so that the animation lasts as long as the sound."""
    held = np.minimum(np.arange(len(motion) + 1), len(motion) - 1)
    time_s = buffer.add(np.arange(len(motion) + 1) / motion.fps)
    turn = rotation_matrix(torch.from_numpy(np.asarray(motion.rotation, np.float64))).numpy()
    quaternion = Rotation.from_matrix(turn).as_quat()
    flips = np.cumprod(np.where((quaternion[1:] * quaternion[:-1]).sum(1) < 0, -1, 1))
    quaternion[1:] *= flips[:, None]  # neighbours on one half of the sphere, or the head would spin between them
    outputs = {
        "rotation": buffer.add(quaternion[held]),
        "translation": buffer.add(motion.translation[held] * M_PER_MM),
        "weights": buffer.add(weights[held].reshape(-1)),
    }
    samplers = [{"input": time_s, "output": output, "interpolation": "LINEAR"} for output in outputs.values()]
    channels = [{"sampler": index, "target": {"node": 0, "path": path}} for index, path in enumerate(outputs)]
    return {"name": "speech", "samplers": samplers, "channels": channels}
