"""Proofs of face models: Basel's in Deng's layout, FLAME, ICT-FaceKit, and the five-point file beside Deng's model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from face_model import deng, flame, ict, mp478
from face_model.alignment import similarity
from face_model.correspondence import MEANING
from face_model.flame import FlameModel, FlamePose
from face_model.illumination import shading
from face_model.morphable_model import MorphableModel, rotate
from foundation.errors import InputError
from foundation.files import sha256
from foundation.matlab import read_mat
from preprocessing.tracking.layouts import MP478, POINTS68
from talking_head.assets import asset
from talking_head.doctor.proofs.result import Figure

LIPS = (62, 66)  # middle of the inner lips, upper and lower, of the 68
FRONT_LIGHT, BACK_LIGHT = 0.3, -0.3  # about the constant 0.8 of the light, on the term that grows with a normal's z


def like_the_mean_face(landmarks_mm: np.ndarray) -> list[Figure]:
    """How 68 landmarks `[68, 3]` lie against the same places of `mp478`'s mean head, after a similarity.

    Another order of the points, another axis or a mirrored head leaves centimetres; a real head leaves 3 mm (measured:
    ICT-FaceKit's 3.2, of scale 0.98, turned by 0.6 degrees).
    """
    target = mp478.load().mean_mm.numpy().astype(np.float64)[list(MEANING.values())]
    source = landmarks_mm.astype(np.float64)[list(MEANING)]
    scale, rotation, shift = similarity(source, target, np.ones(len(source)))
    missed = np.linalg.norm(scale * source @ rotation.T + shift - target, axis=1)
    turn = np.rad2deg(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
    return [
        Figure("landmarks beside the mean face", float(np.sqrt((missed**2).mean())), "mm", 0, 7, "two heads: 3"),
        Figure("size against the mean face", float(1 / scale), "times", 0.8, 1.25, "a wrong unit is 10 or more"),
        Figure("turned against it", float(turn), "degrees", 0, 25, "trackers differ by 13; a wrong axis is 90 or more"),
    ]


def facing(model: MorphableModel) -> Figure:
    """The share of a front mesh's area that faces the viewer, by its triangles' direction."""
    a, b, c = (model.mean_mm[model.triangles[:, k]] for k in range(3))
    normal = torch.linalg.cross(b - a, c - a)
    share = float((normal.norm(dim=1) * (normal[:, 2] > 0)).sum() / normal.norm(dim=1).sum().clamp(min=1e-9))
    reason = "seen from the front, triangles run counter-clockwise; reversed they give less than 0.3"
    return Figure("area that faces the viewer", share, "of the whole", 0.7, 1, reason)


def prove_bfm(path: Path) -> list[Figure]:
    """`BFM_model_front.mat`.

    Raises:
        InputError: what `deng.load` raises.
    """
    model = deng.load(path).model
    landmarks = model.mean_mm[model.index_sets["landmarks68"]]
    if len(landmarks) != POINTS68.count:
        raise InputError(f"{path}: {len(landmarks)} keypoints", str(POINTS68.count), "take the file as the script made")
    figures = [
        Figure("vertices", len(model.mean_mm), reason="the published model: 35709"),
        *like_the_mean_face(landmarks.numpy()), facing(model), *_normals(path, model), *_light(model, landmarks),
        *_zeros(model), *_bases(model),
    ]
    return figures


def _normals(path: Path, model: MorphableModel) -> list[Figure]:
    """Our normals against those of the file's own table of the triangles around each vertex, where it has one."""
    content = read_mat(path)
    if "point_buf" not in content:
        return []
    corners = model.mean_mm[model.triangles]
    face = torch.linalg.cross(corners[:, 0] - corners[:, 1], corners[:, 1] - corners[:, 2])
    around = torch.from_numpy(content["point_buf"].astype(np.int64) - 1)
    if around.min() < 0 or around.max() > len(face):
        raise InputError(f"{path}: point_buf points outside the {len(face)} triangles", "indices from 1")
    published = torch.cat([face, torch.zeros(1, 3)])[around].sum(1)
    used = torch.zeros(len(model.mean_mm), dtype=torch.bool).index_fill(0, model.triangles.flatten(), True)
    cosine = torch.cosine_similarity(published, model.normals(model.mean_mm), dim=1)[used]
    share = float((cosine > 0.9).float().mean())
    reason = "the published formula's; its table has eight places, so single vertices differ"
    return [Figure("normals along those of point_buf", share, "of the vertices", 0.98, 1, reason)]


def _light(model: MorphableModel, landmarks: Tensor) -> list[Figure]:
    """The mean face's colours under Deng's light from the front and from behind."""
    gamma = torch.zeros(2, 3, 9)  # front, back; colours; terms
    gamma[:, :, 0] = 0.8
    gamma[0, :, 2], gamma[1, :, 2] = FRONT_LIGHT, BACK_LIGHT
    light = shading(model.normals(model.mean_mm), gamma.flatten(1))
    colours = light * model.albedo
    inner = torch.cdist(landmarks[17:], model.mean_mm).argmin(dim=1)  # brows, nose, eyes, mouth
    front, back = (float(picture[inner].mean()) for picture in colours)
    red, _, blue = model.albedo.mean(0).tolist()
    return [
        Figure("shaded colours that are finite", float(colours.isfinite().float().mean()), "of all", 1, 1, "all"),
        Figure("face lit from the front over from behind", front / max(back, 1e-6), "times", 1.5, None,
               "normals that look out; reversed it is below 1"),
        Figure("mean albedo", float(model.albedo.mean()), "of 1", 0.2, 0.9, "skin; meantex is 0 to 255"),
        Figure("red over blue", red - blue, "of 1", 0.0, 0.6, "skin; channels the other way round are below 0"),
    ]  # fmt: skip


def _zeros(model: MorphableModel) -> list[Figure]:
    """257 zeros: the mean face, in the middle of the picture."""
    zeros = deng.DengCoefficients.unpack(np.zeros((1, deng.DengCoefficients.SIZE)))
    motion, person = zeros.motion(25.0), zeros.person()
    neutral = model.shape(torch.from_numpy(person.identity))
    head = model.vertices(neutral, torch.from_numpy(motion.expression[0]), torch.tensor(0.0))
    turned = rotate(head, torch.from_numpy(motion.rotation[0]))
    pixels, _ = deng.camera().project(turned, torch.from_numpy(motion.translation[0]))
    marks = pixels[model.index_sets["landmarks68"]]
    width = float((marks[45] - marks[36]).norm())
    off = float((head - model.mean_mm).norm(dim=1).max())
    return [
        Figure("257 zeros beside the mean face", off, "mm", 0, 1e-3, "float rounding"),
        Figure("its eyes' outer corners in the picture of 224", width, "px", 60, 130, "the crop's own scale: about 90"),
    ]


def _bases(model: MorphableModel) -> list[Figure]:
    """What one deviation of the strongest directions does."""
    identity, expression = (
        float(basis.square().sum(2).mean(1).sqrt().max()) for basis in (model.identity_mm, model.expression_mm)
    )
    texture = 255 * float(model.texture.square().mean((1, 2)).sqrt().max())
    upper, lower = model.index_sets["landmarks68"][list(LIPS)]
    opening = float((model.expression_mm[:, upper, 1] - model.expression_mm[:, lower, 1]).abs().max())
    return [
        Figure("strongest identity", identity, "mm a deviation", 0.5, 15, "faces differ by 3 to 5 mm"),
        Figure("strongest expression", expression, "mm a deviation", 0.05, 15, "a wrong unit is 100 times"),
        Figure("strongest texture", texture, "of 255 a deviation", 0.5, 60, "skins differ by tens"),
        Figure("widest opening of the lips", opening, "mm a deviation", 0.3, 40, "an expression must open the mouth"),
    ]  # fmt: skip


def prove_similarity(path: Path) -> list[Figure]:
    """`similarity_Lm3D_all.mat`: the 68 landmarks of the standard face, in decimetres.

    Raises:
        InputError: not 68 points.
    """
    landmarks = read_mat(path)["lm"]
    if landmarks.shape != (POINTS68.count, 3):
        raise InputError(f"{path}: lm is {landmarks.shape}", f"({POINTS68.count}, 3)")
    points_mm = landmarks.astype(np.float64) * deng.MM_PER_DM
    five, ours = POINTS68.five_points(points_mm), MP478.five_points(mp478.load().mean_mm.numpy().astype(np.float64))
    spread = [np.linalg.norm(points - points.mean(0), axis=1).sum() for points in (five, ours)]
    figures = like_the_mean_face(points_mm)
    return [*figures, Figure("its five points' spread over ours", spread[0] / spread[1], "times", 0.85, 1.18,
                             "the crop's scale goes by it: 3% were measured between two sets")]  # fmt: skip


def prove_flame(path: Path) -> list[Figure]:
    """A generic FLAME, `.pkl` or `.npz`.

    Raises:
        InputError: what `flame.load` raises.
    """
    model = flame.load(path)
    zeros = torch.zeros(len(model.shape_mm)), torch.zeros(len(model.expression_mm))
    rest = model.vertices(*zeros, FlamePose.unpack(torch.zeros(flame.POSE_SIZE)))
    off = float((rest - model.template_mm).norm(dim=1).max())
    tall = float(torch.max(rest[:, 1]) - torch.min(rest[:, 1]))
    return [
        Figure("vertices", len(rest), reason=f"the released model: {flame.VERTICES}"),
        Figure("zero pose and shape beside the template", off, "mm", 0, 0.01, "float rounding"),
        Figure("height of head and neck", tall, "mm", 150, 450, "metres in the file; another unit is 10 times off"),
        Figure("volume by the triangles", _litres(model), "litres", 0.5, 12, "reversed triangles make it negative"),
        *_skinning(model), *_joints(model), *_jaw(model, zeros),
    ]  # fmt: skip


def _litres(model: FlameModel) -> float:
    points = (model.template_mm - model.template_mm.mean(0)).double()
    a, b, c = (points[model.triangles[:, k]] for k in range(3))
    return float((a * torch.linalg.cross(b, c)).sum() / 6) / 1e6


def _skinning(model: FlameModel) -> list[Figure]:
    weights = float((model.weights.sum(1) - 1).abs().max())
    regressor = float((model.joint_regressor.sum(1) - 1).abs().max())
    return [
        Figure("skinning weights' sum beside 1", weights, "", 0, 1e-3, "each vertex is wholly shared out"),
        Figure("joint regressor's sums beside 1", regressor, "", 0, 1e-3, "a joint is a mean of vertices"),
    ]


def _joints(model: FlameModel) -> list[Figure]:
    """Where the joints of the template are; their names go by the published order."""
    joints = model.joint_regressor @ model.template_mm
    low, high = model.template_mm.min(0).values, model.template_mm.max(0).values
    inside = ((joints >= low) & (joints <= high)).all(1).float().mean()
    place = dict(zip(flame.JOINTS, joints, strict=True))
    apart = float(place["left_eye"][0] - place["right_eye"][0])
    behind = float((place["left_eye"] + place["right_eye"])[2] / 2 - place["jaw"][2])
    below = float((place["left_eye"] + place["right_eye"])[1] / 2 - place["jaw"][1])
    figures = [
        Figure("joints inside the head's box", float(inside), "of five", 1, 1, "all"),
        Figure("left eye right of the right eye, as seen", apart, "mm", 50, 75, "people: 63; swapped it is negative"),
        Figure("jaw's joint behind the eyes", behind, "mm", 5, 120, "it lies by the ears; z is towards the viewer"),
        Figure("jaw's joint below the eyes", below, "mm", 5, 90, "y is up"),
    ]
    if len(model.template_mm) == flame.VERTICES:
        middles = [model.template_mm[ball].mean(0) for ball in (flame.LEFT_EYEBALL, flame.RIGHT_EYEBALL)]
        missed = [float((m - place[name]).norm()) for m, name in zip(middles, flame.JOINTS[3:], strict=True)]
        figures.append(Figure("eyes' joints beside their balls", max(missed), "mm", 0, 5, "a ball turns in its middle"))
    return figures


def _jaw(model: FlameModel, zeros: tuple[Tensor, Tensor]) -> list[Figure]:
    """A jaw turned by 0.3 about x."""
    pose = torch.zeros(flame.POSE_SIZE)
    pose[3 * flame.JOINTS.index("jaw")] = 0.3
    moved = model.vertices(*zeros, FlamePose.unpack(pose)) - model.template_mm
    share = model.weights[:, flame.JOINTS.index("jaw")]
    hanging, others = moved[share > 0.9], moved[share < 0.01]
    if len(hanging) == 0 or len(others) == 0:
        return [Figure("vertices that hang on the jaw", len(hanging), "", 1, None, "the lower lip and the chin")]
    lips = hanging[model.template_mm[share > 0.9][:, 2].topk(max(1, len(hanging) // 10)).indices]
    return [
        Figure("foremost of the jaw, when it opens by 0.3", float(lips[:, 1].mean()), "mm upwards", -60, -5,
               "0.3 at some 9 cm: -20 or so; the other sign is another axis"),
        Figure("the rest of the head then", float(others.norm(dim=1).median()), "mm", 0, 1, "it stays"),
    ]  # fmt: skip


def prove_ict(folder: Path) -> list[Figure]:
    """ICT-FaceKit's OBJ files.

    Raises:
        InputError: what `ict.load` raises, or not the whole mesh.
    """
    pinned = {Path(file.path).name: file for file in asset("ict-facekit").files}
    here = [path for path in sorted(folder.iterdir()) if path.name in pinned]
    same = sum(sha256(path) == pinned[path.name].sha256 for path in here)
    files = [
        Figure("files", len(here), reason=f"of {len(pinned)} of the pinned commit"),
        Figure("files of the pinned content", same / max(len(here), 1), "of those here", 1, 1, "sha256"),
    ]
    model = ict.load(folder)
    if len(model.mean_mm) != ict.VERTICES or model.landmarks68 is None:
        lacks = "no vertex_indices.json" if model.landmarks68 is None else f"{len(model.mean_mm)} vertices"
        raise InputError(f"{folder}: {lacks}", f"the kit's whole mesh of {ict.VERTICES} vertices and its landmarks")
    left, right = (model.mean_mm[ball].mean(0) for ball in ict.OUTER_EYES)
    _, balls = model.region("eyeballs")
    a, b, c = (model.mean_mm[balls[:, k]].double() for k in range(3))
    volume = float((a * torch.linalg.cross(b, c)).sum() / 6) / 1000
    return [
        *files, *like_the_mean_face(model.mean_mm[model.landmarks68].numpy()),
        Figure("pupils, left from right", float(left[0] - right[0]), "mm", 62, 65, "the mean face has 63"),
        Figure("eyeballs' volume by the triangles", volume, "ml", 5, 80, "two shells each; reversed it is negative"),
        *_jaw_open(model),
    ]


def _jaw_open(model: ict.IctModel) -> list[Figure]:
    assert model.landmarks68 is not None
    if "jawOpen" not in model.expression_names:
        return [Figure("expressions without jawOpen", len(model.expression_names), reason="the file is not here")]
    moved = model.expression_mm[model.expression_names.index("jawOpen")][model.landmarks68]
    opening = float(moved[LIPS[0], 1] - moved[LIPS[1], 1])
    return [
        Figure("jawOpen parts the lips by", opening, "mm", 15, 60, "33 in the pinned files"),
        Figure("jawOpen moves the nose's bridge", float(moved[27].norm()), "mm", 0, 1, "it stays"),
    ]
