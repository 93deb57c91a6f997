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
from face_model.tracks import FaceMotion, FaceTrack
from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from preprocessing.photo import fit_photo
from render2video.conditioning import HeadRenderer
from render2video.person import APPEARANCE_FILE, VIDEO_FILE, PersonRenderer
from render2video.photo.config import PhotoConfig
from render2video.photo.folds import FOLDS, without_smile
from render2video.photo.light import LUMA, blur_px, cheek_colour
from render2video.photo.person import photo_person
from render2video.photo.teeth import hanging, teeth_of, without_holes
from render2video.photo.warp import EYES, LIP_RING, LOWER_LIP, UPPER_LIP
from tests.render2video.photo_scenes import SIZE_PX, motion_of, painter_of, smiling_face, wild

TEAR_PX = 16.0
LARGE_PX, NEAR_POSE_MM = 384, (-2.0, 10.0, -1080.0)  # 1.6 pixels a mm
SKIN, WHITE = np.array([205.0, 160.0, 135.0]), np.array([200.0, 185.0, 172.0])


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
def person(photo: np.ndarray, track: FaceTrack) -> PersonRenderer:
    return photo_person(photo, track, np.zeros(64, np.float32))


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


def test_folds_of_a_smile_fade_and_the_skin_stays(track: FaceTrack, person: PersonRenderer) -> None:
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


def test_a_glint_on_smiling_lips_fades(track: FaceTrack, person: PersonRenderer) -> None:
    geometry = painter_of(person).geometry
    lip = (geometry.landmarks_px[14] + geometry.landmarks_px[17]) / 2
    rows, columns = np.mgrid[:SIZE_PX, :SIZE_PX] + 0.5
    away = np.linalg.norm(np.stack((columns, rows), axis=-1) - lip, axis=-1)
    photo = np.where(away[..., None] < 1.2, (250, 240, 240), (180, 110, 110)).astype(np.uint8)
    soft = without_smile(photo, geometry, 1.0, 0.61)
    assert soft[away < 0.8].mean() < photo[away < 0.8].mean() - 25
    assert np.array_equal(without_smile(photo, geometry, 0.0, 0.61), photo)


@pytest.fixture(scope="module")
def portrait() -> tuple[FaceTrack, np.ndarray]:
    """A face whose lips are closed: its track, and a photo `[P, P, 3]` with skin, lips, and white and dark of eyes."""
    model, camera = mp478.load(), WeakPerspectiveCamera.for_size(LARGE_PX, LARGE_PX)
    face = model.vertices(model.mean_mm, torch.zeros(64), torch.zeros(()))
    points, depth = camera.project(rotate(face, torch.tensor([0.05, -0.08, 0.03])), torch.tensor(NEAR_POSE_MM))
    away = (depth.numpy() - NEAR_POSE_MM[2]) * camera.focal_px / -NEAR_POSE_MM[2]
    landmarks = np.concatenate((points.numpy(), away[:, None]), axis=1)
    middle = (landmarks[UPPER_LIP] + landmarks[LOWER_LIP]) / 2
    landmarks[UPPER_LIP], landmarks[LOWER_LIP] = middle, middle
    noise = np.random.default_rng(4).normal(0, 2, (LARGE_PX, LARGE_PX, 1))
    picture = (SKIN + noise).astype(np.float32)
    for ring, colour in ((mp478.OUTER_LIPS, (150, 80, 75)), *((ring, WHITE) for ring in EYES)):
        cv2.fillPoly(picture, [np.rint(landmarks[list(ring), :2]).astype(np.int32)], tuple(map(float, colour)))
    for iris in (mp478.RIGHT_IRIS, mp478.LEFT_IRIS):
        cv2.circle(picture, np.rint(landmarks[iris[0], :2]).astype(int).tolist(), 7, (40, 30, 25), -1)
    photo = cv2.GaussianBlur(picture, (0, 0), 0.7).clip(0, 255).astype(np.uint8)
    return fit_photo(landmarks, LARGE_PX, LARGE_PX, "made"), photo


@pytest.fixture(scope="module")
def closed(portrait: tuple[FaceTrack, np.ndarray]) -> PersonRenderer:
    return photo_person(portrait[1], portrait[0], np.zeros(64, np.float32))


def opened(track: FaceTrack, gap_mm: float) -> FaceMotion:
    """The photo's pose with lips so far apart."""
    model = mp478.load()
    gap = (model.expression_mm[:, 13, 1] - model.expression_mm[:, 14, 1]).numpy()
    return motion_of(track, expression=(gap_mm * gap / (gap @ gap))[None])


def between_lips(person: PersonRenderer, motion: FaceMotion) -> tuple[np.ndarray, np.ndarray]:
    """A crop `[S, S, 3]` float32 of one frame, and where it shows the inside of the mouth, well within the lips."""
    painter = painter_of(person)
    targets = painter.warp.targets(person.head.vertices_px(motion)[0][0].astype(np.float64), 0.0)
    crop = next(iter(person.crops(motion))).astype(np.float32)
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(targets[LIP_RING]).astype(np.int32)], 1)
    return crop, cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0


def test_teeth_that_no_photo_showed_are_as_bright_as_the_white_of_the_eyes(
    closed: PersonRenderer, portrait: tuple[FaceTrack, np.ndarray]
) -> None:
    track, photo = portrait
    crop, inside = between_lips(closed, opened(track, 9.0))
    light = crop[inside] @ LUMA
    teeth = np.median(crop[inside][light > np.quantile(light, 0.9)], axis=0)
    assert 0.75 * WHITE @ LUMA < teeth @ LUMA < 1.1 * WHITE @ LUMA
    assert teeth[0] / teeth[2] < 0.95 * SKIN[0] / SKIN[2]  # paler than skin
    assert np.quantile(light, 0.1) < 0.35 * WHITE @ LUMA  # above a dark cavity
    dark = np.clip(photo * 0.5, 0, 255).astype(np.uint8)
    again, _ = between_lips(photo_person(dark, track, np.zeros(64, np.float32)), opened(track, 9.0))
    assert np.median(again[inside][light > np.quantile(light, 0.9)], axis=0) == pytest.approx(teeth / 2, rel=0.15)


def test_upper_teeth_stay_with_the_skull_and_keep_their_width(
    closed: PersonRenderer, portrait: tuple[FaceTrack, np.ndarray]
) -> None:
    painter = painter_of(closed)
    side = painter.mouth.colour.shape[1]
    code = np.linspace(40, 240, side)  # red tells the column of the teeth's picture, whatever light falls on them
    painter.mouth.colour[:] = np.stack((code, np.full(side, 120), np.full(side, 120)), axis=-1).astype(np.uint8)
    painter.mouth.coverage[:] = 255
    told = []
    for gap_mm in (6.0, 12.0):
        points = closed.head.vertices_px(opened(portrait[0], gap_mm))[0][0].astype(np.float64)
        crop = painter(points, 0.0)
        lip = painter.warp.targets(points, 0.0)[13]
        row, column = round(float(lip[1])) + 4, round(float(painter.geometry.landmarks_px[13, 0]))
        line = crop[row, column - 8 : column + 9]
        told.append(line[:, 0] / line[:, 1])
    step = (code[1] - code[0]) / 120
    for ratio in told:
        assert np.polyfit(np.arange(17), ratio, 1)[0] == pytest.approx(step, rel=0.05)
    assert np.abs(told[1] - told[0]).max() < 1.0 * step  # a pixel


def test_lower_teeth_show_in_a_wide_mouth_only(closed: PersonRenderer, portrait: tuple[FaceTrack, np.ndarray]) -> None:
    painter = painter_of(closed)
    without = painter_of(closed)
    without.mouth.lower[..., 3] = 0
    change = {}
    for gap_mm in (5.0, 16.0):
        points = closed.head.vertices_px(opened(portrait[0], gap_mm))[0][0].astype(np.float64)
        shown = 255 * (painter(points, 0.0) - without(points, 0.0)) @ LUMA
        change[gap_mm] = shown
        lip = painter.warp.targets(points, 0.0)[14]
    assert np.abs(change[5.0]).max() == 0
    rows, columns = np.nonzero(change[16.0] > 15)
    assert len(rows) > 10
    assert 0 <= lip[1] - rows.mean() < 6 and abs(columns.mean() - lip[0]) < 3  # just above the lower lip


def test_painted_teeth_are_no_sharper_than_the_photo(
    closed: PersonRenderer, portrait: tuple[FaceTrack, np.ndarray]
) -> None:
    geometry, photo = painter_of(closed).geometry, closed.compositor.crop.cut(portrait[1], closed.head.camera.width_px)
    steepest = []
    for blur in (0.7, 2.2):
        softer = cv2.GaussianBlur(photo, (0, 0), np.sqrt(blur**2 - 0.7**2)) if blur > 0.7 else photo
        assert blur_px(softer, geometry) == pytest.approx(blur, abs=0.3)
        coverage = teeth_of(softer, geometry, 1.6, 6.0)[0][..., 3].astype(float)
        steepest.append(-np.diff(coverage, axis=0).min())  # at their lower edge
    assert steepest[1] < 0.5 * steepest[0]


def test_painted_teeth_hang_from_the_skull_not_from_a_lip_that_is_drawn_up(
    closed: PersonRenderer, portrait: tuple[FaceTrack, np.ndarray]
) -> None:
    geometry, photo = painter_of(closed).geometry, closed.compositor.crop.cut(portrait[1], closed.head.camera.width_px)
    raised = replace(geometry, landmarks_px=geometry.landmarks_px.copy(), fitted_px=geometry.fitted_px.copy())
    raised.landmarks_px[13, 1] -= 8
    raised.fitted_px[13, 1] -= 8
    edges = []
    for shape in (geometry, raised):
        teeth, corner = teeth_of(photo, shape, 1.6, 6.0)
        edges.append(np.nonzero(teeth[..., 3] > 128)[0].max() + corner[1])
    assert abs(edges[0] - edges[1]) <= 1


def test_only_what_hangs_from_above_counts_as_the_photos_teeth() -> None:
    inside = np.zeros((20, 10), bool)
    inside[2:18] = True
    bright = np.zeros_like(inside)
    bright[3:8, :6], bright[12:17, 2:9] = True, True  # upper teeth; a shining tongue
    expected = np.zeros_like(inside)
    expected[3:8, :6] = True
    np.testing.assert_array_equal(hanging(inside, bright), expected)


def test_a_hole_between_teeth_is_filled_and_a_wide_one_is_not() -> None:
    teeth = np.zeros((20, 30), bool)
    teeth[4:10, 2:12], teeth[6:12, 14:20], teeth[6:12, 26:29] = True, True, True
    whole = without_holes(teeth, 3)
    assert whole[:, 2:20].any(0).all() and not whole[:, 20:26].any(), "the seam, and not what lies six columns apart"
    assert [np.flatnonzero(whole[:, column])[[0, -1]].tolist() for column in (12, 13)] == [[5, 10], [5, 10]]
    np.testing.assert_array_equal(whole[teeth], True)
    np.testing.assert_array_equal(without_holes(np.zeros((5, 5), bool), 3), False)


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


def test_a_closed_eye_is_skin_with_a_line_of_lashes_along_the_lower_lid(
    closed: PersonRenderer, portrait: tuple[FaceTrack, np.ndarray]
) -> None:
    track, _ = portrait
    painter = painter_of(closed)
    skin = float(cheek_colour(painter.person[..., :3], painter.geometry) @ LUMA)
    motion = motion_of(track, blink=np.array([5.0]))
    targets = painter.warp.targets(closed.head.vertices_px(motion)[0][0].astype(np.float64), 5.0)
    light = next(iter(closed.crops(motion))).astype(np.float32) @ LUMA
    for ring in EYES:
        upper, lower = painter.geometry.landmarks_px[ring[2:7]], targets[ring[:8:-1]][1:6]
        for top, edge in zip(upper, lower, strict=True):
            column = light[round(float(top[1])) - 2 : round(float(edge[1])) + 4, round(float(edge[0]))]
            darkest = int(column.argmin()) + round(float(top[1])) - 2
            assert abs(darkest + 0.5 - edge[1]) < 1.6  # the lashes lie on the lower lid
            assert 0.4 * skin < column.min() < 0.9 * skin
            lid = column[: int(column.argmin()) - 2]
            assert 0.75 * skin < lid.min() and lid.max() < 1.15 * skin  # neither iris nor white shines through


def test_saved_and_loaded_it_paints_the_same(person: PersonRenderer, track: FaceTrack, tmp_path) -> None:
    person.save(tmp_path)
    again = PersonRenderer.load(tmp_path, mp478.load())
    motion = wild(track, 3)
    pairs = zip(person.frames(motion), again.frames(motion), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("name", [VIDEO_FILE, APPEARANCE_FILE])
def test_files_of_another_form_are_told_in_words_of_the_person(person: PersonRenderer, name: str, tmp_path) -> None:
    person.save(tmp_path)
    arrays, notes = read_tensors(tmp_path / name)
    tensor = "teeth" if name == VIDEO_FILE else "plate"
    write_tensors(tmp_path / name, arrays | {tensor: arrays[tensor][:-1]}, notes)
    with pytest.raises(InputError, match="enroll the person again") as told:
        PersonRenderer.load(tmp_path, mp478.load())
    assert name in str(told.value) and "state_dict" not in str(told.value)
