"""The photo profile against what must hold of any photo: no hole, no tear, lips that meet, lids that close."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.cameras import WeakPerspectiveCamera
from face_model.morphable_model import rotate
from face_model.tracks import POSE, FaceMotion, FaceTrack
from preprocessing.photo import fit_photo
from render2video.person import PersonRenderer
from render2video.photo.config import PhotoConfig
from render2video.photo.person import photo_person
from render2video.photo.profile import PhotoGenerator, PhotoPainter
from render2video.photo.warp import EYES, LIP_RING, LOWER_LIP, UPPER_LIP

SIZE_PX = 256
TEAR_PX = 16.0
POSE_MM = (-2.0, 10.0, -1900.0)


def smiling_face() -> tuple[np.ndarray, np.ndarray]:
    """Landmarks `[478, 3]` of the mean face with a wide open mouth, and that expression `[64]`."""
    model = mp478.load()
    ring = model.expression_mm[:, [61, 291], 0]
    wider = (ring[:, 1] - ring[:, 0]).numpy()
    opened = (model.expression_mm[:, 13, 1] - model.expression_mm[:, 14, 1]).numpy()
    expression = 5 * wider / np.linalg.norm(wider) ** 2 + 8 * opened / np.linalg.norm(opened) ** 2
    expression = expression.astype(np.float32)
    camera = WeakPerspectiveCamera.for_size(SIZE_PX, SIZE_PX)
    face = model.vertices(model.mean_mm, torch.from_numpy(expression), torch.zeros(()))
    turned = rotate(face, torch.tensor([0.05, -0.08, 0.03]))
    points, depth = camera.project(turned, torch.tensor(POSE_MM))
    scale = camera.focal_px / -POSE_MM[2]
    return np.concatenate((points.numpy(), (depth.numpy() - POSE_MM[2])[:, None] * scale), axis=1), expression


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return fit_photo(smiling_face()[0], SIZE_PX, SIZE_PX, "made")


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    noise = np.random.default_rng(0).uniform(60, 250, (16, 16, 3)).astype(np.float32)
    return cv2.resize(noise, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC).clip(40, 250).astype(np.uint8)


@pytest.fixture(scope="module")
def person(photo: np.ndarray, track: FaceTrack) -> PersonRenderer:
    return photo_person(photo, track, np.zeros(64, np.float32))


def painter_of(person: PersonRenderer) -> PhotoPainter:
    generator = person.networks["generator"]
    assert isinstance(generator, PhotoGenerator)
    photo = person.compositor.crop.cut(person.compositor.plate, person.head.camera.width_px)
    return PhotoPainter(photo, generator.geometry(), generator.teeth.numpy())


def motion_of(track: FaceTrack, **changes: np.ndarray) -> FaceMotion:
    """The photo's motion with its fields replaced, one frame."""
    return replace(track.motion, **{k: np.asarray(v, np.float32) for k, v in changes.items()})


def wild(track: FaceTrack, frames: int) -> FaceMotion:
    """Poses far out of any range, open mouths and blinks."""
    random = np.random.default_rng(1)
    values = np.repeat(track.motion.pack(), frames, axis=0)
    values[:, POSE] += random.normal(0, 1, (frames, 6)) * (0.5, 0.5, 0.5, 40, 40, 200)
    motion = FaceMotion.unpack(values, 25.0)
    opened = random.normal(0, 1.0, (frames, 64)).astype(np.float32)
    return replace(motion, expression=opened, blink=random.uniform(0, 5, frames).astype(np.float32))


def test_a_smile_is_expression_and_not_the_shape_of_the_person(track: FaceTrack) -> None:
    model = mp478.load()
    neutral = model.shape(torch.from_numpy(track.person.identity)).numpy()
    mean = model.mean_mm.numpy()
    assert neutral[291, 0] - neutral[61, 0] == pytest.approx(mean[291, 0] - mean[61, 0], abs=3.0)
    assert neutral[13, 1] - neutral[14, 1] == pytest.approx(mean[13, 1] - mean[14, 1], abs=2.0)


def test_the_fit_of_a_photo_lands_on_its_landmarks(track: FaceTrack, person: PersonRenderer) -> None:
    points, _ = person.head.vertices_px(track.motion)
    crop = person.compositor.crop
    zoom = person.head.camera.width_px / crop.side_px
    truth = (smiling_face()[0][:, :2] - (crop.left_px, crop.top_px)) * zoom
    assert np.linalg.norm(points[0, :478] - truth, axis=1).mean() < 0.02 * 55  # 2% of the distance between the eyes
    assert track.motion.rotation[0] == pytest.approx([0.05, -0.08, 0.03], abs=0.03)


def test_the_photos_own_motion_gives_the_photo_back(person: PersonRenderer, photo: np.ndarray) -> None:
    painter = painter_of(person)
    places = painter.warp(painter.warp.targets(painter.geometry.fitted_px, 0.0))
    away = np.abs(places - painter.warp.identity).max(-1)
    ring = painter.geometry.landmarks_px
    mouth = np.linalg.norm(painter.warp.identity - ring[LIP_RING].mean(0), axis=-1) < 40
    assert away[~mouth].max() < 0.01


def test_no_hole_and_no_tear_however_it_is_driven(person: PersonRenderer, track: FaceTrack) -> None:
    painter = painter_of(person)
    motion = person.profile.bounded(person.networks, wild(track, 12))
    points, _ = person.head.vertices_px(motion)
    for driven, blink in zip(points, motion.blink, strict=True):
        places = painter.warp(painter.warp.targets(driven.astype(np.float64), float(blink)))
        assert np.isfinite(places).all()
        for border in (places[0], places[-1], places[:, 0], places[:, -1]):
            assert ((border >= 0) & (border <= SIZE_PX)).all()
        for axis in (0, 1):  # neighbours come from neighbours, except where the nose hides a little of the cheek
            apart = np.linalg.norm(np.diff(places, axis=axis), axis=-1)
            assert np.quantile(apart, 0.995) < 3
            assert apart.max() < TEAR_PX
        edge = np.concatenate([(places - painter.warp.identity)[i] for i in (0, -1)])
        assert np.abs(edge).max() < 0.1  # the rim stands still, so the square joins the rest of the frame


def test_poses_are_kept_in_the_safe_range_and_small_ones_untouched(person: PersonRenderer, track: FaceTrack) -> None:
    kept = person.profile.bounded(person.networks, wild(track, 200))
    limits = PhotoConfig()
    away = np.abs(kept.rotation - track.motion.rotation)
    assert (away <= np.array([limits.pitch_limit, limits.yaw_limit, limits.roll_limit]) + 1e-6).all()
    near = motion_of(track, rotation=track.motion.rotation + 0.03)
    assert person.profile.bounded(person.networks, near).rotation == pytest.approx(near.rotation, abs=1e-6)


def test_lips_meet_at_rest_and_never_cross(person: PersonRenderer, track: FaceTrack) -> None:
    painter = painter_of(person)
    points, _ = person.head.vertices_px(motion_of(track, expression=np.zeros((1, 64))))
    resting = painter.warp.targets(points[0].astype(np.float64), 0.0)
    assert np.linalg.norm(resting[UPPER_LIP] - resting[LOWER_LIP], axis=1).max() < 1e-3
    motion = person.profile.bounded(person.networks, wild(track, 20))
    for driven in person.head.vertices_px(motion)[0]:
        target = painter.warp.targets(driven.astype(np.float64), 0.0)
        up = driven[10] - driven[152]
        assert (((target[UPPER_LIP] - target[LOWER_LIP]) @ up) > -1e-3).all()


def test_lids_close_as_far_as_the_blink_says(person: PersonRenderer, track: FaceTrack) -> None:
    painter = painter_of(person)
    opening = []
    for blink in (0.0, 2.5, 5.0):
        points, _ = person.head.vertices_px(motion_of(track, blink=np.array([blink])))
        target = painter.warp.targets(points[0].astype(np.float64), blink)
        opening.append(np.mean([np.linalg.norm(target[e[1:8]] - target[e[:8:-1]], axis=1).mean() for e in EYES]))
    assert opening[2] < 1e-6
    assert opening[1] == pytest.approx(opening[0] / 2, rel=0.05)


def test_a_photo_is_painted_without_drawing_the_head_first(
    person: PersonRenderer, track: FaceTrack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person.head, "rasterizer", None)  # what bends the photo draws with one of its own
    assert len(list(person.frames(motion_of(track, expression=np.zeros((1, 64)))))) == 1


def test_saved_and_loaded_it_paints_the_same(person: PersonRenderer, track: FaceTrack, tmp_path) -> None:
    person.save(tmp_path)
    again = PersonRenderer.load(tmp_path, mp478.load())
    motion = wild(track, 3)
    pairs = zip(person.frames(motion), again.frames(motion), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
