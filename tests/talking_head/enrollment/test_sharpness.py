"""What an enrollment tells of sharpness, by region, and what to do where a person is painted soft."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from render2video.conditioning import HeadRenderer
from render2video.footage.config import FootageConfig
from render2video.footage.footage import Footage
from render2video.footage.network import MouthFinisher
from render2video.footage.painter import FootagePainter
from render2video.footage.quality import from_other_moments
from talking_head.enrollment.sharpness import LOW, advice, sharpness, told
from tests.render2video.drawn_person import HEIGHT_PX, MODEL, WIDTH_PX, talking_track
from tests.render2video.in_memory import Pictures

FRAMES = 40


@pytest.fixture(scope="module")
def painted():
    """A painter on frames of one texture that moves along with the face, and their track."""
    track = talking_track(FRAMES)
    still = replace(track.motion, **{k: 0 * getattr(track.motion, k) for k in ("expression", "rotation", "blink")})
    still = replace(still, translation=np.tile(track.motion.translation[:1], (FRAMES, 1)))
    head = HeadRenderer(MODEL, track.person, track.camera, 1)
    points = head.vertices_px(still)[0][:, : len(head.neutral_mm)]
    track = replace(track, motion=still, landmarks_px=np.pad(points, ((0, 0), (0, 0), (0, 1))).astype(np.float32))
    light = np.random.default_rng(0).integers(40, 200, (HEIGHT_PX, WIDTH_PX, 1)).astype(np.uint8)
    texture = np.tile(light, 3)  # grey: of colours, footage has a quarter of the pixels, and this shall lose nothing
    return track, head, cv2.GaussianBlur(texture, (0, 0), 1.0)


def painter_of(track, head, frames) -> FootagePainter:
    unbroken, nothing = np.zeros(FRAMES, bool), np.zeros((FRAMES, 1), np.float32)
    footage = Footage(Pictures(frames), head, track.motion, track.valid, unbroken, nothing)
    return FootagePainter(footage, MouthFinisher(48, 8), FootageConfig(general=False))


def test_real_frames_of_one_sharpness_are_told_as_sharp(painted):
    track, head, texture = painted
    found = sharpness(painter_of(track, head, [texture] * FRAMES), track)
    assert found["detail_hair"] == pytest.approx(1.0, abs=0.1) and found["detail_face"] > 0.85
    assert not list(advice(found)) and "hair 1" in told(found)


def test_frames_that_must_be_taken_from_softer_moments_are_told_with_what_to_do(painted):
    """Only the first frames are sharp: what stands for it is always from a soft moment."""
    track, head, texture = painted
    soft = cv2.GaussianBlur(texture, (0, 0), 2.5)
    usable = np.zeros(FRAMES, bool)
    usable[:3] = usable[20:23] = True
    frames = [texture if index < 3 else soft for index in range(FRAMES)]
    painter = painter_of(replace(track, valid=usable), head, frames)
    made = from_other_moments(painter, 1)
    assert made is not None
    energy = [np.square(cv2.Laplacian(p[:40].astype(np.float32), cv2.CV_32F)).mean() for p in (made, texture)]
    assert energy[0] < 0.3 * energy[1]
    lines = list(advice({"detail_hair": LOW - 0.2, "detail_face": 1.0}))
    assert len(lines) == 1 and "hair" in lines[0] and "55%" in lines[0] and "record longer" in lines[0]


def test_without_another_moment_nothing_is_told(painted):
    track, head, texture = painted
    few = np.zeros(FRAMES, bool)
    few[:5] = True
    found = sharpness(painter_of(replace(track, valid=few), head, [texture] * FRAMES), track)
    assert found == {} and told(found) == ""
