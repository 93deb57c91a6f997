"""Fitting a face model to points that are not its vertices: against a head whose motion is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from face_model import mp478
from face_model.cameras import WeakPerspectiveCamera
from face_model.correspondence import PLACES68
from face_model.morphable_model import rotate
from face_model.tracks import FaceMotion
from motion_models.lips import lip_gap_mm
from preprocessing.fitting import fit_clip
from preprocessing.places import places
from preprocessing.tracking.landmarks import LandmarkTrack
from preprocessing.tracking.layouts import MP478, POINTS68

MODEL = mp478.load()
WIDTH, HEIGHT, FRAMES = 640, 480, 40


def spoken() -> FaceMotion:
    """A head that turns and talks."""
    time = np.arange(FRAMES) / 12
    expression = (0.8 * np.sin(time[:, None] * np.linspace(1, 4, 64) + np.arange(64))).astype(np.float32)
    rotation = (0.2 * np.sin(time[:, None] * np.array([1.0, 1.7, 2.3]))).astype(np.float32)
    place = np.stack((20 * np.sin(time), 10 * np.cos(time), np.full(FRAMES, -1600.0)), axis=1).astype(np.float32)
    return FaceMotion(25.0, expression, rotation, place, np.zeros(FRAMES, np.float32))


def seen(motion: FaceMotion, points: tuple[int, ...], deep: bool = True, noise_px: float = 0.0) -> LandmarkTrack:
    """What a tracker that gives these vertices of a person sees of the motion."""
    person = MODEL.shape(torch.from_numpy(np.linspace(-1, 1, 80).astype(np.float32)))
    face = MODEL.vertices(person, torch.from_numpy(motion.expression), torch.from_numpy(motion.blink))
    turned = rotate(face, torch.from_numpy(motion.rotation))[:, list(points)]
    camera = WeakPerspectiveCamera.for_size(WIDTH, HEIGHT)
    xy, _ = camera.project(turned, torch.from_numpy(motion.translation))
    z = turned[..., 2] * camera.focal_px / 1600 * float(deep)
    pixels = torch.cat((xy, z[..., None]), -1).numpy()
    pixels[..., :2] += np.random.default_rng(0).normal(0, noise_px, pixels[..., :2].shape)
    ones = np.ones(FRAMES, np.float32)
    return LandmarkTrack(
        25.0, WIDTH, HEIGHT, pixels.astype(np.float32), np.zeros((FRAMES, 0), np.float32), ones, ones.astype(bool),
        ones.astype(np.int32), 0 * ones,
    )


@pytest.mark.parametrize("deep", [True, False])
def test_68_points_tell_pose_and_lips_with_and_without_depth(deep: bool) -> None:
    motion = spoken()
    fitted = fit_clip(seen(motion, PLACES68, deep, 0.3), None, blink=motion.blink).motion
    assert fitted.face_model == "mp478" and fitted.expression.shape == motion.expression.shape
    off = np.abs(fitted.rotation - motion.rotation)
    # A constant turn is what a shape of its own may be taken for; what follows it must be right.
    assert np.degrees(off.mean(0)).max() < 3 and np.degrees((fitted.rotation - motion.rotation).std(0)).max() < 1
    gaps = [lip_gap_mm(MODEL, m.expression) for m in (fitted, motion)]
    assert np.corrcoef(*gaps)[0, 1] > 0.95 and 0.85 < gaps[0].std() / gaps[1].std() < 1.15
    assert np.abs(fitted.translation[:, :2] - motion.translation[:, :2]).max() < 3


def test_the_landmarkers_points_are_mp478s_own_vertices() -> None:
    assert places(MODEL, MP478) is None
    found = places(MODEL, POINTS68)
    assert found is not None and len(found.points) == 52 and 0 not in found.points  # the jaw but for the chin
    np.testing.assert_allclose(
        found.on(MODEL).mean_mm.numpy(), MODEL.mean_mm.numpy()[[PLACES68[k] for k in found.points]], atol=1e-6
    )
