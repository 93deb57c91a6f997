"""Detail by region, change of the background and LipLeak on pictures and lips whose faults are planted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from evaluation import controls
from evaluation.clips import Clip, Pair
from evaluation.metrics import detail, lips
from evaluation.network_registry import METRICS
from evaluation.regions import corner_mask, detail_masks, label_mask
from face_model.tracks import Sound
from talking_head.provenance.label import stamp
from tests.evaluation.synthetic import landmarks, syllables, tone

FPS, FRAMES, SIDE = 25.0, 20, 400


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Noise at several scales, of about the levels that a portrait has."""
    random = np.random.default_rng(0)
    layers = [
        cv2.resize(random.uniform(0, 255, (n, n, 3)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        for n in (8, 40, 200)
    ]
    return np.clip(sum(layers) / 3, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def clip(picture: np.ndarray) -> Clip:
    """A face that stands still before a picture whose grain changes a little."""
    grain = [np.random.default_rng(k).integers(-1, 2, picture.shape) for k in range(FRAMES)]
    frames = [np.clip(picture.astype(int) + g, 0, 255).astype(np.uint8) for g in grain]
    return Clip("clip", FPS, landmarks(FRAMES), np.ones(FRAMES, bool), np.zeros(FRAMES), frames=lambda: frames)


def answers(faulty: Clip, truth: Clip) -> dict[str, float]:
    pair = Pair(faulty, truth)
    names = [f"detail_{region}" for region in detail.REGIONS] + ["background_change"]
    return {name: METRICS[name].measure(pair) for name in names}


def test_the_truth_against_itself_is_one(clip):
    assert all(value == 1 for value in answers(clip, clip).values())


@pytest.mark.parametrize(("fault", "softer"), [("blurred", True), ("resized", True), ("noisy", False)])
def test_detail_is_lost_by_blur_and_enlarging_and_made_by_noise_in_every_region(clip, fault, softer):
    told = answers(controls.FAULTS[fault].change(clip), clip)
    for region in detail.REGIONS:
        value = told[f"detail_{region}"]
        assert value < 0.7 if softer else value > 1.3, region


def test_one_regions_fault_is_that_regions_alone(clip, picture):
    masks = detail_masks(clip.landmarks_px[0], SIDE, SIDE)
    soft = cv2.GaussianBlur(picture, (0, 0), 3)
    for name, mask in masks.items():
        told = answers(controls.by_frame(clip, lambda k, f, c, m=mask: np.where(m[..., None], soft, f)), clip)
        others = {"hair", "torso", "background"} - {name}  # the mouth is in the face
        assert told[f"detail_{name}"] < 0.5
        assert all(told[f"detail_{other}"] == pytest.approx(1, abs=0.15) for other in others)


def test_a_background_may_neither_freeze_nor_flicker(clip):
    frozen = controls.FAULTS["background_frozen"].change(clip)
    assert answers(frozen, clip)["background_change"] < 0.5
    metric = METRICS["background_frozen"]
    assert metric.measure(Pair(frozen)) == 1 and metric.measure(Pair(clip)) == 0
    assert answers(controls.FAULTS["noisy"].change(clip), clip)["background_change"] > 2
    change = {detail.CHANGE: np.array([np.nan, 0.9, 0.9])}
    assert detail.change_ratio(change, {detail.CHANGE: np.array([np.nan, 0.3, 0.3])}) == pytest.approx(2)


def test_films_of_another_size_are_compared_at_theirs(clip, picture):
    """A small film of a sharp video is not soft for its size; one that was enlarged is no sharper than it was."""
    def scaled(by: float) -> Clip:
        method = cv2.INTER_AREA if by < 1 else cv2.INTER_CUBIC
        frames = [cv2.resize(f, None, fx=by, fy=by, interpolation=method) for f in clip.frames()]
        return Clip("", FPS, clip.landmarks_px * by, clip.valid, clip.blink, frames=lambda: frames)

    half = scaled(0.5)
    for name, value in answers(half, clip).items():
        if name.startswith("detail"):
            assert value == pytest.approx(1, abs=0.05), name
    for region in detail.REGIONS:
        assert METRICS[f"detail_{region}"].measure(Pair(scaled(2.0), clip)) == pytest.approx(1, abs=0.05)


def test_the_label_lies_where_nothing_is_measured():
    for height, width in ((256, 256), (360, 640), (450, 450), (1080, 1920), (1920, 1080)):
        blank = np.full((height, width, 3), 120, np.uint8)
        marked = (stamp(blank) != blank).any(-1)
        assert marked.any() and not (marked & ~label_mask(height, width)).any(), (height, width)
        face = landmarks(1, eye_px=0.2 * height, position=np.array([0.5 * width, -0.3 * height]))[0]
        assert not any((mask & marked).any() for mask in detail_masks(face, height, width).values())


def test_parts_lie_where_they_are_named():
    points = landmarks(2)
    masks = detail_masks(points[0], SIDE, SIDE)
    nose, brow, chin = (points[0, k, :2].round().astype(int) for k in (4, 10, 152))
    assert masks["face"][nose[1], nose[0]] and not masks["mouth"][nose[1], nose[0]]
    assert masks["hair"][brow[1] - 10, brow[0]] and not masks["hair"][chin[1] + 10, chin[0]]
    assert masks["torso"][chin[1] + 40, chin[0]] and not masks["torso"][: chin[1]].any()
    assert not (masks["face"] & masks["hair"]).any() and (masks["mouth"] <= masks["face"]).all()
    corners = corner_mask(points, np.ones(2, bool), SIDE, SIDE)
    assert corners[0, 0] and corners[0, -1] and not corners[-1].any()
    close = landmarks(2, eye_px=200.0)
    assert not corner_mask(close, np.ones(2, bool), SIDE, SIDE).any()


def _speaking(pause_s: float) -> tuple[np.ndarray, np.ndarray]:
    """An opening `[T]` of speech with a pause in its middle, and where the pause is."""
    opening, pause = syllables(250, FPS), np.zeros(250, bool)
    pause[100 : 100 + round(pause_s * FPS)] = True
    return opening, pause


@pytest.mark.parametrize(("gap_in_pause", "leak"), [(0.0, 0.0), (0.2, 1.0)])
def test_lip_leak_counts_open_lips_in_silence(gap_in_pause, leak):
    opening, pause = _speaking(2.0)
    gap = np.where(pause, gap_in_pause, 0.25 * opening)
    head = Clip("", FPS, landmarks(250, gap=gap), np.ones(250, bool), np.zeros(250)).head
    assert lips.lip_leak(head, tone(np.where(pause, 0, opening), FPS)) == pytest.approx(leak, abs=0.03)


def test_lips_that_close_and_open_around_speech_do_not_leak():
    opening, pause = _speaking(1.0)
    inside = np.flatnonzero(pause)
    gap = np.where(pause, 0.0, 0.25 * opening)
    gap[inside[:3]] = gap[inside[-3:]] = 0.15
    head = Clip("", FPS, landmarks(250, gap=gap), np.ones(250, bool), np.zeros(250)).head
    assert lips.lip_leak(head, tone(np.where(pause, 0, opening), FPS)) == 0


def test_a_muted_film_leaks_all_that_it_says():
    opening, _ = _speaking(0.0)
    clip = Clip("", FPS, landmarks(250, gap=0.25 * opening), np.ones(250, bool), np.zeros(250), tone(opening, FPS))
    muted = controls.FAULTS["muted"].change(clip)
    assert np.isnan(METRICS["lip_leak"].measure(Pair(clip)))  # no pause of half a second
    assert METRICS["lip_leak"].measure(Pair(muted)) == pytest.approx((opening > 0.1).mean(), abs=0.12)
    assert isinstance(muted.sound, Sound) and not muted.sound.samples.any()
