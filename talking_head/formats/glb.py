"""The container of glTF 2.0 binary (.glb): a JSON and one buffer, written by hand; what an animated head is in it.

glTF's frame is that of `docs/conventions.md`, in metres.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from face_model.rotations import rotation_matrix
from face_model.tracks import FaceMotion
from foundation.files import atomic_path

FLOAT, UINT = 5126, 5125
VERTICES, INDICES = 34962, 34963
MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
M_PER_MM = 1e-3
ALIGNMENT = 4
GENERATOR = "talking-head"
WHITE = (1.0, 1.0, 1.0)
MOUTH_RGB = (0.06, 0.015, 0.015)  # linear


class Buffer:
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

    def write(self, path: Path | str, content: Mapping[str, Any]) -> None:
        """Write a file of this buffer, whole or not at all.

        Args:
            content: the JSON but for what the buffer itself says.
        """
        said: dict[str, Any] = {"asset": {"version": "2.0", "generator": GENERATOR}} | dict(content)
        said |= {"accessors": self.accessors, "bufferViews": self.views}
        said |= {"buffers": [{"byteLength": len(self.data)}]}
        text = json.dumps(said, separators=(",", ":")).encode()
        text += b" " * (-len(text) % ALIGNMENT)
        total = 12 + 8 + len(text) + 8 + len(self.data)
        with atomic_path(path) as temporary:
            header = struct.pack("<III", MAGIC, 2, total) + struct.pack("<II", len(text), JSON_CHUNK)
            temporary.write_bytes(header + text + struct.pack("<II", len(self.data), BINARY_CHUNK) + bytes(self.data))


def material(name: str, rgb: tuple[float, float, float]) -> dict[str, Any]:
    """A dull one of a linear colour."""
    look = {"baseColorFactor": [*rgb, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8}
    return {"name": name, "pbrMetallicRoughness": look, "doubleSided": True}


def linear(rgb: np.ndarray) -> np.ndarray:
    """A colour as glTF's vertices have it."""
    mapped: np.ndarray = np.clip(rgb, 0, 1) ** 2.2
    return mapped


def turns(rotation: np.ndarray) -> np.ndarray:
    """Quaternions `[T, 4]` of (pitch, yaw, roll) `[T, 3]`, neighbours on one half of the sphere, or what turns would
    spin between them.
    """
    turn = rotation_matrix(torch.from_numpy(np.asarray(rotation, np.float64))).numpy()
    quaternion = np.asarray(Rotation.from_matrix(turn).as_quat())
    flips = np.cumprod(np.where((quaternion[1:] * quaternion[:-1]).sum(1) < 0, -1, 1))
    quaternion[1:] *= flips[:, None]
    return quaternion


def animation(
    buffer: Buffer, motion: FaceMotion, weights: np.ndarray, eyes: Mapping[int, np.ndarray] | None = None
) -> dict[str, Any]:
    """Keys at every frame, and the last again at the end, so that the animation lasts as long as the sound.

    Args:
        weights: `[T, A]` of the morph targets of node 0, which turns and moves as `rotation` and `translation`.
        eyes: node to its rotation `[T, 3]`.
    """
    held = np.minimum(np.arange(len(motion) + 1), len(motion) - 1)
    time_s = buffer.add(np.arange(len(motion) + 1) / motion.fps)
    outputs = [
        (0, "rotation", turns(motion.rotation)[held]), (0, "translation", motion.translation[held] * M_PER_MM),
        (0, "weights", weights[held].reshape(-1)),
        *((node, "rotation", turns(rotation)[held]) for node, rotation in (eyes or {}).items()),
    ]  # fmt: skip
    samplers = [{"input": time_s, "output": buffer.add(values), "interpolation": "LINEAR"} for *_, values in outputs]
    channels = [{"sampler": k, "target": {"node": node, "path": path}} for k, (node, path, _) in enumerate(outputs)]
    return {"name": "speech", "samplers": samplers, "channels": channels}
