"""glTF 2.0 binary (.glb) with a whole head, ICT-FaceKit's: skin, teeth, gums, tongue, and eyes that turn.

The head has a morph target for each of ARKit's values that the kit knows; a shape that the kit halves is one again. Its
neutral shape is the nearest that the kit's identities come to the person's face. The eyes are nodes of their own, which
turn about their middles as the values say that they look.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from face_model import mp478
from face_model.arkit import ARKIT_NAMES
from face_model.correspondence import FACE_POINTS, Correspondence, correspond
from face_model.ict import COLOURS, IctModel, arkit_name
from face_model.morphable_model import MorphableModel, Region
from face_model.tracks import FaceIdentity, FaceMotion
from talking_head.formats.arkit import EYE_PITCH, EYE_YAW, arkit_values, values_as_app
from talking_head.formats.glb import INDICES, M_PER_MM, VERTICES, WHITE, Buffer, animation, linear, material
from talking_head.formats.gltf import Look, at_zero_mm

NOISE_MM = 2.0  # by which two meshes of a face differ anyway; identities are in deviations
EYES = (("left", Region.LEFT_EYE, 1.0), ("right", Region.RIGHT_EYE, -1.0))  # +1: looking in is to the viewer's left


@dataclass(frozen=True)
class _Head:
    """The kit in `mp478`'s frame, in mm. neutral_mm: `[V, 3]`. targets_mm: `[A, V, 3]` of the names. colour: `[V, 3]`,
    linear.
    """

    model: MorphableModel
    names: tuple[str, ...]
    neutral_mm: np.ndarray
    targets_mm: np.ndarray
    colour: np.ndarray
    normals: np.ndarray

    def primitive(self, buffer: Buffer, triangles: np.ndarray, index: int, about_mm: np.ndarray | None = None
                  ) -> dict[str, Any]:  # fmt: skip
        """Some of the triangles, over the vertices that they use. about_mm: the origin of a part without targets."""
        used, corners = np.unique(triangles, return_inverse=True)
        place = self.neutral_mm[used] - (0.0 if about_mm is None else about_mm)
        made: dict[str, Any] = {
            "attributes": {
                "POSITION": buffer.add(place * M_PER_MM, VERTICES),
                "NORMAL": buffer.add(self.normals[used], VERTICES),
                "COLOR_0": buffer.add(self.colour[used], VERTICES),
            },
            "indices": buffer.add(corners.reshape(-1), INDICES), "material": index,
        }  # fmt: skip
        if about_mm is None:
            still = buffer.add(np.zeros((len(used), 3)), VERTICES)
            moved = self.targets_mm[:, used] * M_PER_MM
            rows = [buffer.add(offset, VERTICES) if np.abs(offset).max() > 0 else still for offset in moved]
            made["targets"] = [{"POSITION": row} for row in rows]
        return made


def write_gltf_head(
    motion: FaceMotion, path: Path | str, kit: IctModel, person: FaceIdentity | None = None, name: str = "head",
    values: np.ndarray | None = None, look: Look | None = None,
) -> None:
    """Write a motion of `mp478` on a whole head, whole or not at all.

    The node `head` turns and moves as `rotation` and `translation`, as in `gltf.write_gltf`, whose arguments these are.

    Args:
        kit: the kit's full mesh, with the expressions that are to move.
        look: whose skin colour the head's is; None for the kit's.

    Raises:
        InputError: the motion is not of `mp478`, or the kit's mesh is another.
    """
    played = arkit_values(motion) if values is None else values
    head, buffer = _head(kit, person, look), Buffer()
    region, triangles = head.model.triangle_region.numpy(), head.model.triangles.numpy()
    balls = np.isin(triangles.max(axis=1), kit.region("eyeballs")[0].numpy())
    mouth = region == int(Region.INNER_MOUTH)
    nodes, meshes, turned = [{"name": "head", "mesh": 0, "children": [1, 2]}], [], {}
    parts = (triangles[~balls & ~mouth], triangles[mouth])
    primitives = [head.primitive(buffer, part, index) for index, part in enumerate(parts)]
    extras = {"targetNames": list(head.names)}
    meshes.append({"name": name, "primitives": primitives, "weights": [0.0] * len(head.names), "extras": extras})
    for node, (side, which, inwards) in enumerate(EYES, start=1):
        own = triangles[balls & (region == int(which))]
        middle_mm = _middle(head.neutral_mm[np.unique(own)])
        nodes.append({"name": f"{side} eye", "mesh": node, "translation": (middle_mm * M_PER_MM).tolist()})
        meshes.append({"name": f"{side} eye", "primitives": [head.primitive(buffer, own, 2, middle_mm)]})
        turned[node] = _gaze(played, side, inwards)
    columns = [ARKIT_NAMES.index(known) for known in head.names]
    buffer.write(path, {
        "scene": 0, "scenes": [{"nodes": [0]}], "nodes": nodes, "meshes": meshes,
        "materials": [material(part, WHITE) for part in ("skin", "inner mouth", "eyes")],
        "animations": [animation(buffer, motion, values_as_app(played)[:, columns], turned)],
    })  # fmt: skip


def _head(kit: IctModel, person: FaceIdentity | None, look: Look | None) -> _Head:
    model = kit.morphable()
    place = correspond(model)
    shape = kit.mean_mm.numpy() + np.einsum("i,ivc->vc", _identity(kit, place, person), kit.identity_mm.numpy())
    neutral_mm = _placed(place, shape) + place.shift_mm
    names = tuple(name for name in ARKIT_NAMES if name in set(map(arkit_name, kit.expression_names)))
    offsets = kit.expression_mm.numpy()
    shapes = [sum(o for o, k in zip(offsets, kit.expression_names, strict=True) if arkit_name(k) == n) for n in names]
    targets = _placed(place, np.stack(shapes) if shapes else np.zeros((0, *shape.shape)))
    albedo = model.albedo.numpy().copy()
    if look is not None:
        albedo[kit.region("face", "head_and_neck")[0]] *= (_skin_rgb(look) / COLOURS["face"]).astype(np.float32)
    normals = model.normals(torch.from_numpy(neutral_mm).float()).numpy()
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0, 0, 1)  # what no triangle uses
    return _Head(model, names, neutral_mm, targets, linear(albedo), normals)


def _skin_rgb(look: Look) -> np.ndarray:
    """The colour of a person's skin in their picture, 0-1: the middle one over the face's points."""
    picture_bgr, model = cv2.imdecode(np.frombuffer(look.picture, np.uint8), cv2.IMREAD_COLOR), mp478.load()
    assert picture_bgr is not None
    skin = np.unique(model.triangles.numpy()[model.triangle_region.numpy() == int(Region.SKIN)])
    size = np.array([picture_bgr.shape[1], picture_bgr.shape[0]])
    x, y = np.clip((look.uv[skin] * size).astype(int), 0, size - 1).T
    found: np.ndarray = np.median(picture_bgr[y, x, ::-1], axis=0) / 255
    return found


def _identity(kit: IctModel, place: Correspondence, person: FaceIdentity | None) -> np.ndarray:
    """Coefficients `[I]` of the kit's identities that bring its face nearest to the person's, as usual as can be."""
    if person is None or not len(kit.identity_mm):
        return np.zeros(len(kit.identity_mm))
    wanted = at_zero_mm(mp478.load(), person)[0][:FACE_POINTS]
    mean = _placed(place, place.of(kit.mean_mm.numpy())) + place.shift_mm
    ways = _placed(place, place.of(kit.identity_mm.numpy()))[:, place.valid].reshape(len(kit.identity_mm), -1)
    off = (wanted - mean)[place.valid].reshape(-1)
    gram = ways @ ways.T / NOISE_MM**2 + np.eye(len(ways))
    found: np.ndarray = np.linalg.solve(gram, ways @ off / NOISE_MM**2)
    return found


def _placed(place: Correspondence, mm: np.ndarray) -> np.ndarray:
    """Offsets `[..., 3]` of the kit in `mp478`'s frame and size."""
    turned: np.ndarray = place.scale * np.asarray(mm, np.float64) @ place.rotation.T
    return turned


def _middle(points_mm: np.ndarray) -> np.ndarray:
    """The middle of the sphere that lies nearest to points `[N, 3]`."""
    rows = np.concatenate([2 * points_mm, np.ones((len(points_mm), 1))], axis=1)
    found: np.ndarray = np.linalg.lstsq(rows, (points_mm**2).sum(1), rcond=None)[0][:3]
    return found


def _gaze(values: np.ndarray, side: str, inwards: float) -> np.ndarray:
    """(pitch, yaw, roll) `[T, 3]` of an eye, from the values that say where it looks."""
    way = {w: values[:, ARKIT_NAMES.index(f"eyeLook{w}{side.capitalize()}")] for w in ("Down", "Up", "In", "Out")}
    pitch, yaw = EYE_PITCH * (way["Down"] - way["Up"]), -inwards * EYE_YAW * (way["In"] - way["Out"])
    return np.stack([pitch, yaw, np.zeros_like(pitch)], axis=1)
