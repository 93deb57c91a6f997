"""The eye-attention map on the embedded face: it lies on the eyes, carries the blink, and outlives closed lids."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.cameras import WeakPerspectiveCamera
from face_model.morphable_model import Region
from render2video.eye_attention import eye_attention_map, eye_mask, eye_triangle_weight
from render2video.rasterizer import Fragments, create_rasterizer

SIZE = 256


@pytest.fixture(scope="module")
def weight() -> np.ndarray:
    model = mp478.load()
    return eye_triangle_weight(model.triangles.numpy(), model.triangle_region.numpy())


def drawn(blink: float) -> tuple[Fragments[np.ndarray], np.ndarray]:
    """The mean face, 300 px tall or so, and its projected vertices."""
    model = mp478.load()
    vertices = model.vertices(model.mean_mm, torch.zeros(64), torch.tensor(blink), 1.0)
    camera = WeakPerspectiveCamera.for_size(SIZE, SIZE)
    xy, z = camera.project(vertices, torch.tensor([0.0, 0.0, -1000.0]))
    return create_rasterizer("numba")(xy.numpy(), z.numpy(), model.triangles.numpy(), SIZE, SIZE), xy.numpy()


def test_the_region_lies_on_the_eyes_and_nowhere_else(weight: np.ndarray) -> None:
    fragments, xy = drawn(0.0)
    mask = eye_mask(fragments, weight)
    assert mask.shape == (SIZE, SIZE) and set(np.unique(mask)) == {0.0, 1.0}
    row, column = np.nonzero(mask)
    for ring in (mp478.RIGHT_EYE, mp478.LEFT_EYE):
        x, y = xy[list(ring)].mean(0)
        assert mask[int(y), int(x)] == 1
    # All of it within one and a half eye widths of an eye's centre, so neither brows' ends nor nose nor mouth.
    centres = np.stack([xy[list(ring)].mean(0) for ring in (mp478.RIGHT_EYE, mp478.LEFT_EYE)])
    width_px = np.linalg.norm(xy[33] - xy[133])
    distance = np.linalg.norm(np.stack((column, row), -1)[:, None] + 0.5 - centres, axis=-1).min(1)
    assert distance.max() < 1.5 * width_px


def test_the_region_keeps_its_size_when_the_lids_close(weight: np.ndarray) -> None:
    opened, closed = drawn(0.0)[0], drawn(5.0)[0]
    region = mp478.load().triangle_region.numpy()
    opening = np.isin(region, (Region.RIGHT_EYE, Region.LEFT_EYE)).astype(np.float32)
    assert eye_mask(closed, opening).sum() < 0.5 * eye_mask(opened, opening).sum()  # the opening does vanish
    assert eye_mask(closed, weight).sum() == pytest.approx(eye_mask(opened, weight).sum(), rel=0.05)


def test_the_map_is_the_blink_in_the_region_and_zero_outside(weight: np.ndarray) -> None:
    fragments, _ = drawn(0.0)
    mask = eye_mask(fragments, weight)
    for blink, value in ((0.0, 0.0), (2.0, 0.4), (5.0, 1.0), (7.0, 1.0), (-1.0, 0.0)):
        got = eye_attention_map(fragments, weight, np.float32(blink))
        np.testing.assert_allclose(got, mask * value, atol=1e-6)


def test_a_clip_in_tensors_gives_the_same(weight: np.ndarray) -> None:
    parts = [drawn(blink)[0] for blink in (0.0, 3.0)]
    clip = Fragments(*(np.stack([getattr(p, k) for p in parts]) for k in ("triangle_index", "barycentric", "depth_mm")))
    blink = np.array([0.0, 3.0], np.float32)
    got = eye_attention_map(clip, weight, blink)
    tensors = Fragments(*(torch.from_numpy(getattr(clip, k)) for k in ("triangle_index", "barycentric", "depth_mm")))
    other = eye_attention_map(tensors, torch.from_numpy(weight), torch.from_numpy(blink))
    np.testing.assert_array_equal(got, other.numpy())
    assert got.dtype == np.float32 and got[0].max() == 0 and got[1].max() == np.float32(0.6)


def test_more_rings_only_add(weight: np.ndarray) -> None:
    model = mp478.load()
    parts = (model.triangles.numpy(), model.triangle_region.numpy())
    previous = eye_triangle_weight(*parts, rings=0)
    assert previous.sum() == np.isin(parts[1], (1, 2)).sum()
    for rings in (1, 2, 3):
        now = eye_triangle_weight(*parts, rings=rings)
        assert (now >= previous).all() and now.sum() > previous.sum()
        previous = now
