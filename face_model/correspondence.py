"""Where the points of `mp478` lie on any other head mesh, found from the two neutral shapes alone.

The meshes are brought together by a similarity, the small one is then bent so that the landmarks that both know meet
exactly (biharmonic splines), and each of its points goes to the nearest point of the other's surface. What comes out
is a fixed point of the surface (a triangle and barycentrics), so it follows the other model's expressions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from face_model import mp478
from face_model.alignment import similarity
from face_model.morphable_model import MorphableModel, Region
from foundation.errors import InputError

LANDMARKS68 = "landmarks68"
# Points of the 68 and the points of mp478 that mean the same; the jaw's outline but for the chin differs by author.
MEANING = {
    8: 152, 17: 70, 18: 63, 19: 105, 20: 66, 21: 107, 22: 336, 23: 296, 24: 334, 25: 293, 26: 300,
    27: 168, 28: 197, 29: 195, 30: 4, 31: 98, 32: 97, 33: 2, 34: 326, 35: 327,
    36: 33, 37: 160, 38: 158, 39: 133, 40: 153, 41: 144, 42: 362, 43: 385, 44: 387, 45: 263, 46: 373, 47: 380,
    48: 61, 49: 39, 50: 37, 51: 0, 52: 267, 53: 269, 54: 291, 55: 405, 56: 314, 57: 17, 58: 84, 59: 181,
    60: 78, 61: 81, 62: 13, 63: 311, 64: 308, 65: 402, 66: 14, 67: 178,
}  # fmt: skip
# The jaw's outline of the 68, from the person's right ear to the left one, by about where it lies on mp478's edge.
JAW = (234, 93, 132, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 361, 323, 454)
PLACES68 = tuple(MEANING[k] if k in MEANING else JAW[k] for k in range(68))
FACE_POINTS = 468  # the last ten of mp478 are irises, which lie on no skin
CANDIDATES = 48  # triangles whose middles are nearest, among which the nearest point is looked for
FAR_MM = 12.0  # a point that lands further away has no partner: a face mask's edge, say
ROUNDS, KEPT = 60, 0.8  # of the closest-point alignment without landmarks, and the share of pairs it believes


@dataclass(frozen=True)
class Correspondence:
    """The first 468 points of `mp478` on a mesh.

    corners: `[468, 3]`, vertex indices of the triangle each lies in. weights: `[468, 3]`, barycentrics. distance_mm:
    `[468]`, how far the bent point was from the surface. valid: `[468]` bool. scale, rotation `[3, 3]`, shift_mm `[3]`:
    of the similarity from the mesh to mp478: mp478 = scale * rotation @ mesh + shift.
    """

    corners: np.ndarray
    weights: np.ndarray
    distance_mm: np.ndarray
    valid: np.ndarray
    scale: float
    rotation: np.ndarray
    shift_mm: np.ndarray

    def of(self, vertices: np.ndarray) -> np.ndarray:
        """The points `[..., 468, C]` of what is given at the mesh's vertices, `[..., V, C]`."""
        return np.einsum("pk,...pkc->...pc", self.weights, vertices[..., self.corners, :])


def nearest_on_triangles(points: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Barycentrics `[..., 3]` of the nearest points of triangles `[..., 3, 3]` to points `[..., 3]`, and distances
    `[...]` (Ericson 2005, section 5.1.5).
    """
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    edges = ((a, b, 0, 1), (b, c, 1, 2), (c, a, 2, 0))
    normal = np.cross(b - a, c - a)
    area = np.maximum((normal**2).sum(-1), 1e-30)
    best = np.stack([
        (np.cross(c - b, points - b) * normal).sum(-1), (np.cross(a - c, points - c) * normal).sum(-1),
        (np.cross(b - a, points - a) * normal).sum(-1),
    ], axis=-1) / area[..., None]  # fmt: skip
    distance = np.linalg.norm(np.einsum("...k,...kc->...c", best, corners) - points, axis=-1)
    outside = (best < 0).any(-1)
    distance = np.where(outside, np.inf, distance)
    for start, end, first, second in edges:
        along = end - start
        share = ((points - start) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-30)
        share = np.clip(share, 0, 1)
        gap = np.linalg.norm(start + share[..., None] * along - points, axis=-1)
        nearer = gap < distance
        weights = np.zeros_like(best)
        weights[..., first], weights[..., second] = 1 - share, share
        best, distance = np.where(nearer[..., None], weights, best), np.where(nearer, gap, distance)
    return best, distance


class _Surface:
    """The skin of a mesh, for nearest points."""

    def __init__(self, model: MorphableModel) -> None:
        skin = (model.triangle_region == Region.SKIN).numpy()
        self.triangles = model.triangles.numpy()[skin]
        if len(self.triangles) == 0:
            raise InputError(f"face model '{model.id}' without skin", "triangles of the face")
        self.vertices = model.mean_mm.numpy().astype(np.float64)
        from scipy.spatial import cKDTree  # synthesis imports this module, and never needs it

        self._tree = cKDTree(self.vertices[self.triangles].mean(1))

    def nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Corners `[N, 3]`, barycentrics `[N, 3]` and distance `[N]` of the nearest points to `[N, 3]`."""
        count = min(CANDIDATES, len(self.triangles))
        tried = np.asarray(self._tree.query(points, k=count)[1]).reshape(len(points), count)
        corners = self.triangles[tried]
        weights, distance = nearest_on_triangles(points[:, None], self.vertices[corners])
        first = distance.argmin(1)
        rows = np.arange(len(points))
        return corners[rows, first], weights[rows, first], distance[rows, first]


def _by_landmarks(points: np.ndarray, landmarks: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The similarity mp478 -> mesh from the landmarks `[68, 3]` of the mesh."""
    pairs = np.array(list(MEANING.items()))
    scale, rotation, shift = similarity(points[pairs[:, 1]], landmarks[pairs[:, 0]], np.ones(len(pairs)))
    return float(scale), rotation, shift


def _by_shape(points: np.ndarray, surface: _Surface) -> tuple[float, np.ndarray, np.ndarray]:
    """The same without landmarks: nose tip on nose tip, then closest points (Besl & McKay 1992), the worst left out.

    The heads must stand upright, face along z and be in mm; a nose tip is the foremost point near the middle.
    """
    vertices = surface.vertices
    middle = np.abs(vertices[:, 0] - np.median(vertices[:, 0])) < 15.0
    tip = vertices[middle][vertices[middle, 2].argmax()]
    scale, rotation, shift = 1.0, np.eye(3), tip - points[4]
    for _ in range(ROUNDS):
        moved = scale * points @ rotation.T + shift
        corners, weights, distance = surface.nearest(moved)
        landed = np.einsum("pk,pkc->pc", weights, vertices[corners])
        believed = (distance <= np.quantile(distance, KEPT)).astype(float)
        found, rotation, shift = similarity(points, landed, believed)
        scale = float(found)
    return scale, rotation, shift


def correspond(model: MorphableModel) -> Correspondence:
    """Where `mp478`'s points lie on a model's neutral mesh.

    With `landmarks68` among the model's index sets the two are matched feature by feature; without, the shapes alone
    must tell, which a mouth of another height or width can mislead.

    Raises:
        InputError: fewer than a quarter of the points have a partner.
    """
    from scipy.interpolate import RBFInterpolator

    if model.id == mp478.ID:
        return _onto_itself()
    points = mp478.load().mean_mm.numpy()[:FACE_POINTS].astype(np.float64)
    surface = _Surface(model)
    known = model.index_sets.get(LANDMARKS68)
    if known is None:
        scale, rotation, shift = _by_shape(points, surface)
        bent = scale * points @ rotation.T + shift
    else:
        landmarks = surface.vertices[known.numpy()]
        scale, rotation, shift = _by_landmarks(points, landmarks)
        bent = scale * points @ rotation.T + shift
        pairs = np.array(list(MEANING.items()))
        missed = landmarks[pairs[:, 0]] - bent[pairs[:, 1]]
        bent = bent + RBFInterpolator(bent[pairs[:, 1]], missed, kernel="linear", degree=1)(bent)
    corners, weights, distance = surface.nearest(bent)
    valid = distance < FAR_MM
    if valid.mean() < 0.25:
        raise InputError(
            f"face model '{model.id}': {valid.mean():.0%} of the face has a partner on it", "an upright head in mm",
            "give the model its 68 landmarks",
        )
    return Correspondence(
        corners, weights, distance, valid, 1 / scale, rotation.T, -(rotation.T @ shift) / scale
    )


def _onto_itself() -> Correspondence:
    index = np.arange(FACE_POINTS)
    return Correspondence(
        np.repeat(index[:, None], 3, axis=1), np.tile([1.0, 0.0, 0.0], (FACE_POINTS, 1)), np.zeros(FACE_POINTS),
        np.ones(FACE_POINTS, bool), 1.0, np.eye(3), np.zeros(3),
    )


