"""What painting wants of a foreign head: against `mp478`'s own places, on a head of its shape that has shoulders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from face_model import deng, mp478
from face_model.features import FEATURES, with_expressions, with_features
from face_model.morphable_model import MorphableModel, Region
from render2video.eye_attention import LID_RINGS, eye_triangle_weight, lid_rings
from tests.talking_head.bfm_head import write_front_model

OURS = mp478.load()


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> MorphableModel:
    """Deng's stand-in, with a pair of shoulders and with its vertices in another order."""
    front = deng.load(write_front_model(tmp_path_factory.mktemp("bfm") / "BFM_model_front.mat")).model
    corners = torch.tensor([[-150.0, -160, -40], [150, -160, -40], [0, -160, 20]])
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(front.mean_mm) + 3))
    place = torch.argsort(order)

    def more(values: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
        return torch.cat((values, added.expand(*values.shape[:-2], 3, 3)), dim=-2)[..., order, :]

    zero = torch.zeros(3, 3)
    return replace(
        front, mean_mm=more(front.mean_mm, corners), identity_mm=more(front.identity_mm, zero),
        expression_mm=more(front.expression_mm, zero), blink_mm=more(front.blink_mm, zero),
        albedo=more(front.albedo, zero), texture=more(front.texture, zero),
        uv=torch.cat((front.uv, torch.zeros(3, 2)))[order],
        triangles=place[torch.cat((front.triangles, len(front.mean_mm) + torch.tensor([[0, 1, 2]])))],
        triangle_region=torch.cat((front.triangle_region, torch.tensor([0]))),
        index_sets={name: place[index] for name, index in front.index_sets.items()},
    )


def test_the_features_are_where_mp478_has_them_and_the_shoulders_are_gone(head: MorphableModel) -> None:
    found = with_features(head)
    shift = found.mean_mm[found.index_sets["face_oval"]].mean(0) - OURS.mean_mm[list(mp478.FACE_OVAL)].mean(0)
    for name in (*FEATURES, "landmarks68"):
        ours = OURS.mean_mm[list(mp478.INDEX_SETS[name])] if name in FEATURES else None
        if ours is not None:
            np.testing.assert_allclose(found.mean_mm[found.index_sets[name]] - shift, ours, atol=1e-3)
    marks = (head.mean_mm[head.index_sets["landmarks68"]], found.mean_mm[found.index_sets["landmarks68"]])
    np.testing.assert_array_equal(*marks)
    assert found.mean_mm[:, 1].min() > -150 and len(found.triangles) == len(head.triangles) - 1 + 18
    moved = [m.expression_mm[:, m.index_sets["landmarks68"]] for m in (head, found)]
    np.testing.assert_array_equal(*moved)  # every basis was cut alike


def test_eyes_and_the_open_mouth_are_marked(head: MorphableModel) -> None:
    found = with_features(head)
    middle = found.mean_mm[found.triangles].mean(1)
    for eye, side in ((Region.RIGHT_EYE, -1), (Region.LEFT_EYE, 1)):
        assert (side * middle[found.triangle_region == int(eye), 0] > 10).all()
    mouth = found.triangles[found.triangle_region == int(Region.INNER_MOUTH)]
    assert set(mouth.flatten().tolist()) == set(found.index_sets["inner_lips"].tolist())
    corners = found.mean_mm[mouth]
    assert (torch.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], dim=1)[:, 2] > 0).sum() >= 14


def test_the_eye_region_reaches_as_far_on_a_fine_mesh(head: MorphableModel) -> None:
    areas = []
    for model in (OURS, with_features(head)):
        parts = model.mean_mm.numpy(), model.triangles.numpy(), model.triangle_region.numpy()
        rings = lid_rings(*parts)
        corners = model.mean_mm[model.triangles[eye_triangle_weight(*parts[1:], rings) > 0]]
        sides = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        areas.append(float(torch.cross(*sides, dim=1).norm(dim=1).sum()))
        assert (rings == LID_RINGS) == (model is OURS)
    assert 0.7 < areas[1] / areas[0] < 1.4


def test_expressions_are_filled_up_with_nothing(head: MorphableModel) -> None:
    few = replace(head, expression_mm=head.expression_mm[:50])
    filled = with_expressions(few, 64)
    assert len(filled.expression_mm) == 64 and not filled.expression_mm[50:].any()
    assert with_expressions(head, 64) is head and with_features(OURS) is OURS
