"""glTF 2.0 binary (.glb): the face as a mesh with 52 morph targets named as ARKit names them, animated.

The targets are the offsets that `arkit` maps each value to, so what plays is what `motion_of_arkit` gives; lids are
shut at 1, as the app's, so that the animation fits other faces too. A whole head: `gltf_head`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from face_model import mp478
from face_model.arkit import ARKIT_NAMES, CLOSED_LID, LIDS, OPEN_LID, maps
from face_model.morphable_model import MorphableModel, Region
from face_model.tracks import FaceIdentity, FaceMotion
from talking_head.formats.arkit import arkit_values, values_as_app
from talking_head.formats.glb import (
    INDICES,
    M_PER_MM,
    MOUTH_RGB,
    VERTICES,
    WHITE,
    Buffer,
    animation,
    linear,
    material,
)

UNLIT = "KHR_materials_unlit"
EYE_RGB = (0.85, 0.83, 0.8)  # linear


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
    buffer = Buffer()
    mesh, materials = _mesh(buffer, model, person, look)
    content: dict[str, Any] = {
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "head", "mesh": 0}],
        "meshes": [mesh | {"name": name}],
        "materials": materials,
        "animations": [animation(buffer, motion, weights)],
    }
    if look is not None:
        picture = {"bufferView": buffer.add_picture(look.picture), "mimeType": "image/jpeg"}
        content |= {"images": [picture], "textures": [{"source": 0}], "extensionsUsed": [UNLIT]}
    buffer.write(path, content)


def at_zero_mm(model: MorphableModel, person: FaceIdentity | None) -> tuple[np.ndarray, np.ndarray]:
    """A person's face `[478, 3]` with all ARKit values at 0, and what each does at 1, `[52, 478, 3]`; lids in the app's
    scale.
    """
    known = maps()
    shape = model.mean_mm if person is None else model.shape(torch.from_numpy(person.identity).float())
    gain = 1.0 if person is None else person.blink_gain
    basis = np.concatenate((model.expression_mm.numpy(), model.blink_mm.numpy()[None] * gain)).astype(np.float64)
    offsets_mm = np.einsum("ak,kvc->avc", known.from_arkit, basis)
    at_zero = -known.rest
    at_zero[LIDS] += OPEN_LID  # what a lid's 0 is here
    neutral_mm = shape.numpy() + np.einsum("a,avc->vc", at_zero, offsets_mm)
    offsets_mm[LIDS] *= CLOSED_LID - OPEN_LID
    return neutral_mm, offsets_mm


def _mesh(
    buffer: Buffer, model: MorphableModel, person: FaceIdentity | None, look: Look | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The mesh at ARKit values of 0, with its targets, and its materials: skin, eyes, inner mouth."""
    neutral_mm, offsets_mm = at_zero_mm(model, person)
    albedo = model.albedo if person is None else model.albedo_of(torch.from_numpy(person.texture).float())
    colour = linear(albedo.numpy())
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
        materials = [material("skin", WHITE), material("eyes", EYE_RGB), material("inner mouth", MOUTH_RGB)]
    else:
        materials = [_painted("skin"), _painted("eyes"), material("inner mouth", MOUTH_RGB)]
    return {"primitives": primitives, "weights": [0.0] * len(ARKIT_NAMES), "extras": names}, materials


def _painted(name: str) -> dict[str, Any]:
    """A material of the picture, whose light is in it already."""
    plain = material(name, WHITE)
    plain["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
    return plain | {"extensions": {UNLIT: {}}}
