"""The paper profile's picture: the fitted face under its own light, whoever draws it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from face_model import mp478
from face_model.cameras import WeakPerspectiveCamera
from face_model.illumination import AMBIENT, CONSTANT_TERM
from face_model.morphable_model import Region
from face_model.tracks import FaceIdentity, FaceMotion
from foundation.errors import InputError
from preprocessing.media import read_frames
from render2video.conditioning import Conditioning, HeadRenderer
from render2video.paper import PaperConfig, PaperProfileConfig
from render2video.person import train_person
from render2video.person_video import load_person_video, prepare_person_video
from render2video.rasterizer import array_rasterizer
from training import Duration

MODEL, SIZE_PX = mp478.load(), 128
CAMERA = WeakPerspectiveCamera.for_size(SIZE_PX, SIZE_PX)
FACE = FaceIdentity(np.zeros(80, np.float32), np.zeros(80, np.float32), AMBIENT, 1.0)


def drawn(
    person: FaceIdentity = FACE, yaw: float = 0.0, expression: float = 0.0, renderer: str = "numba"
) -> Conditioning:
    motion = FaceMotion.unpack(np.zeros((1, 71), np.float32))
    motion.rotation[0, 1], motion.translation[0, 2] = yaw, -900.0
    motion.expression[0, 0] = expression
    return next(HeadRenderer(MODEL, person, CAMERA, 64, array_rasterizer(renderer))(motion))


def test_white_light_leaves_the_albedo() -> None:
    frame = drawn()
    shown = frame.lit[frame.face & (frame.region != Region.INNER_MOUTH)]
    assert frame.lit.dtype == np.float32 and shown.min() > 0
    albedo = MODEL.albedo.numpy()
    assert np.all(shown.min(0) >= albedo.min(0) - 1e-4) and np.all(shown.max(0) <= albedo.max(0) + 1e-4)
    np.testing.assert_allclose(shown.mean(0), albedo.mean(0), atol=0.1)


def test_light_from_one_side_lights_that_side_wherever_the_head_turns() -> None:
    light = AMBIENT.copy().reshape(3, 9)
    light[:, 3] = -0.6 / CONSTANT_TERM  # of x: from the viewer's right
    person = replace(FACE, illumination=light.ravel())
    for yaw in (0.0, 0.5):
        frame, plain = drawn(person, yaw), drawn(FACE, yaw)
        gain = np.where(plain.lit > 0.05, frame.lit / np.maximum(plain.lit, 1e-3), np.nan)[..., 0]
        half = int(frame.points_px[:478, 0].mean())
        right, left = np.nanmean(gain[:, half + 10 :]), np.nanmean(gain[:, : half - 10])
        assert right > 1.1 > 0.9 > left
        assert abs(np.nanmean(gain[:, half - 3 : half + 3]) - 1) < 0.25


def test_texture_and_expression_are_the_persons() -> None:
    texture = np.zeros(80, np.float32)
    texture[0] = 2.0
    own = drawn(replace(FACE, texture=texture))
    wanted = (MODEL.albedo + 2 * MODEL.texture[0]).numpy().mean(0)
    shown = own.lit[own.face & (own.region != Region.INNER_MOUTH)].mean(0)
    assert np.abs(shown - wanted).max() < 0.1 and np.abs(own.lit - drawn().lit).max() > 0.02
    assert np.abs(drawn(expression=3.0).lit - drawn().lit).max() > 0.1


def test_around_the_face_and_in_the_mouth_it_is_black() -> None:
    frame = drawn()
    assert not frame.lit[~frame.face].any() and not frame.lit[frame.region == Region.INNER_MOUTH].any()


def test_whoever_draws_it_it_is_the_same() -> None:
    one, other = drawn(yaw=0.3), drawn(yaw=0.3, renderer="torch")
    assert np.array_equal(one.region, other.region) and np.abs(one.lit - other.lit).max() < 1e-5
    assert np.array_equal(one.eye_attention, other.eye_attention)


def test_the_paper_profile_sees_it_unless_told_otherwise() -> None:
    assert PaperProfileConfig().picture == "lit"
    with pytest.raises(InputError, match="picture 'litt'.*lit, layers"):
        PaperProfileConfig(picture="litt")


@pytest.mark.slow
def test_a_small_one_learns_somebody_who_can_be_recognised(footage: Path, landmarker: None, tmp_path: Path) -> None:
    """From lit faces, its own frame before, and 400 steps: hair, background and the mouth's movement come back."""
    from talking_head.enrollment.tracking import track

    measured = track(footage, tmp_path / "track", cache=tmp_path).track
    prepare_person_video(read_frames(footage), measured, 96, tmp_path, MODEL)
    video = load_person_video(tmp_path, measured, MODEL)
    taught = 120
    small = PaperConfig(9, 4, width=24, downs=3, blocks=3, scales=2, discriminator_width=16, discriminator_layers=2)
    config = PaperProfileConfig(networks=small)
    renderer, _ = train_person(video[:taught], config, tmp_path / "run", Duration(steps=400), profile="paper")
    held = slice(taught, len(measured))
    made, real = np.stack(list(renderer.crops(measured.motion[held]))).astype(float), video.crops[held].astype(float)
    mean = video.crops[:taught].astype(float).mean(0)
    error = np.square(made - real).mean()
    assert 10 * np.log10(255**2 / error) > 21
    assert error < 2 * np.square(mean - real).mean()  # a still picture is hard to beat pixel by pixel
    mouth = video.draw(taught).points_px[[13, 14, 78, 308]]
    (left, top), (right, bottom) = mouth.min(0).astype(int) - 4, mouth.max(0).astype(int) + 5
    darkness = [frames[:, top:bottom, left:right].mean((1, 2, 3)) for frames in (made, real)]
    assert np.corrcoef(*darkness)[0, 1] > 0.4
    early, late = np.array_split(np.square(made - real).mean((1, 2, 3)), 2)
    assert late.mean() < 2 * early.mean()  # errors do not grow along the film
