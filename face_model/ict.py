"""ICT-FaceKit (Li et al., CVPR 2020; MIT) from a folder of its OBJ files: a head with eyes, teeth, tongue and lashes.

The files are in centimetres, x right as seen, y up, z towards the viewer (the person's left is +x); here in mm. Its
53 expressions are ARKit's, but for `tongueOut`, which it lacks, and `browInnerUp` and `cheekPuff`, which it has for
each side.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from face_model.morphable_model import MorphableModel, Region
from foundation.errors import InputError
from foundation.files import read_json
from foundation.progress import track

ID = "ict_facekit"
MM_PER_CM = 10.0
NEUTRAL = "generic_neutral_mesh"
IDENTITY_PREFIX = "identity"
BOTH_SIDES = ("browInnerUp", "cheekPuff")  # one in ARKit, two here
# First vertex of each part, in the order of the file; the next part begins where one ends.
REGION_STARTS = {
    "face": 0, "head_and_neck": 9409, "mouth_socket": 11248, "eye_sockets": 13294, "gums_and_tongue": 14062,
    "teeth": 17039, "eyeballs": 21451, "eye_fluid": 24591, "lashes": 25351,
}
VERTICES = 26_719
NO_EXPRESSIONS = ("PupilDilate_L", "PupilDilate_R", "cheekRaiser_L", "cheekRaiser_R")  # beside the kit's own list of 53
# An eyeball is two shells; the outer, with the cornea, is clear at its front. Opaque, it hides the inner one.
INNER_EYES = (slice(22_221, 23_021), slice(23_791, 24_591))
OUTER_EYES = (slice(21_451, 22_221), slice(23_021, 23_791))
IRIS_RADIUS_MM, PUPIL_RADIUS_MM = 5.9, 2.0
CLOSING = ("eyeBlink_L", "eyeBlink_R")
# Plain colours, RGB 0-1: the kit has no pictures.
COLOURS = {
    "face": (0.78, 0.60, 0.51), "head_and_neck": (0.76, 0.58, 0.49), "mouth_socket": (0.42, 0.16, 0.15),
    "eye_sockets": (0.62, 0.40, 0.36), "gums_and_tongue": (0.66, 0.33, 0.33), "teeth": (0.90, 0.87, 0.79),
    "eyeballs": (0.93, 0.92, 0.90), "eye_fluid": (0.93, 0.92, 0.90), "lashes": (0.16, 0.11, 0.09),
}  # fmt: skip
IRIS_RGB, PUPIL_RGB = (0.33, 0.22, 0.13), (0.03, 0.03, 0.03)


def arkit_name(expression: str) -> str:
    """ARKit's name of an expression of the kit: `eyeBlink_L` is `eyeBlinkLeft`, `browInnerUp_L` is `browInnerUp`."""
    stem, _, side = expression.partition("_")
    return stem if stem in BOTH_SIDES or not side else stem + {"L": "Left", "R": "Right"}[side]


@dataclass(frozen=True)
class IctModel:
    """The head over V vertices, in mm.

    mean_mm: `[V, 3]`. identity_mm: `[I, V, 3]`, named by identity_names. expression_mm: `[K, V, 3]`, offsets at full
    strength, named by expression_names. triangles: `[F, 3]`, counter-clockwise from outside (quads cut in two).
    corner_uv: `[F, 3, 2]` 0-1, u right, v down in the texture picture; per corner, since the picture has seams.
    landmarks68: `[68]` vertex indices, None where the index file is absent.
    """

    mean_mm: Tensor
    identity_mm: Tensor
    identity_names: tuple[str, ...]
    expression_mm: Tensor
    expression_names: tuple[str, ...]
    triangles: Tensor
    corner_uv: Tensor
    landmarks68: Tensor | None

    def vertices(self, identity: Tensor, expression: Tensor) -> Tensor:
        """Vertices `[..., V, 3]` in the head frame (mm) of identity `[..., I]` and expression `[..., K]` (0-1)."""
        offsets = torch.einsum("...k,kvc->...vc", identity, self.identity_mm)
        return self.mean_mm + offsets + torch.einsum("...k,kvc->...vc", expression, self.expression_mm)

    def expression_of_arkit(self, values: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Weights `[T, K]` of ARKit values `[T, len(names)]`; both sides of a halved shape get the whole's value.

        Shapes that the kit lacks (`tongueOut`) are left out; shapes that are not among `names` stay 0.
        """
        weights = np.zeros((len(values), len(self.expression_names)), np.float32)
        for place, name in enumerate(self.expression_names):
            if (wanted := arkit_name(name)) in names:
                weights[:, place] = values[:, list(names).index(wanted)]
        return weights

    def arkit_of_expression(self, weights: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """ARKit values `[T, len(names)]` of weights `[T, K]`; a shape halved here is the mean of its sides."""
        values = np.zeros((len(weights), len(names)), np.float32)
        for place, name in enumerate(names):
            own = [k for k, expression in enumerate(self.expression_names) if arkit_name(expression) == name]
            if own:
                values[:, place] = weights[:, own].mean(1)
        return values

    def region(self, *names: str) -> tuple[Tensor, Tensor]:
        """Vertex indices `[N]` of the named regions, and their triangles `[M, 3]`.

        A triangle belongs to the region of its last vertex, so each belongs to one; on a seam it also uses vertices of
        the part before (the lips' edge, say, for the mouth socket).

        Raises:
            InputError: an unknown region, or this is not the kit's full mesh.
        """
        unknown = [name for name in names if name not in REGION_STARTS]
        if unknown:
            raise InputError(f"region '{unknown[0]}'", f"one of {', '.join(REGION_STARTS)}")
        if len(self.mean_mm) != VERTICES:
            raise InputError(f"a mesh of {len(self.mean_mm)} vertices", f"the kit's {VERTICES}: its regions are known")
        ends = [*list(REGION_STARTS.values())[1:], VERTICES]
        inside = torch.zeros(VERTICES, dtype=torch.bool)
        for (name, start), end in zip(REGION_STARTS.items(), ends, strict=True):
            inside[start:end] |= name in names
        return inside.nonzero()[:, 0], self.triangles[inside[self.triangles.max(dim=1).values]]

    def morphable(self) -> MorphableModel:
        """The whole head as a `MorphableModel`: skin, eyes, teeth, gums and mouth socket in plain colours.

        Identity and expression are the kit's, as many as were read, in the order of their names; AU45 closes both eyes
        with `eyeBlink_L` and `eyeBlink_R`, so these two columns of an expression hold what an eye differs from that.
        What is clear (tears, the eyeballs' fronts, the strips that carry lashes) is not drawn. A vertex on a seam of
        the texture has one of its uv.

        Raises:
            InputError: this is not the kit's full mesh.
        """
        region = torch.full((len(self.triangles),), int(Region.SKIN))
        albedo = torch.zeros_like(self.mean_mm)
        last = self.triangles.max(dim=1).values
        drawn = torch.ones(len(self.triangles), dtype=torch.bool)
        for name in REGION_STARTS:
            vertices, _ = self.region(name)
            inside = (last >= vertices[0]) & (last <= vertices[-1])
            albedo[vertices] = torch.tensor(COLOURS[name])
            if name in ("mouth_socket", "gums_and_tongue", "teeth"):
                region[inside] = int(Region.INNER_MOUTH)
            elif name in ("eye_sockets", "eyeballs"):
                left = self.mean_mm[last, 0] > 0
                region[inside & left], region[inside & ~left] = int(Region.LEFT_EYE), int(Region.RIGHT_EYE)
            elif name in ("eye_fluid", "lashes"):
                drawn &= ~inside
        for inner, outer in zip(INNER_EYES, OUTER_EYES, strict=True):
            drawn &= ~((last >= inner.start) & (last < inner.stop))
            self._paint_iris(albedo, outer)
        uv = torch.zeros(len(self.mean_mm), 2).index_copy(0, self.triangles.flatten(), self.corner_uv.flatten(0, 1))
        closing = [k for k, name in enumerate(self.expression_names) if name in CLOSING]
        return MorphableModel(
            id=ID, mean_mm=self.mean_mm, identity_mm=self.identity_mm, expression_mm=self.expression_mm,
            blink_mm=self.expression_mm[closing].sum(0), albedo=albedo, texture=torch.zeros(0, *self.mean_mm.shape),
            triangles=self.triangles[drawn], triangle_region=region[drawn], uv=uv,
            index_sets={} if self.landmarks68 is None else {"landmarks68": self.landmarks68},
        )

    def _paint_iris(self, albedo: Tensor, eye: slice) -> None:
        """Iris and pupil onto the front of one eyeball's outer shell."""
        points = self.mean_mm[eye]
        from_axis = (points - points.mean(0))[:, :2].norm(dim=1)
        front = points[:, 2] > points[:, 2].mean()
        colours = albedo[eye]
        colours[front & (from_axis < IRIS_RADIUS_MM)] = torch.tensor(IRIS_RGB)
        colours[front & (from_axis < PUPIL_RADIUS_MM)] = torch.tensor(PUPIL_RGB)
        albedo[eye] = colours


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not readable ({error})", "an OBJ file of ICT-FaceKit") from error


def _points(path: Path, lines: list[str], kind: str, width: int) -> np.ndarray:
    """Numbers `[N, width]` of the lines `<kind> a b ...`."""
    rows = [line[len(kind) + 1 :] for line in lines if line.startswith(f"{kind} ")]
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # older numpy only warns of what is no number
        try:
            numbers = np.fromstring(" ".join(rows), sep=" ")
        except (ValueError, DeprecationWarning):
            numbers = np.zeros(0)
    if numbers.size != width * len(rows):
        raise InputError(f"{path}: a line '{kind}' is not {width} numbers", "an OBJ file, whole")
    return numbers.reshape(len(rows), width)


def _corners(path: Path, lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Vertex and texture indices `[F, 3]` of the faces, fans of triangles, counted from 0."""
    triangles = []
    try:
        for line in lines:
            if line.startswith("f "):
                ring = [[int(number) for number in corner.split("/")[:2]] for corner in line.split()[1:]]
                triangles += [(ring[0], ring[k], ring[k + 1]) for k in range(1, len(ring) - 1)]
        found = np.array(triangles, np.int64).reshape(-1, 3, 2) - 1
    except ValueError as error:
        raise InputError(f"{path}: a face is not of the form v/vt", "the mesh of ICT-FaceKit") from error
    return found[..., 0], found[..., 1]


def load(folder: Path | str) -> IctModel:
    """The kit from a folder of its OBJ files (`FaceXModel` of its repository), with what is there.

    Raises:
        InputError: no neutral mesh, a damaged file, or a mesh of another number of vertices.
    """
    folder = Path(folder)
    if not (folder / f"{NEUTRAL}.obj").is_file():
        remedy = "take the FaceXModel folder of github.com/ICT-VGL/ICT-FaceKit"
        raise InputError(f"{folder} has no {NEUTRAL}.obj", "the OBJ files of ICT-FaceKit", remedy)
    path = folder / f"{NEUTRAL}.obj"
    lines = _lines(path)
    mean_cm, uv = _points(path, lines, "v", 3), _points(path, lines, "vt", 2)
    triangles, uv_index = _corners(path, lines)
    if len(triangles) == 0 or triangles.max() >= len(mean_cm) or uv_index.max() >= len(uv):
        raise InputError(f"{path}: faces point outside its {len(mean_cm)} vertices", "an OBJ file, whole")
    offsets: dict[str, np.ndarray] = {}
    others = sorted(file for file in folder.glob("*.obj") if file.stem != NEUTRAL)
    for other in track(others, "reading ICT-FaceKit"):
        shape_cm = _points(other, _lines(other), "v", 3)
        if shape_cm.shape != mean_cm.shape:
            raise InputError(f"{other} has {len(shape_cm)} vertices", f"{len(mean_cm)}, as {NEUTRAL}", "take it again")
        offsets[other.stem] = shape_cm - mean_cm
    identities = tuple(name for name in offsets if name.startswith(IDENTITY_PREFIX))
    expressions = tuple(n for n in offsets if not n.startswith(IDENTITY_PREFIX) and n not in NO_EXPRESSIONS)

    def stack(names: tuple[str, ...]) -> Tensor:
        rows = [offsets[name] * MM_PER_CM for name in names]
        return torch.from_numpy(np.array(rows, np.float32).reshape(-1, *mean_cm.shape))

    index_file = folder / "vertex_indices.json"
    landmarks = torch.tensor(read_json(index_file)["idx_to_landmark_verts"]) if index_file.is_file() else None
    return IctModel(
        mean_mm=torch.from_numpy((mean_cm * MM_PER_CM).astype(np.float32)),
        identity_mm=stack(identities), identity_names=identities,
        expression_mm=stack(expressions), expression_names=expressions,
        triangles=torch.from_numpy(triangles),
        corner_uv=torch.from_numpy((uv * (1, -1) + (0, 1)).astype(np.float32)[uv_index]), landmarks68=landmarks,
    )
