"""The shipped face model: what every user of it relies on."""

import numpy as np
import torch

from face_model import mp478
from face_model.illumination import AMBIENT, fit_illumination, sh_basis, shading
from face_model.morphable_model import Region

MODEL = mp478.load()


def test_sizes():
    assert MODEL.mean_mm.shape == (478, 3)
    assert MODEL.identity_mm.shape == (80, 478, 3)
    assert MODEL.expression_mm.shape == (64, 478, 3)
    assert MODEL.texture.shape == (80, 478, 3)
    assert set(MODEL.triangle_region.tolist()) == set(map(int, Region))


def test_mean_face_is_upright_symmetric_and_in_millimetres():
    mean, mirror = MODEL.mean_mm.numpy(), MODEL.index_sets["mirror"].numpy()
    assert abs(np.linalg.norm(mean[473] - mean[468]) - 63) < 0.5
    assert np.abs(mean[mirror] * (-1, 1, 1) - mean).max() < 0.1
    assert mean[10, 1] > mean[1, 1] > mean[152, 1]  # forehead above nose above chin
    assert mean[1, 2] == mean[:, 2].max() or mean[1, 2] > mean[10, 2]  # the nose stands out
    assert mean[33, 0] < 0 < mean[263, 0]  # the person's right is on the viewer's left


def test_triangles_face_the_viewer_and_close_mouth_and_eyes():
    corners = MODEL.mean_mm[MODEL.triangles]
    normal_z = torch.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], dim=-1)[:, 2]
    assert (normal_z >= 0).all()
    edges = MODEL.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).sort(dim=1).values
    _, uses = torch.unique(edges, dim=0, return_counts=True)
    assert uses.max() <= 2  # a surface: no edge has three triangles
    border = (uses == 1).sum()
    assert border == len(mp478.FACE_OVAL)  # the outline of the face is the only hole


def test_full_blink_closes_the_mean_eyes():
    zero = torch.zeros(64)
    for blink, share in ((0.0, 1.0), (5.0, 0.05)):
        vertices = MODEL.vertices(MODEL.mean_mm, zero, torch.tensor(blink))
        for upper, lower in ((159, 145), (386, 374)):
            gap = (vertices[upper] - vertices[lower])[1] / (MODEL.mean_mm[upper] - MODEL.mean_mm[lower])[1]
            assert gap <= share + 1e-5


def test_expression_leaves_lids_to_the_blink():
    flat, blink = MODEL.expression_mm.flatten(1), MODEL.blink_mm.flatten()
    across = (flat @ blink).abs() / (flat.norm(dim=1) * blink.norm() + 1e-9)
    assert across.max() < 0.15


def test_shape_is_differentiable_over_batch_axes():
    identity = torch.zeros(2, 3, 80, requires_grad=True)
    vertices = MODEL.vertices(MODEL.shape(identity), torch.zeros(2, 3, 64), torch.zeros(2, 3))
    assert vertices.shape == (2, 3, 478, 3)
    vertices.square().sum().backward()
    assert identity.grad.abs().sum() > 0


def test_normals_of_the_mean_face_point_out():
    normals = MODEL.normals(MODEL.mean_mm)
    assert normals[1, 2] > 0.6  # tip of the nose
    assert normals[234, 0] < -0.3 and normals[454, 0] > 0.3  # the sides of the face


def test_ambient_light_leaves_the_albedo_as_it_is():
    normals = torch.nn.functional.normalize(torch.randn(50, 3), dim=-1)
    assert torch.allclose(shading(normals, torch.from_numpy(AMBIENT)), torch.ones(50, 3), atol=1e-5)


def test_planted_light_is_found():
    rng = np.random.default_rng(0)
    normals = MODEL.normals(MODEL.mean_mm).numpy()
    albedo = rng.uniform(0.3, 0.7, (478, 3)).astype(np.float32)
    light = AMBIENT + rng.normal(0, 0.1, 27).astype(np.float32)
    colours = albedo * (sh_basis(torch.from_numpy(normals)).numpy() @ light.reshape(3, 9).T)
    found = fit_illumination(albedo, normals, colours, np.ones(478))
    made = albedo * (sh_basis(torch.from_numpy(normals)).numpy() @ found.reshape(3, 9).T)
    assert np.abs(made - colours).max() < 0.02
