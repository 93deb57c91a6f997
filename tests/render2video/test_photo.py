"""The photo profile against what must hold of any photo: no hole, no tear, lips that meet, lids that close."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.tracks import FaceTrack
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from preprocessing.photo_fitting import fit_photo
from render2video.conditioning import HeadRenderer
from render2video.framed import APPEARANCE_FILE, VIDEO_FILE
from render2video.photo.config import PhotoConfig
from render2video.photo.folds import FOLDS, without_smile
from render2video.photo.person import photo_person
from render2video.photo.renderer import PhotoRenderer
from render2video.photo.warp import LIP_RING, LOWER_LIP, UPPER_LIP
from tests.render2video.photo_scenes import SIZE_PX, motion_of, painter_of, smiling_face, wild

TEAR_PX = 16.0


@pytest.fixture(scope="module")
def track() -> FaceTrack:
    return fit_photo(smiling_face()[0], SIZE_PX, SIZE_PX, "made")


def test_a_rotation_that_is_known_is_kept_and_the_points_stay(track: FaceTrack) -> None:
    known = track.motion.rotation[0] + np.array([0.03, -0.02, 0.0], np.float32)
    fitted = fit_photo(smiling_face()[0], SIZE_PX, SIZE_PX, "made", rotation=known)
    np.testing.assert_allclose(fitted.motion.rotation[0], known, atol=1e-5)
    away = [HeadRenderer(mp478.load(), t.person, t.camera, 8).vertices_px(t.motion)[0][0] for t in (track, fitted)]
    assert np.linalg.norm(away[0] - away[1], axis=1)[: len(track.landmarks_px[0])].mean() < 0.01 * SIZE_PX


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    noise = np.random.default_rng(0).uniform(60, 250, (16, 16, 3)).astype(np.float32)
    return cv2.resize(noise, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC).clip(40, 250).astype(np.uint8)


@pytest.fixture(scope="module")
def person(photo: np.ndarray, track: FaceTrack) -> PhotoRenderer:
    return photo_person(photo, track, np.zeros(64, np.float32))


def test_a_smile_is_expression_and_not_the_shape_of_the_person(track: FaceTrack) -> None:
    model = mp478.load()
    neutral = model.shape(torch.from_numpy(track.person.identity)).numpy()
    mean = model.mean_mm.numpy()
    assert neutral[291, 0] - neutral[61, 0] == pytest.approx(mean[291, 0] - mean[61, 0], abs=3.0)
    assert neutral[13, 1] - neutral[14, 1] == pytest.approx(mean[13, 1] - mean[14, 1], abs=2.0)


def test_the_fit_of_a_photo_lands_on_its_landmarks(track: FaceTrack, person: PhotoRenderer) -> None:
    points, _ = person.head.vertices_px(track.motion)
    crop = person.compositor.crop
    zoom = person.head.camera.width_px / crop.side_px
    truth = (smiling_face()[0][:, :2] - (crop.left_px, crop.top_px)) * zoom
    assert np.linalg.norm(points[0, :478] - truth, axis=1).mean() < 0.02 * 55  # 2% of the distance between the eyes
    assert track.motion.rotation[0] == pytest.approx([0.05, -0.08, 0.03], abs=0.03)


def test_the_photos_own_motion_gives_the_photo_back(person: PhotoRenderer, photo: np.ndarray) -> None:
    painter = painter_of(person)
    places = painter.warp(painter.warp.targets(painter.geometry.fitted_px, 0.0))
    away = np.abs(places - painter.warp.identity).max(-1)
    ring = painter.geometry.landmarks_px
    mouth = np.linalg.norm(painter.warp.identity - ring[LIP_RING].mean(0), axis=-1) < 40
    assert away[~mouth].max() < 0.01


def test_no_hole_and_no_tear_however_it_is_driven(person: PhotoRenderer, track: FaceTrack) -> None:
    painter = painter_of(person)
    motion = person.bounded(wild(track, 12))
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


def test_folds_of_a_smile_fade_and_the_skin_stays(track: FaceTrack, person: PhotoRenderer) -> None:
    geometry = painter_of(person).geometry
    grain = np.random.default_rng(2).normal(0, 4, (SIZE_PX, SIZE_PX, 1))
    bare = np.clip(np.array([205.0, 160.0, 140.0]) + grain, 0, 255).astype(np.uint8)
    creased = bare.copy()
    line = np.zeros((SIZE_PX, SIZE_PX), np.float32)
    for path in FOLDS:
        cv2.polylines(line, [np.rint(geometry.landmarks_px[list(path)]).astype(np.int32)], False, 1.0, 2)
    depth = cv2.GaussianBlur(line, (0, 0), 1.0)
    creased = (creased * (1 - 0.4 * depth[..., None])).astype(np.uint8)
    soft = without_smile(creased, geometry, 1.0, 0.61)
    middle = depth > 0.6
    assert np.array_equal(without_smile(creased, geometry, 0.0, 0.61), creased)
    assert bare[middle].mean() - soft[middle].mean() < 0.5 * (bare[middle].mean() - creased[middle].mean())
    unlike = soft.astype(float) - cv2.GaussianBlur(soft, (0, 0), 1.0)
    before = bare.astype(float) - cv2.GaussianBlur(bare, (0, 0), 1.0)
    assert unlike[middle].std() > 0.7 * before[middle].std()
    assert np.array_equal(soft[:40], creased[:40])


def test_a_glint_on_smiling_lips_fades(track: FaceTrack, person: PhotoRenderer) -> None:
    geometry = painter_of(person).geometry
    lip = (geometry.landmarks_px[14] + geometry.landmarks_px[17]) / 2
    rows, columns = np.mgrid[:SIZE_PX, :SIZE_PX] + 0.5
    away = np.linalg.norm(np.stack((columns, rows), axis=-1) - lip, axis=-1)
    photo = np.where(away[..., None] < 1.2, (250, 240, 240), (180, 110, 110)).astype(np.uint8)
    soft = without_smile(photo, geometry, 1.0, 0.61)
    assert soft[away < 0.8].mean() < photo[away < 0.8].mean() - 25
    assert np.array_equal(without_smile(photo, geometry, 0.0, 0.61), photo)


def test_poses_are_kept_in_the_safe_range_and_small_ones_untouched(person: PhotoRenderer, track: FaceTrack) -> None:
    kept = person.bounded(wild(track, 200))
    limits = PhotoConfig()
    away = np.abs(kept.rotation - track.motion.rotation)
    assert (away <= np.array([limits.pitch_limit, limits.yaw_limit, limits.roll_limit]) + 1e-6).all()
    near = motion_of(track, rotation=track.motion.rotation + 0.03)
    untouched = person.bounded(near).rotation
    assert untouched == pytest.approx(near.rotation, abs=1e-6)


def test_the_limits_are_those_that_were_saved_with_the_person(
    person: PhotoRenderer, track: FaceTrack, tmp_path: Path
) -> None:
    """A target keeps turning as far as it did when it was made, whatever a later version thinks of it."""
    stiff = replace(person, config=PhotoConfig(yaw_limit=1e-3, pitch_limit=1e-3, roll_limit=1e-3))
    stiff.save(tmp_path)
    loaded = PhotoRenderer.load(tmp_path, mp478.load())
    turned = motion_of(track, rotation=track.motion.rotation + 0.1)
    still, own = loaded.face_px(track.motion), person.face_px(track.motion)
    assert np.abs(loaded.face_px(turned) - still).max() < 0.5 < np.abs(person.face_px(turned) - own).max()


def test_lips_meet_at_rest_and_never_cross(person: PhotoRenderer, track: FaceTrack) -> None:
    painter = painter_of(person)
    points, _ = person.head.vertices_px(motion_of(track, expression=np.zeros((1, 64))))
    resting = painter.warp.targets(points[0].astype(np.float64), 0.0)
    assert np.linalg.norm(resting[UPPER_LIP] - resting[LOWER_LIP], axis=1).max() < 1e-3
    motion = person.bounded(wild(track, 20))
    for driven in person.head.vertices_px(motion)[0]:
        target = painter.warp.targets(driven.astype(np.float64), 0.0)
        up = driven[10] - driven[152]
        assert (((target[UPPER_LIP] - target[LOWER_LIP]) @ up) > -1e-3).all()


def test_saved_and_loaded_it_paints_the_same(person: PhotoRenderer, track: FaceTrack, tmp_path) -> None:
    person.save(tmp_path)
    again = PhotoRenderer.load(tmp_path, mp478.load())
    motion = wild(track, 3)
    pairs = zip(person.frames(motion), again.frames(motion), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("name", [VIDEO_FILE, APPEARANCE_FILE])
def test_files_of_another_form_are_told_in_words_of_the_person(person: PhotoRenderer, name: str, tmp_path) -> None:
    person.save(tmp_path)
    arrays, notes = read_tensors(tmp_path / name)
    tensor = "teeth" if name == VIDEO_FILE else "plate"
    write_tensors(tmp_path / name, arrays | {tensor: arrays[tensor][:-1]}, notes)
    with pytest.raises(InputError, match="enroll the person again") as told:
        PhotoRenderer.load(tmp_path, mp478.load())
    assert name in str(told.value) and "state_dict" not in str(told.value)
