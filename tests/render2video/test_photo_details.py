"""What the photo profile paints into a photo: teeth, lids and lashes; and lips that stay the person's."""

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
from preprocessing.photo_fitting import fit_photo
from render2video.photo.light import LUMA, blur_px, cheek_colour
from render2video.photo.person import photo_person
from render2video.photo.renderer import PhotoRenderer
from render2video.photo.teeth import hanging, teeth_of, without_holes
from render2video.photo.warp import EYES, LIP_OUTER, LIP_RING, LIP_SIDES, LOWER_LIP, THINNEST_LIP, UPPER_LIP
from tests.render2video.photo_scenes import motion_of, painter_of, square_of

LARGE_PX, NEAR_POSE_MM = 384, (-2.0, 10.0, -1080.0)  # 1.6 pixels a mm
OWN_TEETH = (225, 215, 195)
SKIN, WHITE = np.array([205.0, 160.0, 135.0]), np.array([200.0, 185.0, 172.0])


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
def closed(portrait: tuple[FaceTrack, np.ndarray]) -> PhotoRenderer:
    return photo_person(portrait[1], portrait[0], np.zeros(64, np.float32))


def opened(track: FaceTrack, gap_mm: float) -> FaceMotion:
    """The photo's pose with lips so far apart."""
    model = mp478.load()
    gap = (model.expression_mm[:, 13, 1] - model.expression_mm[:, 14, 1]).numpy()
    return motion_of(track, expression=(gap_mm * gap / (gap @ gap))[None])


def between_lips(person: PhotoRenderer, motion: FaceMotion) -> tuple[np.ndarray, np.ndarray]:
    """A crop `[S, S, 3]` float32 of one frame, and where it shows the inside of the mouth, well within the lips."""
    painter = painter_of(person)
    targets = painter.warp.targets(person.head.vertices_px(motion)[0][0].astype(np.float64), 0.0)
    crop = square_of(person, motion).astype(np.float32)
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(targets[LIP_RING]).astype(np.int32)], 1)
    return crop, cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0


def test_teeth_that_no_photo_showed_are_as_bright_as_the_white_of_the_eyes(
    closed: PhotoRenderer, portrait: tuple[FaceTrack, np.ndarray]
) -> None:
    track, photo = portrait
    crop, inside = between_lips(closed, opened(track, 9.0))
    light = crop[inside] @ LUMA
    teeth = np.median(crop[inside][light > np.quantile(light, 0.9)], axis=0)
    assert 0.85 * WHITE @ LUMA < teeth @ LUMA < 1.15 * WHITE @ LUMA  # as measured on people, and a glint
    assert teeth[0] / teeth[2] < 0.95 * SKIN[0] / SKIN[2]  # paler than skin
    assert np.quantile(light, 0.1) < 0.35 * WHITE @ LUMA  # above a dark cavity
    dark = np.clip(photo * 0.5, 0, 255).astype(np.uint8)
    again, _ = between_lips(photo_person(dark, track, np.zeros(64, np.float32)), opened(track, 9.0))
    assert np.median(again[inside][light > np.quantile(light, 0.9)], axis=0) == pytest.approx(teeth / 2, rel=0.15)


def test_upper_teeth_stay_with_the_skull_and_keep_their_width(
    closed: PhotoRenderer, portrait: tuple[FaceTrack, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render2video.photo.mouth.WARMER", np.ones(3, np.float32))  # else the code would change
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


def test_lower_teeth_show_in_a_wide_mouth_only(closed: PhotoRenderer, portrait: tuple[FaceTrack, np.ndarray]) -> None:
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
    closed: PhotoRenderer, portrait: tuple[FaceTrack, np.ndarray]
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
    closed: PhotoRenderer, portrait: tuple[FaceTrack, np.ndarray]
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


def test_lids_close_as_far_as_the_blink_says(
    closed: PhotoRenderer, portrait: tuple[FaceTrack, np.ndarray]
) -> None:
    person, track = closed, portrait[0]
    painter = painter_of(person)
    opening = []
    for blink in (0.0, 2.5, 5.0):
        points, _ = person.head.vertices_px(motion_of(track, blink=np.array([blink])))
        target = painter.warp.targets(points[0].astype(np.float64), blink)
        opening.append(np.mean([np.linalg.norm(target[e[1:8]] - target[e[:8:-1]], axis=1).mean() for e in EYES]))
    assert opening[2] < 1e-6
    assert opening[1] == pytest.approx(opening[0] / 2, rel=0.05)


def test_a_closed_eye_is_skin_with_a_line_of_lashes_along_the_lower_lid(
    closed: PhotoRenderer, portrait: tuple[FaceTrack, np.ndarray]
) -> None:
    track, _ = portrait
    painter = painter_of(closed)
    skin = float(cheek_colour(painter.person[..., :3], painter.geometry) @ LUMA)
    motion = motion_of(track, blink=np.array([5.0]))
    targets = painter.warp.targets(closed.head.vertices_px(motion)[0][0].astype(np.float64), 5.0)
    light = square_of(closed, motion).astype(np.float32) @ LUMA
    for ring in EYES:
        upper, lower = painter.geometry.landmarks_px[ring[2:7]], targets[ring[:8:-1]][1:6]
        for top, edge in zip(upper, lower, strict=True):
            column = light[round(float(top[1])) - 2 : round(float(edge[1])) + 4, round(float(edge[0]))]
            darkest = int(column.argmin()) + round(float(top[1])) - 2
            assert abs(darkest + 0.5 - edge[1]) < 1.6  # the lashes lie on the lower lid
            assert 0.4 * skin < column.min() < 0.9 * skin
            lid = column[: int(column.argmin()) - 2]
            assert 0.75 * skin < lid.min() and lid.max() < 1.15 * skin  # neither iris nor white shines through


def test_a_lid_is_of_the_skin_around_and_its_lashes_travel_down(
    portrait: tuple[FaceTrack, np.ndarray],
) -> None:
    """Dark lashes above each eye and eyes of black: neither colours the lid, and where the lashes were, skin is."""
    track, photo = portrait
    points, made_up = track.landmarks_px[0, :, :2], photo.copy()
    for ring in EYES:
        width = float(np.linalg.norm(points[ring[8]] - points[ring[0]]))
        cv2.fillPoly(made_up, [np.rint(points[ring]).astype(np.int32)], (20, 15, 15))
        for corner in points[ring[1:8]]:
            tip = corner - (0, 0.1 * width)
            cv2.line(made_up, np.rint(corner).astype(int).tolist(), np.rint(tip).astype(int).tolist(), (25, 20, 20), 2)
    person = photo_person(made_up, track, np.zeros(64, np.float32))
    painter = painter_of(person)
    seen = {}
    for blink in (0.0, 5.0):
        motion = motion_of(track, blink=np.array([blink]))
        targets = painter.warp.targets(person.head.vertices_px(motion)[0][0].astype(np.float64), blink)
        seen[blink] = square_of(person, motion).astype(np.float32)
    for ring in EYES:
        upper, lower = painter.geometry.landmarks_px[ring[3:6]], targets[ring[13:10:-1]]
        width = float(np.linalg.norm(targets[ring[8]] - targets[ring[0]]))
        for top, edge in zip(upper, lower, strict=True):
            column, lash = round(float(top[0])), round(float(top[1] - 0.05 * width))
            rows = slice(lash, round(float(edge[1])) - 4)
            lid = seen[5.0][rows, column - 1 : column + 2].reshape(-1, 3)
            np.testing.assert_allclose(np.median(lid, axis=0), SKIN, atol=14)
            assert (lid @ LUMA).min() > 0.8 * SKIN @ LUMA  # no lash stays above
            below = seen[5.0][round(float(edge[1])) : round(float(edge[1] + 0.06 * width)), column] @ LUMA
            assert below.mean() < 0.8 * SKIN @ LUMA and (seen[0.0][lash, column] @ LUMA) < 0.5 * SKIN @ LUMA


def test_eyes_that_narrow_in_speech_keep_their_lashes(closed: PhotoRenderer) -> None:
    painter = painter_of(closed)
    picture = painter.person[..., :3].astype(np.float32)
    same = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    for blink, changes in ((0.9, False), (3.0, True)):
        made = picture.copy()
        painter.lids.paint(made, painter.geometry.landmarks_px, blink, [same, same])
        assert np.array_equal(made, picture) != changes


def test_lips_stay_as_full_as_the_photos(closed: PhotoRenderer, portrait: tuple[FaceTrack, np.ndarray]) -> None:
    """The lower lip of a photo is half as thick again as the mesh's: at rest it is what it was; the nose stays."""
    track, photo = portrait
    fuller = replace(track, landmarks_px=track.landmarks_px.copy())
    lower = list(mp478.OUTER_LIPS)[11:]
    inner = list(mp478.INNER_LIPS)[11:]
    fuller.landmarks_px[0, lower] += 0.5 * (track.landmarks_px[0, lower] - track.landmarks_px[0, inner])
    person = photo_person(photo, fuller, np.zeros(64, np.float32))
    painter = painter_of(person)
    rest = motion_of(track, expression=np.zeros((1, 64)))
    targets = painter.warp.targets(person.head.vertices_px(rest)[0][0].astype(np.float64), 0.0)
    both = targets, painter.geometry.landmarks_px
    shown, own = (np.linalg.norm(points[lower] - points[inner], axis=1)[2:7] for points in both)
    np.testing.assert_allclose(shown, own, rtol=0.08)
    before = painter_of(closed).warp.targets(person.head.vertices_px(rest)[0][0].astype(np.float64), 0.0)
    moved = np.linalg.norm(targets - before, axis=1)
    assert moved[1] < 0.3 and moved[152] < 1.0 < moved[17]  # nose and chin; the lip's edge


def test_no_expression_stretches_lips_to_a_line(closed: PhotoRenderer, portrait: tuple[FaceTrack, np.ndarray]) -> None:
    warp, basis = painter_of(closed).warp, mp478.load().expression_mm.numpy()[..., 1]
    thick = (basis[:, LIP_OUTER] - basis[:, LIP_RING]) @ LIP_SIDES
    thin = motion_of(portrait[0], expression=(-150 * thick / (thick @ thick))[None])  # by 7 mm in all
    driven = closed.head.vertices_px(thin)[0][0].astype(np.float64)
    tall = {}
    for share in (0.0, THINNEST_LIP):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("render2video.photo.warp.THINNEST_LIP", share)
            targets = warp.targets(driven, 0.0)
        up = (driven[10] - driven[152]) / np.linalg.norm(driven[10] - driven[152])
        tall[share] = (targets[LIP_OUTER] - targets[LIP_RING]) @ up * LIP_SIDES / np.maximum(warp.lip_px, 1e-9)
    middle = np.flatnonzero(LIP_SIDES)[2:-2]
    assert tall[0.0][middle].min() < 0.3 and tall[THINNEST_LIP][middle].min() > 0.95 * THINNEST_LIP


@pytest.fixture(scope="module")
def showing() -> tuple[FaceTrack, np.ndarray]:
    """A face with its mouth open and, between the lips, four upper front teeth on two lower ones; its photo."""
    model, camera = mp478.load(), WeakPerspectiveCamera.for_size(LARGE_PX, LARGE_PX)
    gap = (model.expression_mm[:, 13, 1] - model.expression_mm[:, 14, 1]).numpy()
    expression = torch.from_numpy((9.0 * gap / (gap @ gap)).astype(np.float32))
    face = model.vertices(model.mean_mm, expression, torch.zeros(()))
    points, depth = camera.project(rotate(face, torch.tensor([0.05, -0.08, 0.03])), torch.tensor(NEAR_POSE_MM))
    away = (depth.numpy() - NEAR_POSE_MM[2]) * camera.focal_px / -NEAR_POSE_MM[2]
    landmarks = np.concatenate((points.numpy(), away[:, None]), axis=1)
    photo = np.full((LARGE_PX, LARGE_PX, 3), SKIN, np.float32)
    lips = (mp478.OUTER_LIPS, (150, 80, 75)), (mp478.INNER_LIPS, (40, 20, 20))
    for ring, colour in (*lips, *((ring, WHITE) for ring in EYES)):
        cv2.fillPoly(photo, [np.rint(landmarks[list(ring), :2]).astype(np.int32)], tuple(map(float, colour)))
    top, bottom = landmarks[13, :2], landmarks[14, :2]
    inside = np.zeros((LARGE_PX, LARGE_PX), np.uint8)
    cv2.fillPoly(inside, [np.rint(landmarks[mp478.INNER_LIPS, :2]).astype(np.int32)], 1)
    teeth = np.zeros_like(photo)
    bite = top[1] + 0.6 * (bottom[1] - top[1])
    rows = (top[1] - 5, bite - 1, 20, OWN_TEETH), (bite + 1, bottom[1] + 2, 12, (230, 220, 120))
    for low, high, wide, colour in rows:
        corners = (round(top[0]) - wide, round(low)), (round(top[0]) + wide, round(high))
        cv2.rectangle(teeth, *corners, tuple(map(float, colour)), -1)
    shown = (teeth.max(-1) > 0) & (inside > 0)
    photo[shown] = teeth[shown]
    return fit_photo(landmarks, LARGE_PX, LARGE_PX, "made"), cv2.GaussianBlur(photo, (0, 0), 0.7).astype(np.uint8)


def test_teeth_that_the_photo_shows_are_kept_and_their_row_goes_on(showing: tuple[FaceTrack, np.ndarray]) -> None:
    track, photo = showing
    person = photo_person(photo, track, np.zeros(64, np.float32))
    crop, inside = between_lips(person, opened(track, 14.0))
    rows, columns = np.nonzero(inside)
    colour = crop[inside]
    yellow = (colour[:, 0] - colour[:, 2] > 70) & (colour @ LUMA > 120)
    assert yellow.mean() < 0.01  # the lower teeth do not hang from the upper ones
    middle = columns.mean()
    light = np.array(OWN_TEETH) @ LUMA
    own = (colour @ LUMA > 0.55 * light) & (np.abs(columns - middle) < 8)
    np.testing.assert_allclose(np.quantile(colour[own], 0.8, axis=0), OWN_TEETH, rtol=0.12)
    beside = (colour @ LUMA > 0.35 * light) & (np.abs(columns - middle) > 22)  # half lit, near the corners
    assert beside.sum() > 30  # where the photo showed darkness
    seen = np.median(colour[beside], axis=0)
    assert 0.8 < (seen[0] / seen[2]) / (OWN_TEETH[0] / OWN_TEETH[2]) < 1.25  # in the colour of the photo's own
