"""What painting wants to know of a head mesh and no licensed file tells: the face's outline, the eyes, the mouth's
inside. Found once, where `mp478` has them, by `correspondence`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from face_model import mp478
from face_model.correspondence import Correspondence, correspond
from face_model.morphable_model import MorphableModel, Region

FEATURES = ("face_oval", "inner_lips", "outer_lips", "right_eye", "left_eye")
EYES = {"right_eye": Region.RIGHT_EYE, "left_eye": Region.LEFT_EYE}
BEHIND_MM = 25.0  # how far behind its outline a part of face or eye may lie
LID_SHARE = 1.2  # an eye's outline, so much larger, holds the edges of lids that are not of one piece with the eyes


def with_features(model: MorphableModel) -> MorphableModel:
    """The model's face as painting wants it: cut along the outline that `mp478` has, for ears, neck and skull turn with
    what is painted around a face; with the index sets `FEATURES`, its eyes marked in `triangle_region`, and triangles
    that close the opening between the lips. What the model has of eyes and mouth is kept. `mp478` is given back.

    Raises:
        InputError: `mp478`'s head cannot be brought onto this one.
    """
    if model.id == mp478.ID:
        return model
    found, mean_mm = correspond(model), model.mean_mm.numpy()
    rings = {name: _ring(found, mp478.INDEX_SETS[name]) for name in FEATURES}
    region, triangles = model.triangle_region.clone(), model.triangles
    grown = LID_SHARE if any((region == int(eye)).any() for eye in EYES.values()) else 1.0
    for name, eye in EYES.items():
        outline = found.of(mean_mm)[list(mp478.INDEX_SETS[name])]
        inside = _within(mean_mm[triangles].mean(1), outline.mean(0) + grown * (outline - outline.mean(0)))
        region[torch.from_numpy(inside) & (region == int(Region.SKIN))] = int(eye)
    face = torch.from_numpy(_within(mean_mm, mean_mm[rings["face_oval"]])[triangles].any(1))
    region, triangles = region[face], triangles[face]
    if not (region == int(Region.INNER_MOUTH)).any():
        closing = _closing(rings["inner_lips"])
        triangles = torch.cat((triangles, closing))
        region = torch.cat((region, torch.full((len(closing),), int(Region.INNER_MOUTH), dtype=region.dtype)))
    sets = model.index_sets | {name: torch.from_numpy(ring) for name, ring in rings.items()}
    return _cut(replace(model, triangles=triangles, triangle_region=region, index_sets=sets))


def _cut(model: MorphableModel) -> MorphableModel:
    """The model without vertices that no triangle and no index set uses."""
    used = torch.cat((model.triangles.flatten(), *model.index_sets.values())).unique()
    place = torch.zeros(len(model.mean_mm), dtype=torch.int64)
    place[used] = torch.arange(len(used))
    return replace(
        model, mean_mm=model.mean_mm[used], identity_mm=model.identity_mm[:, used],
        expression_mm=model.expression_mm[:, used], blink_mm=model.blink_mm[used], albedo=model.albedo[used],
        texture=model.texture[:, used], triangles=place[model.triangles], uv=model.uv[used],
        index_sets={name: place[index] for name, index in model.index_sets.items()},
    )


def with_expressions(model: MorphableModel, count: int) -> MorphableModel:
    """The model with `count` expressions: the ones that it lacks move nothing.

    Args:
        count: at least as many as it has.
    """
    lacking = count - len(model.expression_mm)
    assert lacking >= 0
    nothing = model.expression_mm.new_zeros(lacking, *model.mean_mm.shape)
    return replace(model, expression_mm=torch.cat((model.expression_mm, nothing))) if lacking else model


def _ring(found: Correspondence, points: tuple[int, ...]) -> np.ndarray:
    """The vertices nearest to some of `mp478`'s points."""
    index = list(points)
    nearest = found.weights[index].argmax(1)
    vertices: np.ndarray = np.take_along_axis(found.corners[index], nearest[:, None], axis=1)[:, 0]
    return vertices


def _within(points_mm: np.ndarray, outline_mm: np.ndarray) -> np.ndarray:
    """Which points `[N, 3]` lie within an outline `[M, 3]`, as seen from the front, and not far behind: `[N]` bool."""
    x, y = points_mm[:, 0], points_mm[:, 1]
    inside = np.zeros(len(points_mm), bool)
    for (x0, y0), (x1, y1) in zip(outline_mm[:, :2], np.roll(outline_mm[:, :2], -1, axis=0), strict=True):
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return inside & (points_mm[:, 2] > outline_mm[:, 2].min() - BEHIND_MM)


def _closing(ring: np.ndarray) -> Tensor:
    """Triangles `[F, 3]` between the upper and the lower row of a ring that begins at the right corner, runs along the
    upper row and returns along the lower.
    """
    half = len(ring) // 2
    upper, lower = ring[: half + 1], np.concatenate((ring[:1], ring[half:][::-1]))
    strip = []
    for k in range(half):
        strip += [(upper[k], lower[k], lower[k + 1]), (upper[k], lower[k + 1], upper[k + 1])]
    kept = [t for t in strip if len(set(t)) == 3]
    return torch.tensor(np.array(kept).reshape(-1, 3), dtype=torch.int64)
